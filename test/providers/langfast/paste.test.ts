import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/chat/error.ts";
import { credential, type LangfastCredential } from "../../../src/providers/langfast/credential.ts";
import { jwt } from "../../sims/langfast-auth.ts";

const EXP = 1_795_000_000;
const ACCESS = jwt({ sub: "user-1", role: "authenticated", exp: EXP });
const REFRESH = "v1refreshtok";
const SESSION = {
  access_token: ACCESS,
  refresh_token: REFRESH,
  expires_at: EXP,
  token_type: "bearer",
  user: { id: "user-1", email: "cat@example.com" },
};
const TEXT = JSON.stringify(SESSION);
const STORED = `base64-${Buffer.from(TEXT).toString("base64url")}`;
const NAME = "sb-someproject-auth-token";
const HALF = Math.floor(STORED.length / 2);
const [FIRST, SECOND] = [STORED.slice(0, HALF), STORED.slice(HALF)];

const WHOLE: Partial<LangfastCredential> = {
  kind: "own",
  origin: "user:user-1",
  userId: "user-1",
  accessToken: ACCESS,
  refreshToken: REFRESH,
};

const forms: { name: string; text: string; is: Partial<LangfastCredential> }[] = [
  {
    name: "session JSON from local storage",
    text: TEXT,
    is: { ...WHOLE, email: "cat@example.com", expiresAt: EXP * 1000 },
  },
  { name: "the array form", text: JSON.stringify([ACCESS, REFRESH, null, null, null]), is: WHOLE },
  {
    name: "the array form, as a cookie encodes it",
    text: encodeURIComponent(JSON.stringify([ACCESS, REFRESH])),
    is: WHOLE,
  },
  { name: "a base64- value", text: STORED, is: WHOLE },
  { name: "one cookie", text: `${NAME}=${STORED}`, is: WHOLE },
  {
    name: "cookies .0 and .1 of a header",
    text: `Cookie: a=b; ${NAME}.0=${FIRST}; ${NAME}.1=${SECOND}; c=d`,
    is: WHOLE,
  },
  { name: "cookies in the wrong order, by line", text: `${NAME}.1=${SECOND}\n${NAME}.0=${FIRST}`, is: WHOLE },
  {
    name: "rows copied from the developer tools",
    text: `${NAME}.0\t${FIRST}\tlangfa.st\t/\n${NAME}.1\t${SECOND}\tlangfa.st\t/`,
    is: WHOLE,
  },
  {
    name: "a cookie export",
    text: JSON.stringify([
      { name: "other", value: "x" },
      { name: `${NAME}.0`, value: FIRST },
      { name: `${NAME}.1`, value: SECOND },
    ]),
    is: WHOLE,
  },
  { name: "a dump of local storage", text: JSON.stringify({ theme: "dark", [NAME]: TEXT }), is: WHOLE },
  { name: "a cURL command", text: `curl 'https://langfa.st/' -H 'cookie: ${NAME}=${STORED}; x=y'`, is: WHOLE },
  { name: "an older session wrapper", text: JSON.stringify({ currentSession: SESSION, expiresAt: EXP }), is: WHOLE },
  {
    name: "access and refresh token as JSON",
    text: JSON.stringify({ access_token: ACCESS, refresh_token: REFRESH }),
    is: WHOLE,
  },
  { name: "access and refresh token on two lines", text: `${ACCESS}\n${REFRESH}`, is: WHOLE },
  { name: "access and refresh token with labels", text: `refresh_token=${REFRESH} access_token=${ACCESS}`, is: WHOLE },
  { name: "a short refresh token", text: "rt-1-00", is: { refreshToken: "rt-1-00" } },
  {
    name: "a bare refresh token",
    text: ` ${REFRESH}\n`,
    is: { kind: "own", userId: "", accessToken: "", refreshToken: REFRESH, expiresAt: 0 },
  },
  {
    name: "a refresh token as JSON",
    text: JSON.stringify({ refresh_token: REFRESH }),
    is: { refreshToken: REFRESH, expiresAt: 0 },
  },
  {
    name: "e-mail and password as JSON",
    text: JSON.stringify({ email: "Cat@example.com", password: "p:w" }),
    is: { kind: "own", origin: "email:cat@example.com", email: "Cat@example.com", password: "p:w", accessToken: "" },
  },
  { name: "email:password", text: "cat@example.com:p:w d", is: { email: "cat@example.com", password: "p:w d" } },
  {
    name: "a guest's session",
    text: JSON.stringify({ ...SESSION, user: { id: "user-1", is_anonymous: true } }),
    is: { kind: "guest" },
  },
];
test.each(forms)("reads $name", ({ text, is }) => {
  const found = credential.parse(text);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatchObject(is);
});

test.each(["^", "`", "\\"])("a password that ends in %s takes no other line for its own", (end) => {
  const found = credential.parse(`cat@example.com:first${end}\ndog@example.com:second`);
  expect(found.map(({ password }) => password)).toEqual([`first${end}`, "second"]);
});

test("several accounts come in one text, and the same one only once", () => {
  const other = JSON.stringify({ email: "dog@example.com", password: "x" });
  expect(
    credential.parse(`cat@example.com:a\n${other}\n${REFRESH}\ncat@example.com:b`).map(({ origin }) => origin),
  ).toEqual([
    "email:cat@example.com",
    "email:dog@example.com",
    expect.stringMatching(/^token:[0-9a-f]{64}$/) as unknown as string,
  ]);
  expect(credential.parse(JSON.stringify([SESSION, { refresh_token: "another-one" }]))).toHaveLength(2);
  const stored = `base64-${Buffer.from(JSON.stringify({ refresh_token: "another-one" })).toString("base64url")}`;
  expect(credential.parse(`${NAME}=${STORED}\n${NAME}=${stored}`)).toHaveLength(2);
});

test("R22 cookies that the Windows prompt quotes in a cURL command are read", () => {
  const text = `curl ^"https://langfa.st/^" ^\r\n  -b ^"a=1; ${NAME}.1=${SECOND}; ${NAME}.0=${FIRST}^"`;
  expect(credential.parse(text)).toMatchObject([WHOLE]);
});

const halves: { name: string; text: string; says: RegExp }[] = [
  { name: "a token cut off", text: "rt-1", says: /too short/ },
  { name: "nothing", text: "  ", says: /Nothing was pasted/ },
  { name: "an access token alone", text: ACCESS, says: /refresh_token is missing/ },
  { name: "a session without tokens", text: "{}", says: /neither an access_token nor a refresh_token/ },
  { name: "an address without a password", text: "cat@example.com", says: /password is missing/ },
  { name: "an address with an empty password", text: "cat@example.com:", says: /password is missing/ },
  { name: "the public key", text: jwt({ role: "anon", ref: "x" }), says: /public key/ },
  { name: "the second cookie alone", text: `${NAME}.1=${SECOND}`, says: /auth-token\.0 is missing/ },
  { name: "a gap between cookies", text: `${NAME}.0=${FIRST}; ${NAME}.2=${SECOND}`, says: /auth-token\.1 is missing/ },
  { name: "the first cookie alone", text: `${NAME}.0=${FIRST}`, says: /cut short/ },
  { name: "JSON cut short", text: TEXT.slice(0, -20), says: /cut short/ },
  { name: "cookies of another site", text: JSON.stringify([{ name: "a", value: "b" }]), says: /None of the cookies/ },
  { name: "a sentence", text: "please use my account", says: /no session, no token/ },
];
test.each(halves)("R22 $name is refused in words that say what is missing and where it is", ({ text, says }) => {
  try {
    credential.parse(text);
  } catch (error) {
    expect(error).toBeInstanceOf(GatewayError);
    const { kind, message } = error as GatewayError;
    expect(kind).toBe("invalid-request");
    expect(message).toMatch(says);
    expect(message).toContain("langfa.st");
    for (const secret of [ACCESS, REFRESH, FIRST, SECOND].filter((part) => part !== ""))
      expect(message).not.toContain(secret);
    return;
  }
  throw new Error("it was taken");
});

describe("a stored session", () => {
  test("comes back as it was", () => {
    for (const { text } of forms) {
      const [found] = credential.parse(text);
      expect(credential.restore(JSON.parse(JSON.stringify(found)))).toEqual(found as LangfastCredential);
    }
  });
  test("that is none is refused", () => {
    expect(() => credential.restore({ accessToken: 1 })).toThrow("cannot be read");
  });
  test("shows no more than the end of an id, or the address", () => {
    expect(credential.hint(credential.parse("cat@example.com:pw")[0] as LangfastCredential)).toBe("cat@example.com");
    expect(credential.hint(credential.parse("short-tok")[0] as LangfastCredential)).toBe("…");
    expect(credential.hint(credential.parse(REFRESH)[0] as LangfastCredential)).toBe("…htok");
  });
});
