import { describe, expect, test } from "bun:test";
import type { KiroCredential } from "../../../src/providers/kiro/credential.ts";
import { parseCredentials } from "../../../src/providers/kiro/import.ts";
import { createKiro } from "../../../src/providers/kiro/index.ts";

const refreshToken = "aorAAAAAGk".padEnd(160, "r");
const other = "aorAAAAAGk".padEnd(160, "s");
const accessToken = "aoaAAAAAGk".padEnd(160, "a");
const expiresAt = "2026-11-20T13:00:00.000Z";
const at = Date.parse(expiresAt);
const arn = "arn:aws:codewhisperer:us-east-1:123456789012:profile/ABCDEF";
const client = { clientId: "cid", clientSecret: "cs" };
const snake = { access_token: accessToken, refresh_token: refreshToken, expires_at: expiresAt };

const forms: { name: string; text: unknown; is: Partial<KiroCredential> }[] = [
  {
    name: "the IDE's social file",
    text: { accessToken, refreshToken, expiresAt, authMethod: "social", provider: "Google", profileArn: arn },
    is: { kind: "social", accessToken, refreshToken, expiresAt: at, profileArn: arn, region: "us-east-1" },
  },
  {
    name: "AIClient's file with its registration in it",
    text: {
      accessToken,
      refreshToken,
      expiresAt,
      authMethod: "IdC",
      provider: "BuilderId",
      idcRegion: "us-west-2",
      ...client,
    },
    is: { kind: "builder-id", region: "us-west-2", ...client },
  },
  {
    name: "a kiro.rs object",
    text: {
      refreshToken,
      expiresAt,
      authMethod: "idc",
      ...client,
      authRegion: "eu-west-1",
      apiRegion: "eu-central-1",
      machineId: "ab".repeat(32),
    },
    is: { kind: "idc", region: "eu-west-1", apiRegion: "eu-central-1", machineId: "ab".repeat(32), expiresAt: 0 },
  },
  {
    name: "a kiro.rs key",
    text: { kiroApiKey: "ksk_abcdefgh12345678" },
    is: { kind: "api-key", accessToken: "ksk_abcdefgh12345678" },
  },
  {
    name: "an OctoProxy export",
    text: {
      providers: [
        {
          uuid: "u",
          name: "n",
          region: "us-east-1",
          credentials: {
            accessToken,
            refreshToken,
            authMethod: "builder-id",
            expiresAt,
            ...client,
            clientSecretExpiresAt: 1_800_000_000,
          },
        },
      ],
    },
    is: { kind: "builder-id", clientSecretExpiresAt: 1_800_000_000_000 },
  },
  {
    name: "a CLIProxyAPI file",
    text: { ...snake, profile_arn: arn, auth_method: "social", provider: "Github" },
    is: { kind: "social", accessToken, refreshToken, profileArn: arn, expiresAt: at },
  },
  {
    name: "an account-manager export",
    text: {
      accounts: [
        {
          email: "a@b.example",
          machineId: "m",
          credentials: {
            refreshToken,
            ...client,
            region: "us-east-1",
            authMethod: "IdC",
            startUrl: "https://view.awsapps.com/start",
          },
        },
      ],
    },
    is: { kind: "builder-id", email: "a@b.example", machineId: "m" },
  },
  {
    name: "a flat account-manager export",
    text: { accounts: [{ refreshToken, authMethod: "social" }] },
    is: { kind: "social" },
  },
  {
    name: "kiro-cli's rows as an object",
    text: { "kirocli:social:token": JSON.stringify(snake) },
    is: { kind: "social", accessToken },
  },
  { name: "no method, with a client", text: { refreshToken, ...client }, is: { kind: "idc" } },
  { name: "no method, without a client", text: { refreshToken }, is: { kind: "social", expiresAt: 0 } },
  {
    name: "a tenant's own identity provider",
    text: { refreshToken, authMethod: "external_idp", clientId: "x", tokenEndpoint: "https://login.example/token" },
    is: { kind: "external-idp", tokenEndpoint: "https://login.example/token" },
  },
  {
    name: "a time without its zone, which is not trusted",
    text: { accessToken, refreshToken, expiresAt: "2026/11/20 13:00:00" },
    is: { expiresAt: 0 },
  },
  { name: "an invented profile, which is left out", text: { refreshToken, profileArn: "" }, is: { kind: "social" } },
];
test.each(forms)("$name is read", ({ text, is }) => {
  const [credential, ...more] = parseCredentials(JSON.stringify(text));
  expect(more).toEqual([]);
  expect(credential).toMatchObject(is);
  const { restore } = createKiro().credential!;
  expect(restore(JSON.parse(JSON.stringify(credential)))).toEqual(credential!);
});

describe("several in one text", () => {
  const two = [{ refreshToken }, { refreshToken: other }];
  test.each([
    { name: "an array", text: JSON.stringify(two) },
    { name: "documents one after another", text: two.map((one) => JSON.stringify(one, null, 2)).join("\n") },
    { name: "base64", text: Buffer.from(JSON.stringify(two)).toString("base64") },
    { name: "bare tokens by line", text: `${refreshToken}\n${other}\n` },
  ])("$name", ({ text }) => {
    const credentials = parseCredentials(text);
    expect(credentials.map((one) => one.refreshToken)).toEqual([refreshToken, other]);
    expect(new Set(credentials.map(createKiro().credential!.identity)).size).toBe(2);
  });

  test("a token file with the registration pasted behind it", () => {
    const file = {
      accessToken,
      refreshToken,
      expiresAt,
      authMethod: "IdC",
      provider: "Enterprise",
      clientIdHash: "abc",
    };
    const registration = { ...client, expiresAt: "2027-01-01T00:00:00Z" };
    const [credential] = parseCredentials(`${JSON.stringify(file)}\n${JSON.stringify(registration)}`);
    expect(credential).toMatchObject({
      kind: "idc",
      ...client,
      clientSecretExpiresAt: Date.UTC(2027, 0, 1),
      expiresAt: at,
    });
  });

  test("API keys by line", () => {
    const credentials = parseCredentials("ksk_aaaaaaaaaaaa\nksk_bbbbbbbbbbbb");
    expect(credentials.map(({ accessToken: key }) => key)).toEqual(["ksk_aaaaaaaaaaaa", "ksk_bbbbbbbbbbbb"]);
  });
});

describe("what is wrong is said, and never repeated", () => {
  test.each([
    { name: "nothing", text: " ", says: /Nothing was pasted/ },
    { name: "a token that the IDE cut", text: JSON.stringify({ refreshToken: "aorAAAAAGk...xyz" }), says: /cut short/ },
    { name: "a short token", text: "abc", says: /cut short/ },
    {
      name: "no refresh token",
      text: JSON.stringify({ accessToken }),
      says: /`refreshToken` is missing.*kiro-auth-token\.json/,
    },
    {
      name: "an IdC file alone",
      text: JSON.stringify({ refreshToken, authMethod: "IdC", clientIdHash: "abc123" }),
      says: /abc123\.json/,
    },
    { name: "the second of two", text: JSON.stringify([{ refreshToken }, { email: "x" }]), says: /^Entry 2: / },
    { name: "broken JSON", text: `{"refreshToken": "${refreshToken}`, says: /cannot be read/ },
    {
      name: "an unsafe token endpoint",
      text: JSON.stringify({ refreshToken, clientId: "x", tokenEndpoint: "http://10.0.0.1/" }),
      says: /https/,
    },
    { name: "a cut API key", text: "ksk_ab...", says: /cut short/ },
  ])("$name", ({ text, says }) => {
    let message = "";
    try {
      parseCredentials(text);
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toMatch(says);
    expect(message).not.toContain("aor");
  });
});

test("a folder's token takes exactly the registration that it names, and no other", () => {
  const token = { accessToken, refreshToken, expiresAt, authMethod: "IdC", clientIdHash: "mine" };
  const files = {
    "kiro-auth-token.json": JSON.stringify(token),
    "theirs.json": JSON.stringify({ clientId: "wrong", clientSecret: "wrong" }),
  };
  const mine = { "mine.json": JSON.stringify({ ...client, expiresAt: "2027-01-01T00:00:00Z" }) };
  expect(parseCredentials(JSON.stringify({ ...files, ...mine }))).toMatchObject([client]);
  expect(() => parseCredentials(JSON.stringify(files))).toThrow(/mine\.json/);
  expect(() => parseCredentials(JSON.stringify(mine))).toThrow(/No file of this folder/);
});

test("each of kiro-cli's rows is a login, and the device registration belongs to the one row", () => {
  const rows = {
    "kirocli:social:token": { ...snake, profile_arn: arn },
    "kirocli:odic:token": {
      ...snake,
      refresh_token: other,
      region: "eu-west-1",
      start_url: "https://d-1.awsapps.com/start",
    },
    "kirocli:odic:device-registration": { client_id: "cid", client_secret: "cs", region: "eu-west-1" },
    unrelated: { x: 1 },
  };
  const texts = Object.fromEntries(Object.entries(rows).map(([key, row]) => [key, JSON.stringify(row)]));
  expect(parseCredentials(JSON.stringify(texts))).toMatchObject([
    { kind: "social", refreshToken, profileArn: arn },
    { kind: "idc", refreshToken: other, ...client, region: "eu-west-1", startUrl: "https://d-1.awsapps.com/start" },
  ]);
});

test("the hint shows an address or four characters", () => {
  const { hint } = createKiro().credential!;
  expect(hint(parseCredentials(refreshToken)[0]!)).toBe("…rrrr");
  expect(hint(parseCredentials(JSON.stringify({ refreshToken, email: "a@b.example" }))[0]!)).toBe("a@b.example");
});
