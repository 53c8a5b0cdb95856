import type { AccountRecord, ApiKeyRecord, AttemptRecord, Health, RequestRecord } from "../../src/store/store.ts";

/** 20 November 2026, noon UTC: where the virtual clock begins. */
export const NOON = Date.UTC(2026, 10, 20, 12);

export const READY: Health = {
  state: "ready",
  until: undefined,
  reason: undefined,
  reasonKind: undefined,
  since: NOON,
  rotationFailures: 0,
  rateLimits: 0,
};

export const NOTHING_COUNTED = {
  attempts: 0,
  successes: 0,
  failures: 0,
  rotationFailures: 0,
  inputTokens: 0,
  outputTokens: 0,
};

export function account(id: string, change: Partial<AccountRecord> = {}): AccountRecord {
  return {
    id,
    provider: "longcat",
    settings: {
      label: `Label of ${id}`,
      priority: 0,
      concurrency: undefined,
      requestsPerHour: undefined,
      proxy: undefined,
      models: undefined,
    },
    identityHash: `identity-of-${id}`,
    credential: { cookie: `invented-cookie-of-${id}` },
    source: "console",
    sourceHash: undefined,
    userAgent: "Browser/1.0",
    memory: undefined,
    quota: undefined,
    health: READY,
    counters: NOTHING_COUNTED,
    createdAt: NOON,
    lastUsedAt: undefined,
    retiredAt: undefined,
    ...change,
  };
}

export function apiKey(id: string, change: Partial<ApiKeyRecord> = {}): ApiKeyRecord {
  return {
    id,
    name: `Key ${id}`,
    prefix: "sk-sluice-7f3a…",
    hash: `hash-of-${id}`,
    admin: false,
    createdAt: NOON,
    lastUsedAt: undefined,
    revokedAt: undefined,
    ...change,
  };
}

export function attempt(requestId: string, change: Partial<AttemptRecord> = {}): AttemptRecord {
  return {
    requestId,
    number: 1,
    provider: "longcat",
    accountId: "acc_1",
    startedAt: NOON,
    durationMs: 800,
    outcome: "ok",
    message: undefined,
    rotationFailure: false,
    inputTokens: 10,
    outputTokens: 20,
    ...change,
  };
}

export function request(id: string, change: Partial<RequestRecord> = {}): RequestRecord {
  return {
    id,
    at: NOON,
    dialect: "openai-chat",
    keyName: "laptop",
    model: "LongCat",
    provider: "longcat",
    accountId: "acc_1",
    attempts: 1,
    stream: true,
    status: 200,
    outcome: "ok",
    message: undefined,
    firstEventMs: 300,
    durationMs: 900,
    inputTokens: 10,
    outputTokens: 20,
    usageEstimated: false,
    ...change,
  };
}
