/** What a LongCat sim remembers: requests, conversations with their turns, accounts with their scripts. */
import type { Behaviour, Kind } from "./longcat-script.ts";
import type { RawRequest } from "./raw-http.ts";

/** One request as it came in. `token` is the `passport_token_key` value, empty without one; `at` is epoch ms. */
export type SeenRequest = {
  /** Undefined for a path the service does not know. */
  kind: Kind | undefined;
  method: string;
  path: string;
  query: Record<string, string>;
  headers: Record<string, string>;
  /** The parsed JSON object; empty for GET, undefined when the bytes are no JSON object. */
  body: Record<string, unknown> | undefined;
  token: string;
  at: number;
};

/**
 * One turn. It is `running` until its end was sent (`finished`), the client left (`aborted`) or the sim ended the answer
 * in any other way (`broken`: an HTTP error, a cut stream). `endedAt` is epoch ms.
 */
export type SeenTurn = {
  content: string;
  request: SeenRequest;
  outcome: "running" | "finished" | "aborted" | "broken";
  endedAt?: number;
};

/** One conversation the service keeps. `token` names its account. */
export type SimConversation = { id: string; token: string; turns: SeenTurn[]; deleted: boolean };

/** One account: its counters, and the script its next calls meet. */
export type SimAccount = {
  readonly token: string;
  signedIn: boolean;
  /** Turns the service allows at once; one more is too fast. Default: no limit. */
  maxTurns: number;
  /** Turns in progress now, and the most there ever were. */
  turnsNow: number;
  turnsPeak: number;
  /** Calls by kind that carried this token, refused ones too. */
  readonly counts: Record<Kind, number>;
  /** Queues behaviours for the next calls of a kind, first come first served. */
  next(kind: Kind, ...behaviours: Behaviour[]): SimAccount;
  /** What calls of a kind meet when the queue is empty; undefined restores the service's own way. */
  always(kind: Kind, behaviour: Behaviour | undefined): SimAccount;
  /** The sim's own: takes the behaviour of the call that just came in. */
  take(kind: Kind): Behaviour | undefined;
};

/** A signed-in account without a script. */
export function newAccount(token: string): SimAccount {
  const queues = new Map<Kind, Behaviour[]>();
  const defaults = new Map<Kind, Behaviour>();
  return {
    token,
    signedIn: true,
    maxTurns: Number.POSITIVE_INFINITY,
    turnsNow: 0,
    turnsPeak: 0,
    counts: { create: 0, chat: 0, delete: 0, user: 0, login: 0 },
    next(kind, ...behaviours) {
      queues.set(kind, [...(queues.get(kind) ?? []), ...behaviours]);
      return this;
    },
    always(kind, behaviour) {
      if (behaviour) defaults.set(kind, behaviour);
      else defaults.delete(kind);
      return this;
    },
    take: (kind) => queues.get(kind)?.shift() ?? defaults.get(kind),
  };
}

/** Records one request. */
export function see(request: RawRequest, kind: Kind | undefined, at: number): SeenRequest {
  const { method, path, headers } = request;
  const token = /(?:^|;\s*)passport_token_key=([^;]*)/.exec(headers["cookie"] ?? "")?.[1] ?? "";
  return { kind, method, path, query: Object.fromEntries(request.query), headers, body: jsonBody(request), token, at };
}

function jsonBody({ body }: RawRequest): Record<string, unknown> | undefined {
  if (body.length === 0) return {};
  try {
    const value: unknown = JSON.parse(body.toString());
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    // Not JSON: the caller of this sim is told by a refusal and a violation.
    return undefined;
  }
}
