import { describe, expect, test } from "bun:test";
import { createServer, type AddressInfo } from "node:net";
import type { SignInView } from "../../src/admin/admin.ts";
import { SignIns } from "../../src/admin/sign-ins.ts";
import { GatewayError } from "../../src/chat/error.ts";
import type { SignInState } from "../../src/providers/provider.ts";
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { FakeProvider } from "../router/fake-provider.ts";
import { openWorld, type WorldOptions } from "../router/world.ts";
import { failureOf, silent } from "../store/folder.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const SECRET = "invented-device-code";

/** Signs in by a code and by a browser; `answers` are what the next polls give. */
class Inviting extends FakeProvider {
  readonly answers: (string | GatewayError | undefined)[] = [];
  polls = 0;
  completions = 0;
  port: number | undefined;
  readonly signIn = {
    methods: [
      {
        id: "code",
        title: { en: "By code", zh: "代码" },
        fields: [
          { name: "startUrl", label: { en: "Start URL", zh: "网址" }, required: true },
          { name: "region", label: { en: "Region", zh: "区域" }, required: false, initial: "here" },
        ],
      },
      { id: "browser", title: { en: "By browser", zh: "浏览器" }, fields: [] },
    ],
    begin: async (
      method: string,
      input: Readonly<Record<string, string>>,
      { clock }: { clock: { now(): number } },
    ): Promise<SignInState> => {
      const expiresAt = clock.now() + 10 * MINUTE;
      const data = { secret: SECRET, input };
      if (method === "code") {
        const prompt = {
          kind: "code",
          userCode: "AB-12",
          url: "https://sign-in.test",
          pollAfterMs: 5 * SECOND,
        } as const;
        return { method, data, expiresAt, prompt };
      }
      const callback = this.port === undefined ? {} : { callback: { port: this.port, path: "/done" } };
      return { method, data, expiresAt, prompt: { kind: "browser", url: "https://sign-in.test/go", ...callback } };
    },
    poll: async (state: SignInState) => {
      this.polls += 1;
      const answer = this.answers.shift();
      if (answer instanceof GatewayError) throw answer;
      return answer === undefined ? { state } : { credential: answer };
    },
    complete: async (_state: SignInState, address: string): Promise<string> => {
      this.completions += 1;
      const { searchParams } = new URL(address);
      if (searchParams.get("state") !== "mine") throw new GatewayError("invalid-request", "Not that address.");
      const code = searchParams.get("code") ?? "";
      if (code === "refused") throw new GatewayError("auth-rejected", "The sign-in was refused.");
      return code;
    },
  };
}

async function openDesk(provider: Inviting, options: Partial<WorldOptions> = {}) {
  const world = await openWorld({ providers: [provider], ...options });
  const { store, pool, usage, clock } = world;
  const signIns = new SignIns({ store, pool, providers: [provider], usage, clock, log: silent });
  await signIns.start();
  return {
    world,
    clock,
    signIns,
    desk: signIns.operations,
    accounts: () => pool.views().map(({ hint, label }) => `${label} ${hint}`),
    async [Symbol.asyncDispose]() {
      signIns.stop();
      await world[Symbol.asyncDispose]();
    },
  };
}

const CODE = { startUrl: "https://org.test" };

describe("a sign-in by code", () => {
  test("is polled as often as the service wants, without a page, until the account is there", async () => {
    const provider = new Inviting();
    await using subject = await openDesk(provider);
    const { desk, clock, accounts } = subject;
    const begun = await desk.begin("fake", "code", CODE, { label: "Work" });
    expect(begun).toMatchObject({
      status: "open",
      methodTitle: { en: "By code" },
      prompt: { kind: "code", userCode: "AB-12", url: "https://sign-in.test", pollAfterMs: 5000 },
    });
    await clock.advance(4 * SECOND);
    expect(provider.polls).toBe(0);
    await clock.advance(11 * SECOND);
    expect(provider.polls).toBe(3);
    provider.answers.push("login");
    await clock.advance(5 * SECOND);
    expect(accounts()).toEqual(["Work …n"]);
    const done = await desk.poll(begun.id);
    expect(done).toMatchObject({ status: "done", prompt: undefined, accounts: [{ label: "Work", source: "console" }] });
    await clock.advance(MINUTE);
    expect(provider.polls).toBe(4);
  });

  test("asks no sooner when a page is impatient, and a code is spent once", async () => {
    const provider = new Inviting();
    await using subject = await openDesk(provider);
    const { desk, clock, accounts } = subject;
    const { id } = await desk.begin("fake", "code", CODE);
    for (let i = 0; i < 5; i++) await desk.poll(id);
    expect(provider.polls).toBe(0);
    provider.answers.push("login");
    await clock.advance(4999);
    const polled = Promise.all([desk.poll(id), desk.poll(id)]);
    await clock.advance(1);
    await polled;
    expect(provider.polls).toBe(1);
    expect(accounts()).toHaveLength(1);
  });

  test("asks once when two pages look at the moment at which the service is asked anyway", async () => {
    const provider = new Inviting();
    await using subject = await openDesk(provider);
    const { desk, clock } = subject;
    let id = "";
    clock.after(5 * SECOND, () => void Promise.all([desk.poll(id), desk.poll(id)]));
    ({ id } = await desk.begin("fake", "code", CODE));
    await clock.advance(5 * SECOND);
    expect(provider.polls).toBe(1);
    expect(await desk.poll(id)).toMatchObject({ status: "open" });
  });

  test("goes on after a restart", async () => {
    const provider = new Inviting();
    const first = await openDesk(provider);
    const { id } = await first.desk.begin("fake", "code", CODE);
    first.signIns.stop();
    await first.world.close();
    provider.answers.push("login");
    await using second = await openDesk(provider, { dataDir: first.world.dataDir, clock: first.clock });
    await second.clock.advance(5 * SECOND);
    expect(await second.desk.list()).toMatchObject([{ id, status: "done", accounts: [{ hint: "…n" }] }]);
  });

  test("ends when it was refused, and when its time is over", async () => {
    const provider = new Inviting();
    await using subject = await openDesk(provider);
    const { desk, clock } = subject;
    const refused = await desk.begin("fake", "code", CODE);
    provider.answers.push(new GatewayError("auth-rejected", "The user said no."));
    await clock.advance(5 * SECOND);
    expect(await desk.poll(refused.id)).toMatchObject({
      status: "failed",
      reason: "The user said no.",
      reasonKind: "auth-rejected",
    });
    const late = await desk.begin("fake", "code", CODE);
    await clock.advance(10 * MINUTE);
    const over = await desk.poll(late.id);
    expect(over).toMatchObject({
      status: "failed",
      reason: "It was not finished in time: begin again.",
      reasonKind: undefined,
    });
    const { polls } = provider;
    await clock.advance(10 * MINUTE);
    expect(provider.polls).toBe(polls);
    await clock.advance(60 * MINUTE);
    expect(clock.pending).toBeLessThan(5);
  });

  test("outlives a service that fails for a while, asking it less often", async () => {
    const provider = new Inviting();
    await using subject = await openDesk(provider);
    const { desk, clock } = subject;
    const { id } = await desk.begin("fake", "code", CODE);
    for (let i = 0; i < 3; i++) provider.answers.push(new GatewayError("upstream-broken", "Broken."));
    provider.answers.push("login");
    await clock.advance(35 * SECOND);
    expect(provider.polls).toBe(3); // after 5, 15 and 35 s
    await clock.advance(40 * SECOND);
    expect(await desk.poll(id)).toMatchObject({ status: "done" });
  });

  test("a login that cannot be committed is not lost", async () => {
    const provider = new Inviting();
    await using subject = await openDesk(provider);
    const { desk, clock, world, accounts } = subject;
    const { id } = await desk.begin("fake", "code", CODE);
    const other = new Database(join(world.dataDir, "sluice.db"));
    other.run("BEGIN IMMEDIATE");
    provider.answers.push("login");
    await clock.advance(20 * MINUTE);
    expect(accounts()).toEqual([]);
    expect((await desk.list())[0]).toMatchObject({
      status: "open",
      reason: expect.stringContaining("Nothing can be saved"),
      reasonKind: "store-unavailable",
    });
    other.run("ROLLBACK");
    other.close();
    await clock.advance(10 * SECOND);
    expect(accounts()).toHaveLength(1);
    expect(await desk.poll(id)).toMatchObject({ status: "done" });
    expect(provider.polls).toBe(1);
  });

  test("is forgotten when it is given up", async () => {
    const provider = new Inviting();
    await using subject = await openDesk(provider);
    const { desk, clock, world } = subject;
    const { id } = await desk.begin("fake", "code", CODE);
    await desk.cancel(id);
    await clock.advance(MINUTE);
    expect(provider.polls).toBe(0);
    expect(await desk.list()).toEqual([]);
    expect(await world.store.signIns.all(clock.now())).toEqual([]);
    expect(await failureOf(desk.poll(id))).toMatchObject({ kind: "unknown-path" });
  });
});

describe("a sign-in for an account that needs one", () => {
  test("gives that account the new login and brings it back", async () => {
    const provider = new Inviting();
    await using subject = await openDesk(provider);
    const { desk, clock, world } = subject;
    await world.add("old");
    const account = world.view("Fake 1");
    const failure = new GatewayError("auth-rejected", "Gone.", { needsLogin: true });
    world.pool.books.apply(world.pool.find(account.id), { failure });
    await desk.begin("fake", "code", CODE, { accountId: account.id });
    provider.answers.push("new");
    await clock.advance(5 * SECOND);
    expect(world.pool.views()).toMatchObject([{ id: account.id, hint: "…w", state: "ready" }]);
  });

  test("says so when the login belongs to another account", async () => {
    const provider = new Inviting();
    await using subject = await openDesk(provider);
    const { desk, clock, world } = subject;
    await world.add("one,two");
    const { id } = await desk.begin("fake", "code", CODE, { accountId: world.view("Fake 1").id });
    provider.answers.push("two");
    await clock.advance(5 * SECOND);
    const reason = "This credential belongs to the account Fake 2.";
    expect(await desk.poll(id)).toMatchObject({ status: "failed", reason });
  });
});

describe("what a sign-in asks for", () => {
  const wrong: { name: string; ask: [string, string, Record<string, string>?]; kind: string; field?: string }[] = [
    { name: "an unknown provider", ask: ["nobody", "code"], kind: "unknown-path" },
    { name: "an unknown method", ask: ["fake", "telepathy"], kind: "invalid-request", field: "method" },
    { name: "a missing field", ask: ["fake", "code", { startUrl: " " }], kind: "invalid-request", field: "startUrl" },
  ];
  test.each(wrong)("$name is named", async ({ ask, kind, field }) => {
    await using subject = await openDesk(new Inviting());
    expect(await failureOf(subject.desk.begin(...ask))).toMatchObject({ kind, ...(field ? { field } : {}) });
    expect(await subject.desk.list()).toEqual([]);
  });

  test("the methods say what to fill in; defaults need not be typed", async () => {
    await using subject = await openDesk(new Inviting());
    const methods = await subject.desk.methods();
    expect(methods.map(({ provider, id }) => `${provider} ${id}`)).toEqual(["fake code", "fake browser"]);
    await subject.desk.begin("fake", "code", { ...CODE, stray: "x" });
    const [row] = await subject.world.store.signIns.all(0);
    expect(row?.data).toMatchObject({ state: { data: { input: { startUrl: "https://org.test", region: "here" } } } });
  });

  test("row 46: its secrets stand sealed on the disk and in no view", async () => {
    await using subject = await openDesk(new Inviting());
    const view = await subject.desk.begin("fake", "code", CODE);
    expect(JSON.stringify([view, await subject.desk.list()])).not.toContain(SECRET);
    await subject.world.store.flush();
    for (const file of ["sluice.db", "sluice.db-wal"]) {
      expect(await Bun.file(join(subject.world.dataDir, file)).text()).not.toContain(SECRET);
    }
  });

  test("a page that begins them in a loop is stopped", async () => {
    await using subject = await openDesk(new Inviting());
    for (let i = 0; i < 20; i++) await subject.desk.begin("fake", "code", CODE);
    expect(await failureOf(subject.desk.begin("fake", "code", CODE))).toMatchObject({ kind: "invalid-request" });
  });
});

describe("a sign-in by browser", () => {
  async function freePort(): Promise<number> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
  const comeBack = (port: number, query: string, path = "/done") => fetch(`http://127.0.0.1:${port}${path}?${query}`);

  test("is done when the browser comes back to this machine, and nobody listens afterwards", async () => {
    const provider = new Inviting();
    provider.port = await freePort();
    await using subject = await openDesk(provider);
    const { desk, accounts } = subject;
    const { id, prompt } = await desk.begin("fake", "browser");
    expect(prompt).toEqual({ kind: "browser", url: "https://sign-in.test/go", listens: true });
    const page = await comeBack(provider.port, "code=login&state=mine");
    expect(page.status).toBe(200);
    expect(await page.text()).not.toContain("login");
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(accounts()).toEqual(["Fake 1 …n"]);
    expect(await desk.poll(id)).toMatchObject({ status: "done" });
    expect(comeBack(provider.port, "code=login&state=mine")).rejects.toThrow();
  });

  test("an address that is not its own changes nothing", async () => {
    const provider = new Inviting();
    provider.port = await freePort();
    await using subject = await openDesk(provider);
    const { id } = await subject.desk.begin("fake", "browser");
    expect((await comeBack(provider.port, "code=x&state=other")).status).toBe(400);
    expect((await comeBack(provider.port, "code=x&state=mine", "/elsewhere")).status).toBe(404);
    expect(await subject.desk.poll(id)).toMatchObject({ status: "open" });
  });

  test("two on one port each take their own", async () => {
    const provider = new Inviting();
    provider.port = await freePort();
    await using subject = await openDesk(provider);
    const [one, two] = [await subject.desk.begin("fake", "browser"), await subject.desk.begin("fake", "browser")];
    await subject.desk.cancel(one.id);
    expect((await comeBack(provider.port, "code=login&state=mine")).status).toBe(200);
    expect(await subject.desk.poll(two.id)).toMatchObject({ status: "done" });
  });

  test("on another machine the address is pasted; a wrong one may be followed by the right one", async () => {
    const provider = new Inviting();
    await using subject = await openDesk(provider);
    const { desk, accounts } = subject;
    const { id, prompt } = await desk.begin("fake", "browser");
    expect(prompt).toMatchObject({ listens: false });
    const wrong = await failureOf(desk.complete(id, "http://localhost/done?code=x&state=other"));
    expect(wrong).toMatchObject({ kind: "invalid-request" });
    const done: SignInView = await desk.complete(id, "http://localhost/done?code=login&state=mine");
    expect(done).toMatchObject({ status: "done", accounts: [{ hint: "…n" }] });
    await desk.complete(id, "http://localhost/done?code=login&state=mine");
    expect(provider.completions).toBe(2);
    expect(accounts()).toHaveLength(1);
  });

  test("a port that is taken is no obstacle", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, resolve));
    const provider = new Inviting();
    provider.port = (server.address() as AddressInfo).port;
    await using subject = await openDesk(provider);
    const { prompt } = await subject.desk.begin("fake", "browser");
    expect(prompt).toMatchObject({ kind: "browser" });
    server.close();
  });

  test("nobody listens any longer than it has time", async () => {
    const provider = new Inviting();
    provider.port = await freePort();
    await using subject = await openDesk(provider);
    const { id } = await subject.desk.begin("fake", "browser");
    await subject.clock.advance(10 * MINUTE);
    expect(await subject.desk.poll(id)).toMatchObject({ status: "failed" });
    expect(comeBack(provider.port, "code=login&state=mine")).rejects.toThrow();
    await subject.desk.complete(id, "http://localhost/done?code=login&state=mine");
    expect(provider.completions).toBe(0);
  });

  test("that was refused is over, in words", async () => {
    await using subject = await openDesk(new Inviting());
    const { id } = await subject.desk.begin("fake", "browser");
    const address = "http://localhost/done?code=refused&state=mine";
    expect(await failureOf(subject.desk.complete(id, address))).toMatchObject({ kind: "auth-rejected" });
    expect(await subject.desk.poll(id)).toMatchObject({ status: "failed", reason: "The sign-in was refused." });
  });

  test("the browser is met again after a restart", async () => {
    const provider = new Inviting();
    provider.port = await freePort();
    const first = await openDesk(provider);
    await first.desk.begin("fake", "browser");
    first.signIns.stop();
    await first.world.close();
    await using second = await openDesk(provider, { dataDir: first.world.dataDir, clock: first.clock });
    expect((await comeBack(provider.port, "code=login&state=mine")).status).toBe(200);
    expect(second.accounts()).toHaveLength(1);
  });
});
