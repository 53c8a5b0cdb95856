import { expect, test } from "bun:test";
import type { AccountView } from "../../src/admin/admin.ts";
import { verdictOf, type VerdictFacts } from "../../src/admin/verdict.ts";

const NOW = 1_760_000_000_000;

function account(state: AccountView["state"], provider = "longcat", until?: number): AccountView {
  return {
    id: `acc_${Math.random()}`,
    provider,
    providerTitle: provider,
    label: "one",
    hint: "…1",
    source: "console",
    state,
    until,
    reason: undefined,
    reasonKind: undefined,
    since: NOW,
    rotationFailures: 0,
    rotationMaxFailures: 5,
    attempts: 0,
    successes: 0,
    failures: 0,
    rotationFailuresTotal: 0,
    successRate: undefined,
    inFlight: 0,
    concurrency: 2,
    lastUsedAt: undefined,
    nextTryAt: undefined,
    credentialExpiresAt: undefined,
    quota: undefined,
    createdAt: NOW,
    current: false,
    settings: { priority: 0, concurrency: undefined, requestsPerHour: undefined, proxy: undefined, models: undefined },
  };
}

const NOTHING: VerdictFacts = {
  ready: true,
  trouble: undefined,
  accounts: [],
  broken: new Set(),
  guests: [],
  free: false,
};

const GUESTS = {
  provider: "langfast",
  wanted: 1,
  alive: 0,
  failure: undefined,
  needsLogin: false,
  retryAt: undefined,
};
const REFUSED = { ...GUESTS, failure: "The site wants a captcha.", needsLogin: true, retryAt: NOW + 60_000 };

const cases: { name: string; facts: Partial<VerdictFacts>; state: string; provider?: string }[] = [
  { name: "before the accounts are in it is starting", facts: { ready: false }, state: "starting" },
  { name: "without any account it is empty", facts: {}, state: "empty" },
  { name: "guests that nobody has asked for yet are no account", facts: { guests: [GUESTS] }, state: "empty" },
  {
    name: "guests that are switched off serve nobody",
    facts: { guests: [{ ...GUESTS, wanted: 0 }] },
    state: "empty",
  },
  { name: "guests that the service refuses serve nobody", facts: { guests: [REFUSED] }, state: "empty" },
  { name: "a provider that needs no account serves before there is one", facts: { free: true }, state: "fine" },
  {
    name: "guests to come do not speak for accounts that cannot answer",
    facts: { accounts: [account("needs_login", "kiro")], guests: [GUESTS] },
    state: "down",
    provider: "kiro",
  },
  {
    name: "a dead guest needs nobody: the next one takes its place",
    facts: {
      accounts: [account("ready"), { ...account("needs_login", "langfast"), source: "guest" }],
      guests: [GUESTS],
    },
    state: "fine",
  },
  {
    name: "guests that are refused while others answer are limited",
    facts: { accounts: [account("ready")], guests: [REFUSED] },
    state: "limited",
    provider: "langfast",
  },
  { name: "all ready is fine", facts: { accounts: [account("ready"), account("ready")] }, state: "fine" },
  {
    name: "one of three cooling is still fine",
    facts: { accounts: [account("ready"), account("ready"), account("cooling")] },
    state: "fine",
  },
  {
    name: "half of them cooling is limited",
    facts: { accounts: [account("ready"), account("cooling")] },
    state: "limited",
  },
  {
    name: "one that waits for a person is limited",
    facts: { accounts: [account("ready"), account("ready"), account("ready"), account("needs_login")] },
    state: "limited",
  },
  {
    name: "a provider with none left is limited and named",
    facts: { accounts: [account("ready"), account("ready"), account("ready"), account("exhausted", "kiro")] },
    state: "limited",
    provider: "kiro",
  },
  {
    name: "what a person switched off does not count",
    facts: { accounts: [account("ready"), account("disabled_by_user"), account("disabled_by_user")] },
    state: "fine",
  },
  { name: "nobody usable is down", facts: { accounts: [account("needs_login")] }, state: "down", provider: "longcat" },
  { name: "all switched off is down", facts: { accounts: [account("disabled_by_user")] }, state: "down" },
  {
    name: "a service that is down takes its ready accounts along",
    facts: { accounts: [{ ...account("ready"), id: "acc_1" }], broken: new Set(["acc_1"]) },
    state: "down",
    provider: "longcat",
  },
  {
    name: "a disk that takes nothing is degraded",
    facts: { accounts: [account("ready")], trouble: "the disk is full" },
    state: "degraded",
  },
];

test.each(cases)("$name", ({ facts, state, provider }) => {
  const verdict = verdictOf({ ...NOTHING, ...facts });
  expect(verdict.state).toBe(state as typeof verdict.state);
  expect(verdict.provider).toBe(provider);
});

test("the first account that comes back by itself is named by its time", () => {
  const accounts = [account("cooling", "longcat", NOW + 60_000), account("exhausted", "kiro", NOW + 5_000)];
  const verdict = verdictOf({ ...NOTHING, accounts });
  expect(verdict.nextBackAt).toBe(NOW + 5_000);
});

test("it says why a service gives no guests, and whether that ends by itself", () => {
  expect(verdictOf({ ...NOTHING, guests: [GUESTS] }).guests).toBeUndefined();
  expect(verdictOf({ ...NOTHING, guests: [REFUSED] }).guests).toEqual({
    provider: "langfast",
    failure: "The site wants a captcha.",
    needsLogin: true,
    retryAt: NOW + 60_000,
  });
});
