import type { AccountView } from "../admin/admin.ts";

/** The states that longchat's users know as "permanently disabled". */
const OUT = new Set(["needs_login", "disabled_auto", "disabled_by_user"]);

/** Where a sticky rotation stands. */
export interface RotationPosition {
  readonly id: string | undefined;
  /** Requests that the account it stands at has served in this round. */
  readonly uses: number;
}

/**
 * The body of `GET /stats` in longchat's exact shape: 1-based indexes, `successRate` as "66.7%" ("0%" before the first
 * request), `disabledAt` 0 while the cookie works, all zeros while there is no cookie.
 */
export function longchatStats(accounts: readonly AccountView[], position: RotationPosition) {
  const at = accounts.findIndex((account) => account.id === position.id);
  const current = at < 0 ? 0 : at;
  return {
    totalCookies: accounts.length,
    currentCookie: accounts.length === 0 ? 0 : current + 1,
    currentRequests: accounts.length === 0 ? 0 : position.uses,
    cookies: accounts.map((account, index) => ({
      index: index + 1,
      successCount: account.successes,
      failureCount: account.failures,
      requestCount: account.attempts,
      rotationFailures: account.rotationFailures,
      permanentlyDisabled: OUT.has(account.state),
      disabledAt: OUT.has(account.state) ? account.since : 0,
      successRate: account.attempts > 0 ? `${((account.successes / account.attempts) * 100).toFixed(1)}%` : "0%",
      isActive: index === current,
    })),
  };
}

/** The part of `GET /health` that longchat's users read. */
export function longchatHealth(accounts: readonly AccountView[], reloadedAt: number) {
  return {
    features: { hotReload: true, cookiesLastUpdate: reloadedAt },
    cookieStats: {
      totalCookies: accounts.length,
      activeCookies: accounts.filter((account) => !OUT.has(account.state)).length,
    },
  };
}
