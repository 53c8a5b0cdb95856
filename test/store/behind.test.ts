import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { GatewayError } from "../../src/chat/error.ts";
import { Rescue } from "../../src/store/rescue.ts";
import { sealingOf } from "../../src/store/sealing.ts";
import { connect } from "../../src/store/sqlite/connection.ts";
import { sqliteStore } from "../../src/store/sqlite/open.ts";
import { DataFolder, failureOf, silent } from "./folder.ts";
import { account, attempt, NOON, READY, request } from "./records.ts";

/** Another program with the database open. */
class OtherProgram implements Disposable {
  readonly #database: Database;
  constructor(path: string) {
    this.#database = new Database(path);
  }
  /** Rows of the request log that are committed. */
  get logged(): number {
    return this.#number("SELECT count(*) FROM requests");
  }
  get counted(): number {
    return this.#number("SELECT sum(attempts) FROM accounts");
  }
  lock(): void {
    this.#database.run("BEGIN IMMEDIATE");
  }
  unlock(): void {
    this.#database.run("ROLLBACK");
  }
  get chats(): number {
    return this.#number("SELECT count(*) FROM conversations");
  }
  #number(sql: string): number {
    return Number(this.#database.query(sql).values()[0]?.[0]);
  }
  [Symbol.dispose](): void {
    this.#database.close();
  }
}

async function opened() {
  const folder = new DataFolder();
  const { store } = await folder.open();
  await store.accounts.insert(account("acc_1"));
  const other = new OtherProgram(folder.database);
  return {
    folder,
    store,
    other,
    clock: folder.clock,
    async [Symbol.asyncDispose]() {
      other[Symbol.dispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

test("records are written within a second", async () => {
  await using subject = await opened();
  const { store, other, clock } = subject;
  store.attempts.recordRequest(request("req_1"));
  store.attempts.recordAttempt(attempt("req_1"));
  expect(other.logged).toBe(0);
  await clock.advance(1_000);
  expect([other.logged, other.counted]).toEqual([1, 1]);
  expect(clock.pending).toBe(0);
});

test("a steady trickle does not put the writing off", async () => {
  await using subject = await opened();
  const { store, other, clock } = subject;
  for (let i = 0; i < 10; i++) {
    store.attempts.recordRequest(request(`req_${i}`));
    await clock.advance(100);
  }
  expect(other.logged).toBeGreaterThanOrEqual(5);
});

test("the hundredth record is written without waiting for the time, and not on the call", async () => {
  await using subject = await opened();
  const { store, other, clock } = subject;
  for (let i = 0; i < 99; i++) store.attempts.recordRequest(request(`req_${i}`));
  await clock.advance(0);
  expect(other.logged).toBe(0);
  store.attempts.recordRequest(request("req_99"));
  expect(other.logged).toBe(0);
  await clock.advance(0);
  expect(other.logged).toBe(100);
});

test("row 35: while another program holds the lock records stay in memory, are read from there, and are written after", async () => {
  await using subject = await opened();
  const { store, other, clock } = subject;
  other.lock();
  const record = (id: string) => {
    store.attempts.recordRequest(request(id));
    store.attempts.recordAttempt(attempt(id));
  };
  record("req_1");
  await clock.advance(5_000);
  record("req_2");
  expect(store.trouble()).toContain("another program holds the database locked");
  expect(other.logged).toBe(0);
  expect((await store.attempts.requests({ limit: 9 })).map(({ id }) => id)).toEqual(["req_2", "req_1"]);
  expect(await store.attempts.attemptsOf("req_1")).toHaveLength(1);
  expect(await store.attempts.lastHour(NOON, NOON)).toMatchObject({
    requests: 2,
    answered: 2,
    firstEventMedianMs: 300,
  });
  expect((await store.accounts.all())[0]?.counters.attempts).toBe(2);
  other.unlock();
  await clock.advance(1_000);
  expect(store.trouble()).toBeUndefined();
  expect([other.logged, other.counted]).toEqual([2, 2]);
});

test("rows of chats are written within 500 ms, those of chats that lived shorter never", async () => {
  await using subject = await opened();
  const { store, other, clock } = subject;
  const { conversations } = store;
  const chat = { accountId: "acc_1", key: undefined, dueAt: NOON, tries: 0 };
  await conversations.put({ ...chat, upstreamId: "up_1", state: "ready" });
  await conversations.put({ ...chat, upstreamId: "up_2", state: "busy" });
  await clock.advance(499);
  expect(other.chats).toBe(0);
  conversations.drop("acc_1", "up_2");
  await clock.advance(1);
  expect(other.chats).toBe(1);
  await conversations.put({ ...chat, upstreamId: "up_1", state: "leaving" });
  conversations.drop("acc_1", "up_1");
  await conversations.put({ ...chat, upstreamId: "up_3", state: "ready" });
  expect(await conversations.all()).toEqual([{ ...chat, upstreamId: "up_3", state: "ready" }]);
  expect(other.chats).toBe(1);
  await clock.advance(500);
  expect(clock.pending).toBe(0);
});

test("while the log is written again and again, chats wait for their time", async () => {
  await using subject = await opened();
  const { store, other, clock } = subject;
  store.attempts.recordRequest(request("req_1"));
  await clock.advance(300);
  await store.conversations.put({
    ...{ upstreamId: "up_1", accountId: "acc_1", key: undefined, dueAt: NOON, tries: 0 },
    state: "ready",
  });
  await clock.advance(200);
  expect([other.logged, other.chats]).toEqual([1, 0]);
  await clock.advance(300);
  expect(other.chats).toBe(1);
  expect(clock.pending).toBe(0);
});

test("row 35: a committed write waits for a short lock without holding the loop, in order", async () => {
  await using subject = await opened();
  const { store, other, clock } = subject;
  other.lock();
  const done: string[] = [];
  const writes = ["first", "second"].map(async (value) => {
    await store.settings.set("name", value);
    done.push(value);
  });
  await clock.advance(900);
  expect(done).toEqual([]);
  other.unlock();
  const third = store.settings.set("name", "third"); // nothing is in its way but the two that came before
  await clock.advance(20);
  await Promise.all([...writes, third]);
  expect(done).toEqual(["first", "second"]);
  expect(await store.settings.get("name")).toBe("third");
  expect(store.trouble()).toBeUndefined();
});

test("row 35: a committed write that meets a long lock fails in words, and the trouble ends by itself", async () => {
  await using subject = await opened();
  const { store, other, clock } = subject;
  other.lock();
  const writes = [
    store.settings.set("name", "value"),
    store.accounts.saveHealth("acc_1", { ...READY, state: "disabled_auto" }),
    store.conversations.claim("history", NOON),
    store.keys.revoke("key_1", NOON),
  ].map(failureOf);
  await clock.advance(1_100);
  for (const failure of await Promise.all(writes)) {
    expect(failure).toBeInstanceOf(GatewayError);
    const message = "Nothing can be saved right now: another program holds the database locked.";
    expect(failure).toMatchObject({ kind: "store-unavailable", status: 503, message });
    expect((failure as GatewayError).retryAt).toBeGreaterThan(clock.now());
  }
  expect(store.trouble()).toBeDefined();
  other.unlock();
  await clock.advance(1_000);
  expect(store.trouble()).toBeUndefined();
  expect(clock.pending).toBe(0);
  expect((await store.accounts.all())[0]?.health.state).toBe("ready");
});

test("while nothing can be written the log is bounded, the counters are not", async () => {
  await using subject = await opened();
  const { store, other, clock } = subject;
  other.lock();
  store.attempts.recordAttempt(attempt("req_0"));
  await clock.advance(1_000);
  for (let i = 1; i <= 30_000; i++) store.attempts.recordAttempt(attempt(`req_${i}`));
  expect(store.trouble()).toMatch(/\d+ lines of the request log are lost/);
  expect(await store.attempts.attemptsOf("req_1")).toEqual([]);
  expect(await store.attempts.attemptsOf("req_30000")).toHaveLength(1);
  other.unlock();
  await clock.advance(2_000);
  expect(other.counted).toBe(30_001);
  expect(store.trouble()).toBeUndefined();
  expect(clock.pending).toBe(0);
});

test("row 36: a full disk is told in words and caught up with when there is room", async () => {
  await using subject = await opened();
  const { folder, store, other, clock } = subject;
  await store.close();
  const connection = connect(folder.database);
  const sealing = sealingOf(new Uint8Array(32));
  const rescue = new Rescue(folder.file("rescue"), sealing, silent);
  const small = sqliteStore(connection, sealing, rescue, clock, silent);
  connection.pragma("max_page_count = 1"); // SQLite takes the present size for it
  for (let i = 0; i < 90; i++) small.attempts.recordRequest(request(`req_${i}`, { model: "x".repeat(4_000) }));
  await clock.advance(1_000);
  expect(small.trouble()).toContain("the disk is full");
  expect(await failureOf(small.settings.set("big", "x".repeat(50_000)))).toMatchObject({ kind: "store-unavailable" });
  expect(other.logged).toBe(0);
  connection.pragma("max_page_count = 1000000");
  await clock.advance(1_000);
  expect(small.trouble()).toBeUndefined();
  expect(other.logged).toBe(90);
  await small.close();
});

test("a record that the database refuses for what it is does not stand in the way of the others", async () => {
  await using subject = await opened();
  const { store, other, clock } = subject;
  store.attempts.recordRequest(request("req_1", { durationMs: Number.NaN }));
  await clock.advance(1_000);
  store.attempts.recordRequest(request("req_2"));
  store.attempts.recordAttempt(attempt("req_2"));
  await clock.advance(1_000);
  expect([other.logged, other.counted]).toEqual([1, 1]);
  store.attempts.recordAttempt(attempt("req_3", { inputTokens: Number.NaN }));
  await clock.advance(1_000);
  store.attempts.recordAttempt(attempt("req_4"));
  await clock.advance(1_000);
  expect(other.counted).toBe(2);
});

test("a chat that the database refuses takes no line of the log with it", async () => {
  await using subject = await opened();
  const { store, other, clock } = subject;
  const chat = { upstreamId: "up_1", accountId: "acc_1", state: "ready", key: undefined, tries: 0 } as const;
  await store.conversations.put({ ...chat, dueAt: Number.NaN });
  store.attempts.recordRequest(request("req_1"));
  store.attempts.recordAttempt(attempt("req_1"));
  await clock.advance(1_000);
  expect([other.logged, other.counted, other.chats]).toEqual([1, 1, 0]);
  await store.conversations.put({ ...chat, dueAt: NOON });
  await clock.advance(1_000);
  expect(other.chats).toBe(1);
});
