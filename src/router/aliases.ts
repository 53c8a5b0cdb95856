import { fits } from "../pool/patterns.ts";

/** What names mean: `provider/model` or a model's name by pattern, in which `*` stands for any run of characters. */
export type AliasTable = Readonly<Record<string, string>>;

/** What the user's table says a name means, the most exact pattern first. Case does not count. */
export function aliasesOf(name: string, table: AliasTable): readonly string[] {
  return Object.entries(table)
    .filter(([pattern]) => fits(pattern, name))
    .toSorted(([a], [b]) => exactness(b) - exactness(a))
    .map(([, meaning]) => meaning);
}

/** Whether the table has this very name, without a wildcard. */
export function namesExactly(name: string, table: AliasTable): boolean {
  const wanted = name.toLowerCase();
  return Object.keys(table).some((pattern) => !pattern.includes("*") && pattern.toLowerCase() === wanted);
}

/**
 * The short names of Anthropic's families, which Claude Code offers and people type. They name no version, so that the
 * first version that somebody here serves is meant.
 */
const FAMILIES: Readonly<Record<string, readonly string[]>> = {
  sonnet: ["4-5", "4-6", "5", "5-5", "4"],
  haiku: ["4-5", "5"],
  opus: ["4-5", "4-6", "4-7", "4-8", "5", "5-5", "4-1", "4"],
};
const FAMILY = /^(?:claude-?)?(sonnet|haiku|opus)(?:-latest)?$/;

/** Names to try in turn for one that every gateway is expected to know; empty for any other. */
export function builtInAliases(name: string): readonly string[] {
  // Claude Code marks the wide window in the name: `sonnet[1m]`.
  const bare = name
    .trim()
    .toLowerCase()
    .replace(/\[1m\]$/, "");
  const family = FAMILY.exec(bare)?.[1];
  if (family !== undefined) return (FAMILIES[family] ?? []).map((version) => `claude-${family}-${version}`);
  return bare.length < name.trim().length ? [bare] : [];
}

function exactness(pattern: string): number {
  const fixed = pattern.replaceAll("*", "").length;
  return pattern.includes("*") ? fixed : Infinity;
}
