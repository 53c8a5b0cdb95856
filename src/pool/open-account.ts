import { toGatewayError } from "../chat/error.ts";
import type { Log } from "../lib/log.ts";
import type { Provider } from "../providers/provider.ts";
import type { AccountRecord } from "../store/store.ts";
import { Account, type AccountMeans } from "./account.ts";
import { readyHealth } from "./health.ts";

/** The account of a row. One whose credential its provider cannot read stays, and needs a new sign-in. */
export function openAccount(record: AccountRecord, provider: Provider, means: AccountMeans, log: Log): Account {
  try {
    const credential = provider.credential?.restore(record.credential);
    return new Account({ ...record, credential }, provider, means);
  } catch (error) {
    const reason = toGatewayError(error).message;
    log.warn("credential-unreadable", { account: record.id, reason });
    const unread = { state: "needs_login", reason, reasonKind: "auth-rejected" } as const;
    const health = { ...readyHealth(means.clock.now()), ...unread };
    return new Account({ ...record, credential: undefined, health }, provider, means);
  }
}
