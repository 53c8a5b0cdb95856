import type { FailureKind } from "../chat/error.ts";
import { isObject } from "../lib/json.ts";
import type { SignInState } from "../providers/provider.ts";
import type { SignInRecord } from "../store/store.ts";

/** How long the outcome of a sign-in can be seen, ms. */
const SEEN_MS = 3_600_000;

/** One sign-in, as it is kept and as this process knows it. */
export interface Session {
  readonly id: string;
  readonly provider: string;
  readonly method: string;
  readonly label: string | undefined;
  /** The account that gets the new login; undefined for a new account. */
  readonly accountId: string | undefined;
  /** Epoch ms. */
  readonly createdAt: number;
  /** Epoch ms. */
  readonly expiresAt: number;
  status: "open" | "done" | "failed";
  /** The provider's, with its secrets; undefined when it is over. */
  state: SignInState | undefined;
  /** Why it failed, or why it is not done yet. */
  reason: string | undefined;
  reasonKind: FailureKind | undefined;
  /** Ids of the accounts that came of it. */
  accounts: readonly string[];
  // The rest lives in this process alone.
  /** Epoch ms before which the service is not asked again. */
  nextPollAt: number;
  /** Questions in a row that failed. */
  failures: number;
  /** Got from the service and not yet committed. */
  pending: { readonly credential: unknown } | undefined;
  /** Ends when what is under way about it has ended. */
  turn: Promise<unknown>;
  cancelTimer: () => void;
}

type Kept = Pick<
  Session,
  "method" | "label" | "accountId" | "expiresAt" | "status" | "state" | "reason" | "reasonKind" | "accounts"
>;

/** A session that was just begun: open, in the provider's first state. */
export function newSession(
  head: Pick<Session, "id" | "provider" | "method" | "label" | "accountId" | "createdAt">,
  state: SignInState,
): Session {
  const { expiresAt } = state;
  const open = { status: "open", state, reason: undefined, reasonKind: undefined, accounts: [] } as const;
  return { ...head, ...fresh(), expiresAt, ...open };
}

/** The session as it is stored. */
export function recordOf(session: Session): SignInRecord {
  const { id, provider, createdAt, method, label, accountId, expiresAt, status } = session;
  const { state, reason, reasonKind, accounts } = session;
  const data: Kept = { method, label, accountId, expiresAt, status, state, reason, reasonKind, accounts };
  return { id, provider, data, createdAt, keptUntil: expiresAt + SEEN_MS };
}

/** Undefined when the row cannot be read. */
export function sessionOf({ id, provider, createdAt, data }: SignInRecord): Session | undefined {
  if (!isObject(data) || typeof data["method"] !== "string" || typeof data["expiresAt"] !== "number") return undefined;
  const { method, label, accountId, expiresAt, status, state, reason, reasonKind, accounts } = data as unknown as Kept;
  const kept = { method, label, accountId, expiresAt, status, state, reason, reasonKind, accounts };
  return { id, provider, createdAt, ...kept, ...fresh() };
}

/** What lives in this process alone, as it begins. */
const fresh = () => ({
  nextPollAt: 0,
  failures: 0,
  pending: undefined,
  turn: Promise.resolve(),
  cancelTimer: () => {},
});

/** Ms between two questions, as the service wants it. */
export function pollAfterMs({ state }: Session): number | undefined {
  return state?.prompt.kind === "code" ? state.prompt.pollAfterMs : undefined;
}
