import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { ConversationRecord, SignInRecord, Store } from "../../src/store/store.ts";
import { failureOf } from "./folder.ts";
import { account, apiKey, attempt, NOON, NOTHING_COUNTED, READY, request } from "./records.ts";

/** What the suite needs of a kind of store. */
export interface StoreUnderTest {
  readonly store: Store;
  /** Closes it and opens it again: what is in memory alone is lost by it. */
  reopen(): Promise<Store>;
  dispose(): Promise<void>;
}

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** Everything the Store interface promises. Every kind of store passes it; `open` gives an empty one. */
export function describeStore(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(name, () => {
    let subject: StoreUnderTest;
    let store: Store;
    beforeEach(async () => {
      subject = await open();
      store = subject.store;
    });
    afterEach(() => subject.dispose());

    describe("accounts", () => {
      test("an account comes back as it went in, also after a restart", async () => {
        const full = account("acc_1", {
          settings: {
            label: "Main",
            priority: -1,
            concurrency: 4,
            requestsPerHour: 60,
            proxy: "http://me:invented-password@proxy.test:3128",
            models: ["gpt-*", "LongCat"],
          },
          source: "environment",
          sourceHash: "source",
          memory: { device: "d1" },
          quota: { used: 3, unit: "requests" },
          health: {
            ...READY,
            state: "cooling",
            until: NOON + 5,
            reason: "Slow down",
            reasonKind: "rate-limited",
            rateLimits: 2,
          },
          counters: { ...NOTHING_COUNTED, attempts: 7, rotationFailures: 3 },
          lastUsedAt: NOON - 1,
        });
        await store.accounts.insert(full);
        await store.accounts.insert(account("acc_2"));
        expect(await store.accounts.all()).toEqual([full, account("acc_2")]);
        store = await subject.reopen();
        expect(await store.accounts.all()).toEqual([full, account("acc_2")]);
      });

      test("accounts stand in order of creation, those of one moment in order of insertion", async () => {
        for (const [id, createdAt] of [
          ["c", 2],
          ["b", 1],
          ["a", 2],
        ] as const) {
          await store.accounts.insert(account(id, { createdAt }));
        }
        expect((await store.accounts.all()).map(({ id }) => id)).toEqual(["b", "c", "a"]);
      });

      test("an identity is one account, retired or not", async () => {
        await store.accounts.insert(account("acc_1"));
        await store.accounts.retire("acc_1", NOON);
        expect(await store.accounts.all()).toEqual([]);
        expect(await store.accounts.byIdentity("identity-of-acc_1")).toEqual(account("acc_1", { retiredAt: NOON }));
        expect(await store.accounts.byIdentity("another")).toBeUndefined();
        const again = await failureOf(store.accounts.insert(account("acc_2", { identityHash: "identity-of-acc_1" })));
        expect(again).toMatchObject({ kind: "invalid-request" });
        await store.accounts.bringBack("acc_1", "environment");
        expect(await store.accounts.all()).toEqual([account("acc_1", { source: "environment" })]);
      });

      test("credential, health and settings are saved for their account alone", async () => {
        const health = { ...READY, state: "disabled_auto", reason: "Five in a row", rotationFailures: 5 } as const;
        const settings = {
          label: "New",
          priority: 3,
          concurrency: 1,
          requestsPerHour: 12,
          proxy: "http://proxy.test",
          models: ["demo"],
        };
        await store.accounts.insert(account("acc_1", { sourceHash: "first" }));
        await store.accounts.insert(account("acc_2"));
        await store.accounts.saveCredential("acc_1", { cookie: "renewed" });
        await store.accounts.saveHealth("acc_1", health);
        await store.accounts.saveSettings("acc_1", settings);
        store = await subject.reopen();
        const changed = { credential: { cookie: "renewed" }, sourceHash: "first", health, settings };
        expect(await store.accounts.all()).toEqual([account("acc_1", changed), account("acc_2")]);
        await store.accounts.saveCredential("acc_1", { cookie: "third" }, { sourceHash: "second" });
        expect(await store.accounts.byIdentity("identity-of-acc_1")).toMatchObject({ sourceHash: "second" });
      });

      test("settings go back to their defaults", async () => {
        const settings = {
          ...account("acc_1").settings,
          concurrency: 1,
          requestsPerHour: 9,
          proxy: "http://p",
          models: [],
        };
        await store.accounts.insert(account("acc_1", { settings }));
        await store.accounts.saveSettings("acc_1", account("acc_1").settings);
        store = await subject.reopen();
        expect(await store.accounts.all()).toEqual([account("acc_1")]);
      });

      test("an account takes over another login, also from an account that is retired", async () => {
        await store.accounts.insert(account("acc_1"));
        await store.accounts.insert(account("acc_2", { identityHash: "second login" }));
        await store.accounts.retire("acc_2", NOON);
        await store.accounts.saveCredential("acc_1", { cookie: "second" }, { identityHash: "second login" });
        expect(await store.accounts.byIdentity("second login")).toMatchObject({ id: "acc_1", sourceHash: undefined });
        expect(await store.accounts.byIdentity("identity-of-acc_1")).toBeUndefined();
        await store.accounts.insert(account("acc_3", { identityHash: "identity-of-acc_1" }));
        expect((await store.accounts.all()).map(({ id }) => id)).toEqual(["acc_1", "acc_3"]);
      });

      test("health that has passed leaves no time and no reason", async () => {
        await store.accounts.insert(
          account("acc_1", { health: { ...READY, state: "cooling", until: 9, reason: "x" } }),
        );
        await store.accounts.saveHealth("acc_1", READY);
        expect((await store.accounts.all())[0]?.health).toEqual(READY);
      });

      test("a removed account is gone with its chats; the log keeps its id", async () => {
        await store.accounts.insert(account("acc_1"));
        await store.conversations.put(chat("up_1"));
        store.attempts.recordRequest(request("req_1"));
        await store.accounts.remove("acc_1");
        expect(await store.accounts.byIdentity("identity-of-acc_1")).toBeUndefined();
        expect(await store.conversations.all()).toEqual([]);
        expect(await store.attempts.requests({ limit: 5, accountId: "acc_1" })).toHaveLength(1);
      });

      test("memory and quota are seen at once and survive a restart", async () => {
        await store.accounts.insert(account("acc_1", { memory: { old: true } }));
        store.accounts.touchMemory("acc_1", { device: "d1" });
        store.accounts.touchQuota("acc_1", { used: 1, unit: "credits" });
        const touched = account("acc_1", { memory: { device: "d1" }, quota: { used: 1, unit: "credits" } });
        expect(await store.accounts.all()).toEqual([touched]);
        store = await subject.reopen();
        expect(await store.accounts.all()).toEqual([touched]);
        store.accounts.touchMemory("acc_1", undefined);
        store = await subject.reopen();
        expect(await store.accounts.all()).toEqual([{ ...touched, memory: undefined }]);
      });

      test("writing to an account that is not there changes nothing", async () => {
        await store.accounts.saveCredential("acc_9", {});
        await store.accounts.saveHealth("acc_9", READY);
        store.attempts.recordAttempt(attempt("req_1", { accountId: "acc_9" }));
        await store.flush();
        expect(await store.accounts.all()).toEqual([]);
      });
    });

    describe("attempts and the request log", () => {
      test("attempts move the account's counters and last use, at once and over a restart", async () => {
        await store.accounts.insert(account("acc_1", { counters: { ...NOTHING_COUNTED, attempts: 1, successes: 1 } }));
        store.attempts.recordAttempt(attempt("req_1", { startedAt: NOON + 5 }));
        store.attempts.recordAttempt(
          attempt("req_2", { startedAt: NOON + 3, outcome: "auth-rejected", rotationFailure: true }),
        );
        store.attempts.recordAttempt(attempt("req_3", { accountId: undefined }));
        const counters = {
          attempts: 3,
          successes: 2,
          failures: 1,
          rotationFailures: 1,
          inputTokens: 20,
          outputTokens: 40,
        };
        const counted = account("acc_1", { counters, lastUsedAt: NOON + 5 });
        expect(await store.accounts.all()).toEqual([counted]);
        await store.flush();
        expect(await store.accounts.all()).toEqual([counted]);
        store = await subject.reopen();
        expect(await store.accounts.all()).toEqual([counted]);
      });

      test("the log is newest first and comes back whole", async () => {
        const failed = request("req_2", {
          at: NOON + 1,
          keyName: undefined,
          provider: undefined,
          accountId: undefined,
          status: 503,
          outcome: "no-account",
          message: "No account",
          firstEventMs: undefined,
          usageEstimated: true,
        });
        store.attempts.recordRequest(request("req_1"));
        await store.flush();
        store.attempts.recordRequest(failed);
        expect(await store.attempts.requests({ limit: 10 })).toEqual([failed, request("req_1")]);
        store = await subject.reopen();
        expect(await store.attempts.requests({ limit: 10 })).toEqual([failed, request("req_1")]);
      });

      test("rows that are written together come back whole, each with its own values and in their order", async () => {
        const requests = Array.from({ length: 59 }, (_, i) =>
          request(`req_${i}`, { durationMs: i, stream: i % 2 === 0, message: i % 3 === 0 ? `No ${i}` : undefined }),
        );
        const attempts = requests.map(({ durationMs }, i) =>
          attempt("req_1", { number: i, durationMs, rotationFailure: i % 2 === 0 }),
        );
        for (const entry of attempts) store.attempts.recordAttempt(entry);
        for (const entry of requests) store.attempts.recordRequest(entry);
        await store.flush();
        expect(await store.attempts.requests({ limit: 99 })).toEqual(requests.toReversed());
        expect(await store.attempts.attemptsOf("req_1")).toEqual(attempts);
      });

      const filters: { name: string; filter: object; ids: string[] }[] = [
        { name: "a limit", filter: { limit: 2 }, ids: ["req_4", "req_3"] },
        { name: "a time before", filter: { limit: 9, before: NOON + 3 }, ids: ["req_2", "req_1"] },
        { name: "an id", filter: { limit: 9, id: "req_3" }, ids: ["req_3"] },
        { name: "an account", filter: { limit: 9, accountId: "acc_2" }, ids: ["req_4", "req_2"] },
        { name: "an outcome", filter: { limit: 9, outcome: "challenge" }, ids: ["req_3"] },
        { name: "two at once", filter: { limit: 9, accountId: "acc_2", before: NOON + 4 }, ids: ["req_2"] },
        { name: "SQL in an id", filter: { limit: 9, id: "' OR 1=1 --" }, ids: [] },
        { name: "a percent sign", filter: { limit: 9, id: "%", outcome: "%" }, ids: [] },
      ];
      test.each(filters)("the log is filtered by $name", async ({ filter, ids }) => {
        store.attempts.recordRequest(request("req_1", { at: NOON + 1 }));
        store.attempts.recordRequest(request("req_2", { at: NOON + 2, accountId: "acc_2" }));
        await store.flush();
        store.attempts.recordRequest(request("req_3", { at: NOON + 3, outcome: "challenge" }));
        store.attempts.recordRequest(request("req_4", { at: NOON + 4, accountId: "acc_2" }));
        const found = await store.attempts.requests({ limit: 9, ...filter });
        expect(found.map(({ id }) => id)).toEqual(ids);
      });

      test("the attempts of a request come in their order", async () => {
        const second = attempt("req_1", {
          number: 2,
          outcome: "upstream-broken",
          message: "It broke",
          accountId: undefined,
        });
        store.attempts.recordAttempt(attempt("req_1"));
        await store.flush();
        store.attempts.recordAttempt(second);
        store.attempts.recordAttempt(attempt("req_2"));
        expect(await store.attempts.attemptsOf("req_1")).toEqual([attempt("req_1"), second]);
        expect(await store.attempts.attemptsOf("req_9")).toEqual([]);
      });

      test("the last hour is counted with its edges, its median and the tokens of the day", async () => {
        const dayStart = NOON - 2 * HOUR_MS;
        const log = [
          request("yesterday", { at: dayStart - 1, inputTokens: 1_000 }),
          request("today", { at: NOON - HOUR_MS, firstEventMs: 9_000, usageEstimated: true }), // an hour ago: not in it
          request("first", { at: NOON - HOUR_MS + 1, firstEventMs: 100 }),
          request("failed", { at: NOON - 2 * MINUTE_MS, outcome: "upstream-broken", firstEventMs: undefined }),
          request("other", { at: NOON - 1, provider: "demo", firstEventMs: 500 }),
          request("now", { at: NOON, firstEventMs: 300 }),
          request("later", { at: NOON + 1 }),
        ];
        const spark = Array.from({ length: 30 }, () => 0);
        const all = { requests: 4, answered: 3, firstEventMedianMs: 300, tokensToday: 150, tokensTodayEstimated: 30 };
        const allSpark = Object.assign([...spark], { 0: 1, 28: 1, 29: 2 });
        for (const entry of log) store.attempts.recordRequest(entry);
        expect(await store.attempts.lastHour(NOON, dayStart)).toEqual({ ...all, spark: allSpark });
        store = await subject.reopen();
        expect(await store.attempts.lastHour(NOON, dayStart)).toEqual({ ...all, spark: allSpark });
        const ofDemo = { requests: 1, answered: 1, firstEventMedianMs: 500, tokensToday: 30, tokensTodayEstimated: 0 };
        const demoSpark = Object.assign([...spark], { 29: 1 });
        expect(await store.attempts.lastHour(NOON, dayStart, "demo")).toEqual({ ...ofDemo, spark: demoSpark });
        expect(await store.attempts.lastHour(NOON, dayStart, "kiro")).toMatchObject({
          requests: 0,
          firstEventMedianMs: undefined,
        });
      });

      test("pruning drops what is too old and what is too much, with its attempts", async () => {
        for (let i = 1; i <= 6; i++) {
          store.attempts.recordRequest(request(`req_${i}`, { at: NOON + 10 * i }));
          store.attempts.recordAttempt(attempt(`req_${i}`, { startedAt: NOON + 10 * i + 1 }));
        }
        await store.flush();
        const ids = async () => (await store.attempts.requests({ limit: 9 })).map(({ id }) => id);
        await store.attempts.prune(NOON + 20, 100);
        expect(await ids()).toEqual(["req_6", "req_5", "req_4", "req_3", "req_2"]);
        await store.attempts.prune(NOON, 2);
        expect(await ids()).toEqual(["req_6", "req_5"]);
        expect(await store.attempts.attemptsOf("req_4")).toEqual([]);
        expect(await store.attempts.attemptsOf("req_5")).toHaveLength(1);
        await store.attempts.prune(NOON, 2);
        expect(await ids()).toEqual(["req_6", "req_5"]);
      });
    });

    describe("API keys", () => {
      test("keys come back, touched and revoked ones too", async () => {
        await store.keys.insert(apiKey("key_1", { admin: true }));
        await store.keys.insert(apiKey("key_2"));
        store.keys.touch("key_1", NOON + 1);
        await store.keys.revoke("key_2", NOON + 2);
        await store.keys.revoke("key_2", NOON + 9);
        const keys = [apiKey("key_1", { admin: true, lastUsedAt: NOON + 1 }), apiKey("key_2", { revokedAt: NOON + 2 })];
        expect(await store.keys.all()).toEqual(keys);
        store = await subject.reopen();
        expect(await store.keys.all()).toEqual(keys);
      });
    });

    describe("conversations", () => {
      test("of many callers at once exactly one gets the kept chat", async () => {
        await store.conversations.put(chat("up_1"));
        const claims = await Promise.all(Array.from({ length: 20 }, () => store.conversations.claim("history", NOON)));
        expect(claims.filter((claim) => claim !== undefined)).toEqual([chat("up_1", { state: "busy" })]);
        expect(await store.conversations.all()).toEqual([chat("up_1", { state: "busy" })]);
      });

      const unclaimable: { name: string; change: Partial<ConversationRecord> }[] = [
        { name: "of another history", change: { key: "other" } },
        { name: "without a history", change: { key: undefined } },
        { name: "in a turn", change: { state: "busy" } },
        { name: "that is empty", change: { state: "ready" } },
        { name: "to be deleted", change: { state: "leaving" } },
        { name: "whose time is over", change: { dueAt: NOON } },
      ];
      test.each(unclaimable)("a chat $name is not lent", async ({ change }) => {
        await store.conversations.put(chat("up_1", change));
        expect(await store.conversations.claim("history", NOON)).toBeUndefined();
        expect(await store.conversations.all()).toEqual([chat("up_1", change)]);
      });

      test("a chat is replaced by account and upstream id, and dropped the same way", async () => {
        const late = chat("up_1", { state: "leaving", key: undefined, dueAt: NOON + 9, tries: 2 });
        await store.conversations.put(chat("up_1"));
        await store.conversations.put(chat("up_1", { accountId: "acc_2", dueAt: NOON + 10 }));
        await store.conversations.put(late);
        store = await subject.reopen();
        expect(await store.conversations.all()).toEqual([late, chat("up_1", { accountId: "acc_2", dueAt: NOON + 10 })]);
        store.conversations.drop("acc_1", "up_1");
        expect(await store.conversations.all()).toEqual([chat("up_1", { accountId: "acc_2", dueAt: NOON + 10 })]);
      });
    });

    test("a chat of an account that is removed is gone although its row was still behind", async () => {
      await store.accounts.insert(account("acc_1"));
      await store.conversations.put(chat("up_1", { state: "ready" }));
      await store.conversations.put(chat("up_2", { accountId: "acc_2", state: "ready" }));
      await store.accounts.remove("acc_1");
      store = await subject.reopen();
      expect(await store.conversations.all()).toEqual([chat("up_2", { accountId: "acc_2", state: "ready" })]);
    });

    describe("sign-ins", () => {
      const signIn = (id: string, change: Partial<SignInRecord> = {}): SignInRecord => ({
        id,
        provider: "kiro",
        data: { verifier: `invented-${id}` },
        createdAt: NOON,
        keptUntil: NOON + 10,
        ...change,
      });

      test("they come back in order, replaced and removed by id, until their time is over", async () => {
        await store.signIns.put(signIn("login_2", { createdAt: NOON + 1 }));
        await store.signIns.put(signIn("login_1"));
        await store.signIns.put(signIn("login_3", { createdAt: NOON + 2, keptUntil: NOON + 5 }));
        await store.signIns.put(signIn("login_1", { data: { code: "invented" } }));
        store = await subject.reopen();
        const changed = signIn("login_1", { data: { code: "invented" } });
        const second = signIn("login_2", { createdAt: NOON + 1 });
        expect(await store.signIns.all(NOON + 5)).toEqual([changed, second]);
        await store.signIns.remove("login_2");
        expect(await store.signIns.all(NOON + 5)).toEqual([changed]);
        expect(await store.signIns.all(NOON + 10)).toEqual([]);
      });
    });

    describe("sessions and settings", () => {
      test("a session counts until it expires or is removed", async () => {
        const session = { tokenHash: "t1", createdAt: NOON, expiresAt: NOON + 10 };
        await store.sessions.insert(session);
        await store.sessions.insert({ ...session, tokenHash: "t2" });
        store = await subject.reopen();
        expect(await store.sessions.find("t1", NOON + 9)).toEqual(session);
        expect(await store.sessions.find("t1", NOON + 10)).toBeUndefined();
        await store.sessions.remove("t1");
        expect(await store.sessions.find("t1", NOON)).toBeUndefined();
        expect(await store.sessions.find("t2", NOON)).toBeDefined();
        await store.sessions.removeAll();
        expect(await store.sessions.find("t2", NOON)).toBeUndefined();
      });

      test("a setting written behind is read at once, survives a restart, and gives way to one that is committed", async () => {
        await store.settings.set("kept", 1);
        store.settings.touch("position", { id: "acc_1", uses: 1 });
        store.settings.touch("position", { id: "acc_1", uses: 2 });
        expect(await store.settings.get("position")).toEqual({ id: "acc_1", uses: 2 });
        expect(await store.settings.all()).toEqual({ kept: 1, position: { id: "acc_1", uses: 2 } });
        store = await subject.reopen();
        expect(await store.settings.all()).toEqual({ kept: 1, position: { id: "acc_1", uses: 2 } });
        store.settings.touch("position", "late");
        await store.settings.set("position", "committed");
        store.settings.touch("kept", 2);
        await store.settings.remove("kept");
        store = await subject.reopen();
        expect(await store.settings.all()).toEqual({ position: "committed" });
      });

      test("settings keep JSON values by name", async () => {
        await store.settings.set("strategy.longcat", "lru");
        await store.settings.set("limits", { uses: 3, list: [1, null] });
        await store.settings.set("limits", { uses: 4 });
        await store.settings.set("zero", 0);
        store = await subject.reopen();
        expect(await store.settings.get("limits")).toEqual({ uses: 4 });
        expect(await store.settings.get("zero")).toBe(0);
        await store.settings.remove("strategy.longcat");
        expect(await store.settings.get("strategy.longcat")).toBeUndefined();
        expect(await store.settings.all()).toEqual({ limits: { uses: 4 }, zero: 0 });
      });
    });

    test("closing twice is closing once, and records after it do no harm", async () => {
      await store.close();
      store.attempts.recordRequest(request("req_1"));
      await store.close();
    });
  });
}

function chat(upstreamId: string, change: Partial<ConversationRecord> = {}): ConversationRecord {
  return { upstreamId, accountId: "acc_1", state: "kept", key: "history", dueAt: NOON + 1, tries: 0, ...change };
}
