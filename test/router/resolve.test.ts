import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/chat/error.ts";
import { Resolver } from "../../src/router/resolve.ts";
import { FakeProvider } from "./fake-provider.ts";

class Aliasing extends FakeProvider {
  override match(name: string): string | undefined {
    return name.toLowerCase().startsWith("long") ? "longcat-1" : super.match(name);
  }
}

const cat = new Aliasing("cat", ["LongCat", "LongCat-Search"]);
const fast = new FakeProvider("fast", ["gpt-5", "longest"]);
const resolver = (knownModels?: readonly string[]) =>
  new Resolver({ providers: [cat, fast], defaultModel: () => "LongCat", knownModels: () => knownModels });

const cases: { name: string; model: string | undefined; only?: string; to: string[] }[] = [
  { name: "an exact name", model: "gpt-5", to: ["fast/gpt-5"] },
  { name: "an alias, as its provider translates it", model: "longcat-flash", to: ["cat/longcat-1"] },
  {
    name: "a name that is exact at one and an alias at another: the exact one first",
    model: "longest",
    to: ["fast/longest", "cat/longcat-1"],
  },
  { name: "provider/model means that provider alone", model: "cat/longest", to: ["cat/longcat-1"] },
  { name: "no name means the default model", model: undefined, to: ["cat/longcat-1"] },
  { name: "a provider fixed by the path", model: "longest", only: "fast", to: ["fast/longest"] },
];

test.each(cases)("$name", ({ model, only, to }) => {
  expect(
    resolver()
      .resolve(model, only)
      .map((target) => `${target.provider.name}/${target.model}`),
  ).toEqual(to);
});

describe("an unknown name", () => {
  const unknown: { name: string; model: string; only?: string; says: string }[] = [
    { name: "lists near names", model: "gpt-4", says: 'There is no model "gpt-4" here. Did you mean gpt-5' },
    {
      name: "is not found at another provider than the path's",
      model: "gpt-5",
      only: "cat",
      says: "GET /v1/models lists",
    },
    {
      name: "gets no suggestion that shares next to nothing with it",
      model: "demo",
      says: "here. GET /v1/models lists",
    },
    { name: "is suggested with its case and a letter wrong", model: "GPTT-5", says: "Did you mean gpt-5?" },
    { name: "is not made known by a prefix of another provider", model: "fast/nothing", says: "There is no model" },
    { name: "may be anything", model: "/", says: "There is no model" },
  ];
  test.each(unknown)("$name", ({ model, only, says }) => {
    const ask = () => resolver().resolve(model, only);
    expect(ask).toThrow(says);
    expect(ask).toThrow(GatewayError);
  });
});

test("a name near to an unknown one is not suggested where every account was found to lack its model", () => {
  const lacking = new Resolver({
    providers: [cat, fast],
    defaultModel: () => "LongCat",
    knownModels: () => ["gpt-5", "longest"],
    accountModels: (name) => (name === "fast" ? fast.models.filter(({ id }) => id !== "gpt-5") : cat.models),
  });
  expect(() => lacking.resolve("gpt-4")).toThrow('There is no model "gpt-4" here. GET /v1/models lists');
});

test("the accounts are asked anew when their revision has moved, and not before", () => {
  let revision = 1;
  let asked = 0;
  let services = [{ provider: "fast", accountId: "1", label: "mine", models: fast.models }];
  const moving = new Resolver({
    providers: [cat, fast],
    defaultModel: () => "LongCat",
    knownModels: () => undefined,
    services: () => (asked++, services),
    revision: () => revision,
  });
  const meant = [{ provider: fast, model: "longest", account: "1" }];
  expect(moving.resolve("mine/longest")).toEqual(meant);
  const before = asked;
  services = [];
  expect(moving.resolve("mine/longest")).toEqual(meant);
  expect(asked).toBe(before);
  revision += 1;
  expect(() => moving.resolve("mine/longest")).toThrow("There is no model");
});

test("the list holds each model once, in the order of the providers", () => {
  expect(
    resolver()
      .models()
      .map(({ id }) => id),
  ).toEqual(["LongCat", "LongCat-Search", "gpt-5", "longest"]);
  expect(
    resolver()
      .models("fast")
      .map(({ id }) => id),
  ).toEqual(["gpt-5", "longest"]);
});

test("KNOWN_MODELS limits the list, may name aliases, and limits no request", () => {
  const limited = resolver(["LongCat", "longcat-pro", "unheard-of"]);
  expect(limited.models().map(({ id }) => id)).toEqual(["LongCat", "longcat-pro"]);
  expect(limited.resolve("gpt-5")).toHaveLength(1);
});
