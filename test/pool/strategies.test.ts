import { describe, expect, test } from "bun:test";
import {
  choose,
  ranksOf,
  type Candidate,
  type Position,
  type Standing,
  type StrategyName,
} from "../../src/pool/strategies.ts";

const START: Position = { id: undefined, uses: 0 };

function account(id: string, fields: Partial<Candidate> = {}): Candidate {
  return { id, priority: 0, createdAt: id.charCodeAt(0), lastUsedAt: undefined, remaining: undefined, ...fields };
}

/** The ids chosen by `times` choices in a row. */
function run(
  strategy: StrategyName,
  accounts: Candidate[],
  times: number,
  options: { standing?: (id: string, turn: number) => Standing; from?: Position; uses?: number } = {},
): string {
  let position = options.from ?? START;
  let chosen = "";
  for (let turn = 0; turn < times; turn++) {
    const standing = ({ id }: Candidate): Standing => options.standing?.(id, turn) ?? "free";
    const choice = choose(strategy, ranksOf(accounts), standing, position, options.uses ?? 3);
    chosen += choice?.account.id ?? "-";
    position = choice?.position ?? position;
  }
  return chosen;
}

const ABC = ["a", "b", "c"].map((id) => account(id));

describe("sticky", () => {
  test("uses each account three times, in order, for ever round", () => {
    expect(run("sticky", ABC, 20)).toBe("aaabbbcccaaabbbcccaa");
  });

  test("goes on where it stood", () => {
    expect(run("sticky", ABC, 5, { from: { id: "b", uses: 2 } })).toBe("bccca");
  });

  test("a single account serves for ever", () => {
    expect(run("sticky", [account("a")], 7)).toBe("aaaaaaa");
  });

  test("passes over a busy account without moving on", () => {
    const standing = (id: string, turn: number) => (id === "a" && turn === 1 ? "busy" : "free");
    expect(run("sticky", ABC, 5, { standing })).toBe("abaab");
  });

  test("an account whose turn comes while it is busy keeps its turn", () => {
    const standing = (id: string, turn: number) => (id === "b" && turn < 5 ? "busy" : "free");
    expect(run("sticky", ABC, 9, { standing })).toBe("aaaccbbbc");
  });

  test("moves on from an account that is out, to the next in order", () => {
    const standing = (id: string, turn: number) => (id === "b" && turn > 3 ? "out" : "free");
    expect(run("sticky", ABC, 9, { standing })).toBe("aaabcccaa");
  });

  test("a new figure for the uses holds at once", () => {
    expect(run("sticky", ABC, 3, { from: { id: "a", uses: 2 }, uses: 1 })).toBe("bca");
  });
});

const cases: { name: string; strategy: StrategyName; accounts: Candidate[]; first: string }[] = [
  {
    name: "lru takes the one unused for longest, a never used one before all",
    strategy: "lru",
    accounts: [account("a", { lastUsedAt: 5 }), account("b", { lastUsedAt: 2 }), account("c")],
    first: "c",
  },
  {
    name: "least_usage uses up what has least left, unknown last",
    strategy: "least_usage",
    accounts: [account("a"), account("b", { remaining: 9 }), account("c", { remaining: 2 })],
    first: "c",
  },
  {
    name: "most_usage takes what has most left, unknown last",
    strategy: "most_usage",
    accounts: [account("a"), account("b", { remaining: 9 }), account("c", { remaining: 2 })],
    first: "b",
  },
  {
    name: "oldest_first goes by creation",
    strategy: "oldest_first",
    accounts: [account("a", { createdAt: 9 }), account("b", { createdAt: 1 })],
    first: "b",
  },
  {
    name: "a lower priority figure goes before the strategy's order",
    strategy: "oldest_first",
    accounts: [account("a"), account("b"), account("c", { priority: -1 })],
    first: "c",
  },
];

test.each(cases)("$name", ({ strategy, accounts, first }) => {
  expect(run(strategy, accounts, 1)).toBe(first);
});

test("round_robin goes by id, each lease the next one", () => {
  expect(run("round_robin", [account("c"), account("a"), account("b")], 7)).toBe("abcabca");
});

test("a busy account of better priority lends its turn without losing its place", () => {
  const accounts = [account("a"), account("b", { priority: 1 })];
  const standing = (id: string, turn: number) => (id === "a" && turn === 1 ? "busy" : "free");
  expect(run("sticky", accounts, 4, { standing })).toBe("abaa");
});

test("nothing is chosen while every account is busy or out", () => {
  for (const strategy of ["sticky", "lru", "round_robin", "least_usage", "most_usage", "oldest_first"] as const) {
    expect(run(strategy, ABC, 1, { standing: (id) => (id === "a" ? "busy" : "out") })).toBe("-");
  }
});
