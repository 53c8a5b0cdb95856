import type { AccountView, Verdict, VerdictState } from "./admin.ts";

export interface VerdictFacts {
  /** False until the accounts of the environment are in. */
  readonly ready: boolean;
  /** Store trouble, in words. */
  readonly trouble: string | undefined;
  readonly accounts: readonly AccountView[];
  /** The ids of accounts whose service seems to be down. */
  readonly broken: ReadonlySet<string>;
}

/** What keeps an account from serving until a person does something. */
const NEEDS_A_PERSON = new Set(["needs_login", "disabled_auto"]);

/**
 * Says in one word how things stand. "down": accounts exist and none can serve. "limited": a provider has none left, or
 * an account waits for a person, or no more than half can serve. What a person switched off does not count.
 */
export function verdictOf({ ready, trouble, accounts, broken }: VerdictFacts): Verdict {
  const counted = accounts.filter((account) => account.state !== "disabled_by_user");
  const isUsable = (account: AccountView) => account.state === "ready" && !broken.has(account.id);
  const usable = counted.filter(isUsable).length;
  const count = (state: AccountView["state"]) => counted.filter((account) => account.state === state).length;
  const backAt = counted.flatMap((account) => (account.until === undefined ? [] : [account.until]));
  const dry = [...new Set(counted.map((account) => account.provider))].filter(
    (provider) => !counted.some((account) => account.provider === provider && isUsable(account)),
  );

  let state: VerdictState = "fine";
  if (!ready) state = "starting";
  else if (trouble !== undefined) state = "degraded";
  else if (accounts.length === 0) state = "empty";
  else if (usable === 0) state = "down";
  else if (dry.length > 0 || usable * 2 <= counted.length || counted.some(({ state }) => NEEDS_A_PERSON.has(state))) {
    state = "limited";
  }

  return {
    state,
    provider: dry.length === 1 ? dry[0] : undefined,
    usable,
    total: counted.length,
    needsLogin: count("needs_login"),
    disabledAuto: count("disabled_auto"),
    cooling: count("cooling"),
    exhausted: count("exhausted"),
    nextBackAt: backAt.length > 0 ? Math.min(...backAt) : undefined,
    trouble,
  };
}
