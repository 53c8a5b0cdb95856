import { GatewayError } from "../chat/error.ts";
import type { Provider } from "../providers/provider.ts";
import type { AccountState } from "../store/store.ts";
import type { Account } from "./account.ts";

const REMEDIES = {
  needs_login: ["needs a new sign-in", "need a new sign-in"],
  disabled_auto: ["was disabled after failures in a row", "were disabled after failures in a row"],
  disabled_by_user: ["is switched off", "are switched off"],
} as const satisfies Partial<Record<AccountState, readonly [string, string]>>;

/**
 * Why no account of this provider can answer, and what to do: undefined while one is ready. `retryAt` is the earliest
 * end of a rest, when resting is all that is wrong with at least one of them.
 * @param now epoch ms
 */
export function unavailable(provider: Provider, accounts: readonly Account[], now: number): GatewayError | undefined {
  if (accounts.some(({ state }) => state === "ready")) return undefined;
  if (accounts.length === 0) {
    return new GatewayError(
      "no-account",
      `There is no ${provider.title} account yet. Add one in the console or with \`sluice account add ${provider.name}\`.`,
    );
  }
  const resting = accounts.filter(({ state }) => state === "cooling" || state === "exhausted");
  if (resting.length > 0) {
    const waitMs = Math.min(...resting.map(({ restLeftMs }) => restLeftMs));
    const reasons = new Set(resting.map(({ health }) => health.reasonKind));
    const kind = reasons.has("rate-limited")
      ? "rate-limited"
      : reasons.has("quota-exhausted")
        ? "quota-exhausted"
        : "challenge";
    const text = `Every usable ${provider.title} account is resting; the first is back in ${Math.ceil(waitMs / 1000)} s.`;
    // Only a person passes a browser check, so whoever waits has to be told.
    const check = kind === "challenge" ? resting.find(({ health }) => health.reasonKind === kind)?.health.reason : "";
    return new GatewayError(kind, check ? `${text} ${check}` : text, { retryAt: now + waitMs });
  }
  const parts = Object.entries(REMEDIES).flatMap(([state, [one, many]]) => {
    const count = accounts.filter((account) => account.state === state).length;
    return count === 0 ? [] : [`${count} ${count === 1 ? one : many}`];
  });
  return new GatewayError("no-account", `No ${provider.title} account can answer: ${parts.join(", ")}.`);
}
