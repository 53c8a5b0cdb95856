import type { GuestStatus } from "../pool/guests.ts";
import type { AccountView, Verdict, VerdictState } from "./admin.ts";

export interface VerdictFacts {
  /** False until the accounts of the environment are in. */
  readonly ready: boolean;
  /** Store trouble, in words. */
  readonly trouble: string | undefined;
  readonly accounts: readonly AccountView[];
  /** The ids of accounts whose service seems to be down. */
  readonly broken: ReadonlySet<string>;
  /** How the guest sessions stand, of each provider that has any. */
  readonly guests: readonly (GuestStatus & { readonly provider: string })[];
  /** Whether a provider besides the demo answers without accounts. */
  readonly free: boolean;
}

/** What keeps an account from serving until a person does something. */
const NEEDS_A_PERSON = new Set(["needs_login", "disabled_auto"]);

/**
 * Says in one word how things stand. "empty": there is no account; the demo or guests that nobody has asked for yet may
 * answer. "down": accounts exist and nobody can serve. "limited": a provider has none left, or an account waits for a
 * person, or no more than half can serve. What a person switched off does not count, nor does a dead guest, whose place
 * the next one takes; and guests that nobody has asked for yet speak for no account.
 */
export function verdictOf({ ready, trouble, accounts, broken, guests, free }: VerdictFacts): Verdict {
  const present = accounts.filter(({ source, state }) => source !== "guest" || !NEEDS_A_PERSON.has(state));
  const counted = present.filter((account) => account.state !== "disabled_by_user");
  const isUsable = (account: AccountView) => account.state === "ready" && !broken.has(account.id);
  const usable = counted.filter(isUsable).length;
  const count = (state: AccountView["state"]) => counted.filter((account) => account.state === state).length;
  const backAt = counted.flatMap((account) => (account.until === undefined ? [] : [account.until]));
  const refused = guests.filter(({ wanted, alive, failure }) => alive < wanted && failure !== undefined);
  const toCome = guests.filter(({ wanted, alive, failure }) => alive < wanted && failure === undefined);
  const isDry = (provider: string) =>
    !counted.some((account) => account.provider === provider && isUsable(account)) &&
    !toCome.some((each) => each.provider === provider);
  const dry = [...new Set([...counted, ...refused].map(({ provider }) => provider))].filter(isDry);

  let state: VerdictState = "fine";
  if (!ready) state = "starting";
  else if (trouble !== undefined) state = "degraded";
  else if (present.length === 0) state = free ? "fine" : "empty";
  else if (usable === 0 && !free) state = "down";
  else if (dry.length > 0 || usable * 2 <= counted.length || counted.some(({ state }) => NEEDS_A_PERSON.has(state))) {
    state = "limited";
  }

  const [first] = refused;
  return {
    state,
    provider: dry.length === 1 && state !== "empty" ? dry[0] : undefined,
    usable,
    total: counted.length,
    needsLogin: count("needs_login"),
    disabledAuto: count("disabled_auto"),
    cooling: count("cooling"),
    exhausted: count("exhausted"),
    nextBackAt: backAt.length > 0 ? Math.min(...backAt) : undefined,
    trouble,
    guests: first?.failure === undefined ? undefined : troubleOf(first, first.failure),
  };
}

function troubleOf(
  { provider, needsLogin, retryAt }: VerdictFacts["guests"][number],
  failure: string,
): Verdict["guests"] {
  return { provider, failure, needsLogin, retryAt };
}
