/** What the Kiro sim knows of an account, and what a test may set on it. */
import type { Behaviour } from "./kiro-script.ts";

export type SimHost = "runtime" | "management" | "legacy" | "codewhisperer" | "auth" | "oidc";
export type SimKind = "chat" | "usage" | "models" | "profiles" | "refresh";
export type SimLogin = "social" | "builder-id" | "idc" | "api-key";

/** One request as it came. */
export interface Seen {
  readonly host: SimHost;
  readonly region: string;
  readonly kind: SimKind | "other";
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface SimAccount {
  readonly name: string;
  readonly login: SimLogin;
  /** The bearer that is good now; every renewal makes a new one. */
  accessToken: string;
  refreshToken: string;
  readonly spent: Set<string>;
  readonly clientId: string;
  readonly clientSecret: string;
  /** The profile that its calls must carry; undefined when it has none. */
  profileArn: string | undefined;
  /** Its refresh token was used twice: nothing revives it. */
  dead: boolean;
  /** Hosts that take its token. */
  readonly hosts: Set<SimHost>;
  models: string[];
  limits: Record<string, unknown>;
  /** Signatures that are good in a history. */
  readonly signatures: Set<string>;
  readonly counts: Record<SimKind, number>;
  readonly requests: Seen[];
  /** What the next calls of a kind meet, in order. */
  next(kind: SimKind, ...behaviours: Behaviour[]): void;
  always(kind: SimKind, behaviour: Behaviour): void;
  take(kind: SimKind): Behaviour | undefined;
}

const ARNS: Readonly<Record<SimLogin, string | undefined>> = {
  social: "arn:aws:codewhisperer:us-east-1:699475941385:profile/EHGA3GRVQMUK",
  "builder-id": "arn:aws:codewhisperer:us-east-1:638616132270:profile/AAAACCCCXXXX",
  idc: "arn:aws:codewhisperer:us-east-1:111122223333:profile/ORGPROFILE01",
  "api-key": undefined,
};

/** An invented token of the length that real ones have. */
export function inventToken(kind: string, name: string, round: number): string {
  return `${kind}-${name}-${round}-`.padEnd(120, "x");
}

export function newAccount(name: string, login: SimLogin): SimAccount {
  const queues = new Map<SimKind, Behaviour[]>();
  const lasting = new Map<SimKind, Behaviour>();
  return {
    name,
    login,
    accessToken: login === "api-key" ? `ksk_${name}_0123456789` : inventToken("access", name, 1),
    refreshToken: inventToken("refresh", name, 1),
    spent: new Set(),
    clientId: `client-${name}`,
    clientSecret: `secret-${name}`,
    profileArn: ARNS[login],
    dead: false,
    hosts: new Set(login === "api-key" ? ["legacy", "codewhisperer"] : ["runtime", "management"]),
    models: ["claude-sonnet-4.5", "claude-sonnet-4.6", "claude-opus-5.5", "claude-haiku-4.5", "gpt-5.6-sol"],
    limits: {
      nextDateReset: 1_796_083_200,
      subscriptionInfo: { subscriptionTitle: "KIRO FREE", type: "Q_DEVELOPER_STANDALONE_FREE" },
      usageBreakdownList: [{ resourceType: "CREDIT", currentUsage: 12, usageLimit: 50, unit: "INVOCATIONS" }],
    },
    signatures: new Set(["sig-1"]),
    counts: { chat: 0, usage: 0, models: 0, profiles: 0, refresh: 0 },
    requests: [],
    next(kind, ...behaviours) {
      queues.set(kind, [...(queues.get(kind) ?? []), ...behaviours]);
    },
    always: (kind, behaviour) => void lasting.set(kind, behaviour),
    take: (kind) => queues.get(kind)?.shift() ?? lasting.get(kind),
  };
}

/** What a renewal does: new tokens, and the old refresh token is dead from now on. */
export function rotate(account: SimAccount): void {
  account.spent.add(account.refreshToken);
  const round = account.spent.size + 1;
  account.refreshToken = inventToken("refresh", account.name, round);
  account.accessToken = inventToken("access", account.name, round);
}
