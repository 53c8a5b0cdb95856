import type { ProviderView } from "./admin.ts";

/** Who answers before there is an account. */
export interface WithoutAccounts {
  /** The titles of services that answer with guest sessions. */
  readonly guests: readonly string[];
  /** Whether a provider answers by itself: the demo, unless it is switched off. */
  readonly demo: boolean;
}

/** A service that is known to refuse guests now does not answer with them. */
export function withoutAccounts(providers: readonly ProviderView[]): WithoutAccounts {
  const giving = providers.filter(({ guests }) => guests !== undefined && guests.wanted > 0 && !guests.failure);
  return {
    guests: giving.map(({ title }) => title),
    demo: providers.some(({ needsAccounts }) => !needsAccounts),
  };
}
