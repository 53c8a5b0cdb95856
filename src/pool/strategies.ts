/** The orders in which a pool uses its accounts. Each is a pure function; the pool keeps the position between calls. */

/** What a strategy looks at. Lower `priority` goes first, whatever the strategy. */
export interface Candidate {
  readonly id: string;
  readonly priority: number;
  /** Epoch ms. */
  readonly createdAt: number;
  readonly lastUsedAt: number | undefined;
  /** What is left of its quota; undefined when nobody told. */
  readonly remaining: number | undefined;
}

/** "busy": usable, but at its concurrency. "out": not usable for this request. */
export type Standing = "free" | "busy" | "out";

/** The account used last and, for `sticky`, how often in a row. */
export interface Position {
  readonly id: string | undefined;
  readonly uses: number;
}

export interface Choice<T> {
  readonly account: T;
  readonly position: Position;
}

type Strategy = <T extends Candidate>(
  accounts: readonly T[],
  standing: (account: T) => Standing,
  position: Position,
  uses: number,
) => Choice<T> | undefined;

const inOrderOf =
  (compare: (a: Candidate, b: Candidate) => number): Strategy =>
  (accounts, standing, position) => {
    const [account] = accounts.filter((candidate) => standing(candidate) === "free").toSorted(compare);
    return account && { account, position };
  };

/** One account for `uses` leases, then the next, for ever round. A busy account is passed over but keeps its turn. */
const sticky: Strategy = (accounts, standing, position, uses) => {
  const ordered = accounts.toSorted(byCreation);
  const at = ordered.findIndex(({ id }) => id === position.id);
  const stays = at >= 0 && position.uses < uses;
  const start = stays ? at : at + 1;
  let passedBusy = false;
  for (let i = 0; i < ordered.length; i++) {
    const account = ordered[(start + i) % ordered.length];
    const found = account && standing(account);
    if (found === "busy") passedBusy = true;
    if (!account || found !== "free") continue;
    if (stays && i === 0) return { account, position: { id: account.id, uses: position.uses + 1 } };
    return { account, position: passedBusy ? position : { id: account.id, uses: 1 } };
  }
  return undefined;
};

/** By id, each lease the next one. */
const roundRobin: Strategy = (accounts, standing, position) => {
  const free = accounts.filter((account) => standing(account) === "free").toSorted(byId);
  const last = position.id;
  const account = (last === undefined ? undefined : free.find(({ id }) => id > last)) ?? free[0];
  return account && { account, position: { id: account.id, uses: 1 } };
};

/** `least_usage` is least remaining quota first (use up one), `most_usage` most remaining first; unknown quota is last. */
export const STRATEGIES = {
  sticky,
  lru: inOrderOf(byLastUse),
  round_robin: roundRobin,
  least_usage: inOrderOf((a, b) => byRemaining(a, b, 1)),
  most_usage: inOrderOf((a, b) => byRemaining(a, b, -1)),
  oldest_first: inOrderOf(byCreation),
} as const satisfies Record<string, Strategy>;

export type StrategyName = keyof typeof STRATEGIES;

/**
 * The account to use now: the strategy's choice among the best priority that has a free one. While a better account is
 * merely busy, the rotation keeps its position.
 */
export function choose<T extends Candidate>(
  strategy: StrategyName,
  accounts: readonly T[],
  standing: (account: T) => Standing,
  position: Position,
  uses: number,
): Choice<T> | undefined {
  const priorities = [...new Set(accounts.map(({ priority }) => priority))].toSorted((a, b) => a - b);
  let passedBusy = false;
  for (const priority of priorities) {
    const rank = priorities.length === 1 ? accounts : accounts.filter((account) => account.priority === priority);
    const choice = STRATEGIES[strategy](rank, standing, position, uses);
    if (choice) return passedBusy ? { account: choice.account, position } : choice;
    passedBusy ||= rank.some((account) => standing(account) === "busy");
  }
  return undefined;
}

function byId(a: Candidate, b: Candidate): number {
  return a.id < b.id ? -1 : Number(a.id > b.id);
}

function byCreation(a: Candidate, b: Candidate): number {
  return a.createdAt - b.createdAt || byId(a, b);
}

function byLastUse(a: Candidate, b: Candidate): number {
  return (a.lastUsedAt ?? 0) - (b.lastUsedAt ?? 0) || byCreation(a, b);
}

function byRemaining(a: Candidate, b: Candidate, sign: 1 | -1): number {
  if (a.remaining === undefined || b.remaining === undefined) {
    return Number(a.remaining === undefined) - Number(b.remaining === undefined) || byLastUse(a, b);
  }
  return sign * (a.remaining - b.remaining) || byLastUse(a, b);
}
