import { expect, test } from "bun:test";
import { agentOf, chatHeaders } from "../../../src/providers/kiro/headers.ts";
import { apiRegion, hostsOf, KIRO_URLS, profileOf } from "../../../src/providers/kiro/hosts.ts";
import { readMemory, type KiroMemory } from "../../../src/providers/kiro/memory.ts";
import type { KiroCredential, LoginKind } from "../../../src/providers/kiro/credential.ts";

const login = (kind: LoginKind, over: Partial<KiroCredential> = {}): KiroCredential => ({
  kind,
  origin: "o",
  accessToken: "a",
  region: "us-east-1",
  ...over,
});
const names = (credential: KiroCredential, memory: KiroMemory = {}): string[] =>
  hostsOf(credential, memory, KIRO_URLS).map(({ name }) => name);

test.each<{ name: string; credential: KiroCredential; memory?: KiroMemory; hosts: string[] }>([
  { name: "social", credential: login("social"), hosts: ["runtime", "runtime-rest", "legacy", "codewhisperer"] },
  {
    name: "Builder ID",
    credential: login("builder-id"),
    hosts: ["runtime", "runtime-rest", "legacy", "codewhisperer"],
  },
  { name: "an organisation", credential: login("idc"), hosts: ["runtime", "runtime-rest", "legacy"] },
  { name: "an API key", credential: login("api-key"), hosts: ["codewhisperer", "legacy"] },
  {
    name: "Europe, which has no codewhisperer host",
    credential: login("social", { region: "eu-west-1" }),
    hosts: ["runtime", "runtime-rest", "legacy"],
  },
  {
    name: "what worked goes first",
    credential: login("social"),
    memory: { host: "legacy" },
    hosts: ["legacy", "runtime", "runtime-rest", "codewhisperer"],
  },
  {
    name: "a kind that was found out",
    credential: login("idc"),
    memory: { kind: "builder-id" },
    hosts: ["runtime", "runtime-rest", "legacy", "codewhisperer"],
  },
])("the hosts of $name", ({ credential, memory, hosts }) => {
  expect(names(credential, memory)).toEqual(hosts);
});

test("each host has its own address in the account's region", () => {
  const credential = login("idc", { region: "eu-north-1" });
  const urls = { ...KIRO_URLS, legacyUrl: "http://proxy.example/q/{region}/" };
  expect(hostsOf(credential, {}, urls).map(({ url, dialect }) => `${dialect} ${url}`)).toEqual([
    "runtime https://runtime.eu-central-1.kiro.dev/",
    "runtime https://runtime.eu-central-1.kiro.dev/generateAssistantResponse",
    "legacy http://proxy.example/q/eu-central-1/generateAssistantResponse",
  ]);
});

const ARN = "arn:aws:codewhisperer:eu-central-1:1:profile/A";
test.each<{ name: string; credential: KiroCredential; region: string }>([
  { name: "the sign-in's", credential: login("idc", { region: "ap-southeast-2" }), region: "us-east-1" },
  { name: "the profile's", credential: login("idc", { profileArn: ARN }), region: "eu-central-1" },
  {
    name: "the one that was said",
    credential: login("idc", { profileArn: ARN, apiRegion: "us-east-1" }),
    region: "us-east-1",
  },
])("the region is $name", ({ credential, region }) => {
  expect(apiRegion(credential, {})).toBe(region);
});

test("profiles go where they are wanted", () => {
  expect(profileOf(login("social"), {}, "legacy")).toContain("699475941385");
  expect(profileOf(login("social", { profileArn: ARN }), {}, "runtime")).toBe(ARN);
  expect(profileOf(login("builder-id"), {}, "runtime")).toContain("638616132270");
  expect(profileOf(login("builder-id", { profileArn: ARN }), {}, "legacy")).toBeUndefined();
  expect(profileOf(login("idc"), {}, "runtime")).toBeUndefined();
  expect(profileOf(login("idc"), { profileArn: ARN }, "legacy")).toBe(ARN);
  expect(profileOf(login("api-key", { profileArn: ARN }), {}, "legacy")).toBeUndefined();
});

test("the machine id stays the account's own, whatever its tokens do", () => {
  const made = agentOf("acc_1");
  expect(made).toMatch(/KiroIDE-[\d.]+-[0-9a-f]{64}$/);
  expect(agentOf("acc_1")).toBe(made);
  expect(agentOf("acc_2")).not.toBe(made);
  expect(agentOf("acc_1", "ab".repeat(32))).toEndWith(`-${"ab".repeat(32)}`);
  expect(agentOf("acc_1", "2582956e-cc88-4669-b546-07adbffcb894")).toEndWith(
    `-${"2582956ecc884669b54607adbffcb894".repeat(2)}`,
  );
});

test("headers ask for no compression and opt out of content collection", () => {
  const legacy = { dialect: "legacy", byTarget: false } as const;
  const headers = chatHeaders({ credential: login("social"), userAgent: "first x KiroIDE-1-m" }, legacy, "id", 2);
  expect(headers).toMatchObject({
    authorization: "Bearer a",
    "accept-encoding": "identity",
    "x-amzn-codewhisperer-optout": "true",
    "x-amzn-kiro-agent-mode": "vibe",
    "amz-sdk-request": "attempt=2; max=3",
    "x-amz-user-agent": "first KiroIDE-1-m",
  });
  expect(headers["tokentype"]).toBeUndefined();
});

test("memory that cannot be read is forgotten", () => {
  expect(readMemory("x")).toEqual({});
  expect(readMemory({ host: "moon", kind: 1, profileArn: 2, models: [{ id: "auto" }, 3], lacking: ["a", 1] })).toEqual({
    models: [
      { id: "auto", contextTokens: 200_000, thinking: "none", efforts: ["low", "medium", "high"], alwaysThinks: false },
    ],
    lacking: ["a"],
  });
});
