import { describe, expect, test } from "bun:test";
import type { FailureKind, GatewayError } from "../../../src/chat/error.ts";
import type { LangfastCredential } from "../../../src/providers/langfast/index.ts";
import { fault } from "../../sims/langfast-auth.ts";
import { testContext } from "../context.ts";
import { openDesk } from "./desk.ts";

const HOUR_MS = 3_600_000;

async function failureOf(promise: Promise<unknown> | undefined): Promise<GatewayError> {
  return (await promise?.then(
    () => undefined,
    (error: unknown) => error,
  )) as GatewayError;
}

describe("guests", () => {
  test("a guest is signed up as the page does it, with the public key and no session", async () => {
    await using desk = await openDesk();
    const { kept } = await desk.guest();
    const [call] = desk.sim.calls;
    expect(JSON.parse(call?.request.body.toString() ?? "")).toEqual({ data: {}, gotrue_meta_security: {} });
    expect(call?.request.headers).toMatchObject({ apikey: desk.sim.anonKey, origin: "https://langfa.st" });
    expect(call?.request.headers["authorization"]).toBeUndefined();
    expect(kept.credential).toMatchObject({ kind: "guest", origin: `user:${kept.credential.userId}` });
    expect(kept.credential.expiresAt).toBe(desk.clock.now() + HOUR_MS);
    expect(desk.provider.credential?.restore(kept.credential)).toEqual(kept.credential);
  });

  test("T4, trap 8: many turns of a guest use one sign-up and one prompt", async () => {
    await using desk = await openDesk();
    const guest = await desk.guest();
    for (const text of ["a", "b", "c"]) expect((await guest.ask(text)).text).toBe("Hello");
    expect(desk.sim.count("signup")).toBe(1);
    expect(desk.sim.count("prompt")).toBe(1);
    expect(desk.sim.runs.map(({ body }) => body["prompt_id"])).toEqual(Array(3).fill(desk.sim.prompts[0]?.id));
  });

  const stops: [name: string, reply: ReturnType<typeof fault>, kind: FailureKind, says: RegExp][] = [
    [
      "a captcha",
      fault(400, "captcha_failed", "captcha protection: request disallowed"),
      "challenge",
      /captcha.*browser.*paste/,
    ],
    [
      "guests switched off",
      fault(422, "anonymous_provider_disabled", "Anonymous sign-ins are disabled"),
      "auth-rejected",
      /no longer gives guest/,
    ],
    [
      "a captcha in the newer form",
      { status: 400, body: { code: "captcha_failed", message: "x" } },
      "challenge",
      /captcha/,
    ],
  ];
  test.each(stops)("%s stops sign-ups with words, and nobody asks again", async (_name, reply, kind, says) => {
    await using desk = await openDesk();
    desk.sim.next("signup", reply);
    for (let i = 0; i < 3; i++) {
      const error = await failureOf(desk.provider.guests?.create(desk.service()));
      expect(error).toMatchObject({ kind, needsLogin: true });
      expect(error.message).toMatch(says);
      await desk.clock.advance(24 * HOUR_MS);
    }
    expect(desk.sim.count("signup")).toBe(1);
  });

  test("P1, trap 14: a met sign-up limit neither hangs nor asks again before its time, and then works", async () => {
    await using desk = await openDesk();
    desk.sim.next("signup", {
      ...fault(429, "over_request_rate_limit", "Request rate limit reached"),
      headers: { "retry-after": "120" },
    });
    const errors = await Promise.all(
      Array.from({ length: 20 }, () => failureOf(desk.provider.guests?.create(desk.service()))),
    );
    for (const error of errors)
      expect(error).toMatchObject({ kind: "rate-limited", retryAt: desk.clock.now() + 120_000 });
    expect(desk.sim.count("signup")).toBe(1);
    await desk.clock.advance(121_000);
    expect((await desk.guest()).kept.credential.kind).toBe("guest");
    expect(desk.sim.count("signup")).toBe(2);
  });

  test("a sign-up limit without a time rests for an hour", async () => {
    await using desk = await openDesk();
    desk.sim.next("signup", fault(429, "over_request_rate_limit", "Request rate limit reached"));
    const { retryAt } = await failureOf(desk.provider.guests?.create(desk.service()));
    expect(retryAt).toBe(desk.clock.now() + HOUR_MS);
  });

  test("a replaced public key is a matter of the settings", async () => {
    await using desk = await openDesk({ provider: { anonKey: "old" } });
    const error = await failureOf(desk.provider.guests?.create(desk.service()));
    expect(error).toMatchObject({ kind: "upstream-changed", field: "apikey" });
    expect(error.message).toContain("LANGFAST_ANON_KEY");
  });

  test("a failing sign-up service rests for half a minute", async () => {
    await using desk = await openDesk();
    desk.sim.next("signup", { status: 500, body: "oops" });
    expect((await failureOf(desk.provider.guests?.create(desk.service()))).kind).toBe("upstream-broken");
    expect((await failureOf(desk.provider.guests?.create(desk.service()))).kind).toBe("upstream-broken");
    expect(desk.sim.count("signup")).toBe(1);
    await desk.clock.advance(31_000);
    await desk.guest();
  });

  test("a sign-up without a session is reported with the field", async () => {
    await using desk = await openDesk();
    desk.sim.next("signup", { status: 200, body: { user: { id: "u" } } });
    expect(await failureOf(desk.provider.guests?.create(desk.service()))).toMatchObject({
      kind: "upstream-changed",
      field: "access_token",
    });
  });

  test("the settings are live: the number of guests, and a key that was set anew", async () => {
    const settings = { guests: 3, anonKey: "old" };
    await using desk = await openDesk({ settings });
    expect((await failureOf(desk.provider.guests?.create(desk.service()))).field).toBe("apikey");
    settings.guests = 0;
    settings.anonKey = desk.sim.anonKey;
    expect(desk.provider.guests?.count).toBe(0);
    expect((await desk.guest()).kept.credential.kind).toBe("guest");
  });
});

describe("renewal", () => {
  const renew = (desk: Awaited<ReturnType<typeof openDesk>>, credential: LangfastCredential) =>
    desk.provider.refresh?.run(testContext(credential, { clock: desk.clock })) as Promise<LangfastCredential>;

  test("is due five minutes before the end", async () => {
    await using desk = await openDesk();
    const { kept } = desk.own();
    expect(desk.provider.refresh?.dueAt(kept.credential)).toBe(desk.clock.now() + HOUR_MS - 300_000);
  });

  test("trap 16, P9: rotates the refresh token and keeps whose session it is", async () => {
    await using desk = await openDesk();
    const { kept } = desk.own();
    const fresh = await renew(desk, kept.credential);
    expect(fresh).toMatchObject({ origin: kept.credential.origin, userId: kept.credential.userId, kind: "own" });
    expect(fresh.refreshToken).not.toBe(kept.credential.refreshToken);
    expect(fresh.accessToken).not.toBe(kept.credential.accessToken);
    expect((await renew(desk, fresh)).refreshToken).not.toBe(fresh.refreshToken);
  });

  test("after a crash before the commit the old token is taken once more", async () => {
    await using desk = await openDesk();
    const { kept } = desk.own();
    await renew(desk, kept.credential);
    await desk.clock.advance(5000);
    expect(await renew(desk, kept.credential)).toMatchObject({ userId: kept.credential.userId });
    expect(desk.sim.auth.refusals).toBe(0);
  });

  test("a token that was used long ago is final after one refusal", async () => {
    await using desk = await openDesk();
    const { kept } = desk.own();
    await renew(desk, kept.credential);
    await desk.clock.advance(60_000);
    const error = await failureOf(renew(desk, kept.credential));
    expect(error).toMatchObject({ kind: "auth-rejected", needsLogin: true });
    expect(error.message).toContain("sign in at langfa.st again");
    expect(desk.sim.auth.refusals).toBe(1);
  });

  test("a dead guest says so", async () => {
    await using desk = await openDesk();
    const { kept } = await desk.guest();
    desk.sim.auth.kill(kept.credential.userId);
    const error = await failureOf(renew(desk, kept.credential));
    expect(error).toMatchObject({ kind: "auth-rejected", needsLogin: true });
    expect(error.message).toContain("guest");
  });

  test("a bare refresh token learns its user with the first renewal, and stays the same account", async () => {
    await using desk = await openDesk();
    const session = desk.sim.auth.session();
    const credential = desk.paste(String(session["refresh_token"]));
    const fresh = await renew(desk, credential);
    expect(fresh).toMatchObject({ userId: (session["user"] as { id: string }).id, origin: credential.origin });
  });

  test("e-mail and password sign in, and again when the session has died", async () => {
    await using desk = await openDesk();
    const userId = desk.sim.auth.addUser("cat@example.com", "secret");
    const credential = desk.paste("cat@example.com:secret");
    const fresh = await renew(desk, credential);
    expect(fresh).toMatchObject({ userId, origin: "email:cat@example.com", password: "secret" });
    desk.sim.auth.kill(userId);
    expect((await renew(desk, fresh)).accessToken).not.toBe(fresh.accessToken);
    expect(desk.sim.count("password")).toBe(2);
  });

  test("a wrong password is said, and asked only once", async () => {
    await using desk = await openDesk();
    desk.sim.auth.addUser("cat@example.com", "secret");
    const error = await failureOf(renew(desk, desk.paste("cat@example.com:wrong-one")));
    expect(error).toMatchObject({ kind: "auth-rejected", needsLogin: true });
    expect(error.message).toContain("e-mail and password");
    expect(error.message).not.toContain("wrong-one");
    expect(desk.sim.count("password")).toBe(1);
  });

  const odd: [name: string, status: number, body: unknown, kind: FailureKind, needsLogin: boolean][] = [
    ["a string", 400, "nope", "auth-rejected", true],
    ["nested", 400, { error: { code: "x" } }, "auth-rejected", true],
    ["a 403 without words", 403, {}, "auth-rejected", true],
    ["a captcha", 400, { error_code: "captcha_failed", msg: "x" }, "challenge", true],
    ["a ban", 403, { error_code: "user_banned", msg: "User is banned" }, "suspended", true],
    ["a rate limit", 429, { error_code: "over_request_rate_limit", msg: "x" }, "rate-limited", false],
    ["a server error", 500, {}, "upstream-broken", false],
    ["a replaced key", 401, { message: "Invalid API key" }, "upstream-changed", false],
    ["a session without a token", 200, { refresh_token: "x" }, "upstream-changed", false],
  ];
  test.each(odd)("R20 a refusal as %s", async (_name, status, body, kind, needsLogin) => {
    await using desk = await openDesk();
    const { kept } = desk.own();
    desk.sim.next("refresh", { status, body });
    expect(await failureOf(renew(desk, kept.credential))).toMatchObject({ kind, needsLogin });
  });
});

describe("probe", () => {
  test("asks for free who is signed in, and counts the day's requests", async () => {
    await using desk = await openDesk();
    const account = desk.own();
    await account.ask();
    await account.ask();
    expect(await desk.provider.probe?.(account.context())).toEqual({
      quota: { used: 2, unit: "requests", resetsAt: Date.UTC(2026, 10, 21) },
    });
    expect(desk.sim.calls.at(-1)?.kind).toBe("user");
    await desk.clock.advance(24 * HOUR_MS);
    expect((await desk.provider.probe?.(account.context()))?.quota?.used).toBe(0);
  });

  test("renews a token that is turned away, once", async () => {
    await using desk = await openDesk();
    const account = desk.own();
    desk.sim.auth.revoked.add(account.kept.credential.accessToken);
    await desk.provider.probe?.(account.context());
    expect(desk.sim.count("refresh")).toBe(1);
  });

  test("R22 a dead session is refused when it is pasted", async () => {
    await using desk = await openDesk();
    const account = desk.accountOf(desk.paste("deadtoken123"));
    expect(await failureOf(desk.provider.probe?.(account.context()))).toMatchObject({ needsLogin: true });
  });

  test("a project that does not answer the question says nothing against the session", async () => {
    await using desk = await openDesk();
    desk.sim.next("user", { status: 404, body: {} });
    await desk.provider.probe?.(desk.own().context());
    expect(desk.sim.count("user")).toBe(1);
  });
});
