import { describe, expect, test } from "bun:test";
import type { SignInState } from "../../../src/providers/provider.ts";
import { codeOf } from "../../../src/providers/kiro/browser-flow.ts";
import { startAddress } from "../../../src/providers/kiro/device-flow.ts";
import { chatRequest, listen } from "../context.ts";
import { stage, withSim } from "./helpers.ts";

const world = withSim();

/** A state as it comes back from the store. */
const stored = (state: SignInState): SignInState => JSON.parse(JSON.stringify(state)) as SignInState;

describe("by device code", () => {
  test("kiro trap 15: waits through pending and slow_down, whose longer wait is kept, and serves", async () => {
    const bob = world.sim.account("bob", "builder-id");
    const here = stage(world.sim, bob);
    const { begin, poll } = here.provider.signIn!;
    let state = stored(await begin("builder-id", {}, here.context()));
    expect(state.prompt).toEqual({
      kind: "code",
      userCode: "ABCD-EFGH",
      url: "https://device.sso.example/?user_code=ABCD-EFGH",
      pollAfterMs: 5000,
    });
    world.sim.polls.push("authorization_pending", "slow_down", "authorization_pending", "slow_down", "down");
    const waits: number[] = [];
    for (let polls = 0; polls < 5; polls++) {
      const polled = await poll!(state, here.context());
      if (!("state" in polled)) throw new Error("too early");
      state = stored(polled.state);
      if (state.prompt.kind === "code") waits.push(state.prompt.pollAfterMs);
    }
    expect(waits).toEqual([5000, 10_000, 10_000, 15_000, 15_000]);
    world.sim.signsIn = bob;
    const done = await poll!(state, here.context());
    if (!("credential" in done)) throw new Error("not signed in");
    expect(done.credential).toMatchObject({
      kind: "builder-id",
      clientId: "client-new",
      clientSecretExpiresAt: 4_000_000_000_000,
      startUrl: "https://view.awsapps.com/start",
      expiresAt: here.clock.now() + 3_600_000,
    });
    here.credential = done.credential;
    expect((await listen(here.provider.chat(chatRequest("hi"), here.context()))).text).toBe("Hello there.");
  });

  test.each(["expired_token", "access_denied"] as const)("%s ends it", async (answer) => {
    const here = stage(world.sim, world.cat);
    const { begin, poll } = here.provider.signIn!;
    const state = await begin(
      "idc",
      { startUrl: "https://d-1.awsapps.com/start", region: "eu-west-1" },
      here.context(),
    );
    expect(world.sim.requests.every(({ region }) => region === "eu-west-1")).toBe(true);
    world.sim.polls.push(answer);
    await expect(poll!(state, here.context())).rejects.toMatchObject({ kind: "auth-rejected" });
  });

  test("a code that ran out is not asked for any more", async () => {
    const here = stage(world.sim, world.cat);
    const { begin, poll } = here.provider.signIn!;
    const state = await begin("builder-id", {}, here.context());
    await here.clock.advance(600_000);
    await expect(poll!(state, here.context())).rejects.toMatchObject({ kind: "auth-rejected" });
  });

  test.each([
    { input: { startUrl: "http://d-1.awsapps.com/start" }, field: "startUrl" },
    { input: { startUrl: "" }, field: "startUrl" },
    { input: { startUrl: "https://d-1.awsapps.com/start", region: "evil.example/" }, field: "region" },
  ])("$input is refused at $field", async ({ input, field }) => {
    const here = stage(world.sim, world.cat);
    await expect(here.provider.signIn!.begin("idc", input, here.context())).rejects.toMatchObject({
      kind: "invalid-request",
      field,
    });
    expect(world.sim.requests).toEqual([]);
  });

  test("a start address loses what the browser added", () => {
    expect(startAddress(" https://d-1.awsapps.com/start/#/?tab=accounts ")).toBe("https://d-1.awsapps.com/start");
  });
});

describe("by browser", () => {
  test.each([
    { method: "google", option: "google", callback: { port: 3128, path: "/oauth/callback" } },
    { method: "github", option: "github", callback: { port: 3128, path: "/oauth/callback" } },
    { method: "google-ide", option: "google", callback: undefined },
    { method: "github-ide", option: "github", callback: undefined },
  ])("$method ends with the pasted address, and serves", async ({ method, option, callback }) => {
    const here = stage(world.sim, world.cat);
    const { begin, complete } = here.provider.signIn!;
    const state = stored(await begin(method, {}, here.context()));
    if (state.prompt.kind !== "browser") throw new Error("no browser");
    expect(state.prompt.callback).toEqual(callback as never);
    world.sim.signsIn = world.cat;
    const address = world.sim.authorize(state.prompt.url, option);
    here.credential = await complete!(state, ` ${address} `, here.context());
    expect(here.credential).toMatchObject({ kind: "social", profileArn: world.cat.profileArn });
    expect((await listen(here.provider.chat(chatRequest("hi"), here.context()))).text).toBe("Hello there.");
    await expect(complete!(state, address, here.context())).rejects.toMatchObject({ kind: "auth-rejected" });
  });

  test.each([
    {
      name: "another sign-in's",
      address: "http://localhost:3128/oauth/callback?code=c&state=other",
      says: /another sign-in/,
    },
    { name: "any other", address: "https://kiro.dev/", says: /not the address/ },
    { name: "no address", address: "hello", says: /not the address/ },
    { name: "one without its code", address: "kiro://kiro.kiroAgent/authenticate-success?state=s", says: /no `code=`/ },
    {
      name: "an AWS choice",
      address: "http://localhost:3128/oauth/callback?state=s&login_option=awsidc&issuer_url=https://x",
      says: /Builder ID/,
    },
    { name: "a refusal", address: "http://localhost:3128/oauth/callback?error=access_denied&state=s", says: /refused/ },
  ])("$name address is refused in words", ({ address, says }) => {
    expect(() => codeOf(address, "s")).toThrow(says);
  });

  test("a bare query is enough", () => {
    expect(codeOf("?code=c&state=s", "s")).toEqual({ code: "c", loginOption: undefined });
  });
});

test("an unknown way to sign in is refused", async () => {
  const here = stage(world.sim, world.cat);
  await expect(here.provider.signIn!.begin("magic", {}, here.context())).rejects.toMatchObject({
    kind: "invalid-request",
  });
});
