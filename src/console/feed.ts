import type { Admin, ApiKeyView, Overview, SignInView, TestResult } from "../admin/admin.ts";

export type RequestRow = Awaited<ReturnType<Admin["requests"]["list"]>>[number];

/** All that the pages show, read at one moment. */
export interface Snapshot {
  readonly overview: Overview;
  readonly requests: readonly RequestRow[];
  readonly keys: readonly ApiKeyView[];
  readonly signIns: readonly SignInView[];
}

/** The pages' source: one watch and one reading for all who look. */
export interface Feed {
  snapshot(): Promise<Snapshot>;
  /** Calls back when something that pages show has changed; returns the unsubscribe. */
  subscribe(changed: () => void): () => void;
  /** Tells all pages to look again now: an operator acted. */
  nudge(): void;
  /** The latest test result of an account, while the account's state is young enough for it to say something. */
  testOf(id: string): TestResult | undefined;
  keepTest(id: string, result: TestResult): void;
}

const LATEST_REQUESTS = 50;
const TEST_SHOWN_MS = 10 * 60_000;

/** @param monotonic monotonic ms */
export function createFeed(admin: Admin, monotonic: () => number): Feed {
  const viewers = new Set<() => void>();
  const tests = new Map<string, { at: number; result: TestResult }>();
  let unwatch: (() => void) | undefined;
  let reading: Promise<Snapshot> | undefined;

  const nudge = () => {
    reading = undefined;
    for (const viewer of viewers) viewer();
  };

  const read = async (): Promise<Snapshot> => {
    const [overview, requests, keys, signIns] = await Promise.all([
      admin.overview(),
      admin.requests.list({ limit: LATEST_REQUESTS }),
      admin.keys.list(),
      admin.signIn.list(),
    ]);
    return { overview, requests, keys, signIns };
  };

  return {
    snapshot() {
      // Only readings in flight are shared: a finished one may be old by now.
      if (reading !== undefined) return reading;
      const mine = read().finally(() => {
        if (reading === mine) reading = undefined;
      });
      reading = mine;
      return mine;
    },
    subscribe(changed) {
      viewers.add(changed);
      unwatch ??= admin.watch(nudge);
      return () => {
        viewers.delete(changed);
        if (viewers.size > 0) return;
        unwatch?.();
        unwatch = undefined;
      };
    },
    nudge,
    testOf(id) {
      const kept = tests.get(id);
      if (kept === undefined) return undefined;
      if (monotonic() - kept.at < TEST_SHOWN_MS) return kept.result;
      tests.delete(id);
      return undefined;
    },
    keepTest: (id, result) => void tests.set(id, { at: monotonic(), result }),
  };
}
