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

/** @param rank accounts of one priority, in order of creation */
type Strategy = <T extends Candidate>(
  rank: readonly T[],
  standing: (account: T) => Standing,
  position: Position,
  uses: number,
) => Choice<T> | undefined;

const inOrderOf =
  (compare: (a: Candidate, b: Candidate) => number): Strategy =>
  (rank, standing, position) => {
    let first: (typeof rank)[number] | undefined;
    for (const account of rank) {
      if ((!first || compare(account, first) < 0) && standing(account) === "free") first = account;
    }
    return first && { account: first, position };
  };

/** One account for `uses` leases, then the next, for ever round. A busy account is passed over but keeps its turn. */
const sticky: Strategy = (rank, standing, position, uses) => {
  const at = rank.findIndex(({ id }) => id === position.id);
  const stays = at >= 0 && position.uses < uses;
  const start = stays ? at : at + 1;
  let passedBusy = false;
  for (let i = 0; i < rank.length; i++) {
    const account = rank[(start + i) % rank.length];
    const found = account && standing(account);
    if (found === "busy") passedBusy = true;
    if (!account || found !== "free") continue;
    if (stays && i === 0) return { account, position: { id: account.id, uses: position.uses + 1 } };
    return { account, position: passedBusy ? position : { id: account.id, uses: 1 } };
  }
  return undefined;
};

/** By id, each lease the next one. */
const roundRobin: Strategy = (rank, standing, position) => {
  const last = position.id;
  const isPast = ({ id }: Candidate): boolean => last !== undefined && id > last;
  const compare = (a: Candidate, b: Candidate): number => Number(isPast(b)) - Number(isPast(a)) || byId(a, b);
  const account = inOrderOf(compare)(rank, standing, position, 0)?.account;
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

/** The accounts by priority, the first to be used first; within each in order of creation. */
export function ranksOf<T extends Candidate>(accounts: readonly T[]): readonly (readonly T[])[] {
  const byPriority = Map.groupBy(accounts.toSorted(byCreation), ({ priority }) => priority);
  return [...byPriority].toSorted(([a], [b]) => a - b).map(([, rank]) => rank);
}

/**
 * The account to use now: the strategy's choice among the best priority that has a free one. While a better account is
 * merely busy, the rotation keeps its position.
 * @param ranks as `ranksOf` gives them
 */
export function choose<T extends Candidate>(
  strategy: StrategyName,
  ranks: readonly (readonly T[])[],
  standing: (account: T) => Standing,
  position: Position,
  uses: number,
): Choice<T> | undefined {
  let passedBusy = false;
  for (const rank of ranks) {
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
