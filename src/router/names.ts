/** A model's name without what services write differently. */
interface Plain {
  readonly name: string;
  /** `20250929`, where the name ends in one. */
  readonly date: string | undefined;
}

/**
 * Whether two names mean one model: the same letters and numbers in the same order, whatever stands between them
 * (`gpt-5` and `GPT5`, `claude-sonnet-4-5` and `claude-sonnet-4.5`). A date at the end must be the same one where both
 * have it: two dates are two models.
 */
export function isSameModel(a: string, b: string): boolean {
  if (a === b) return true;
  const [left, right] = [plain(a), plain(b)];
  if (left.name === "" || left.name !== right.name) return false;
  return left.date === undefined || right.date === undefined || left.date === right.date;
}

/** The ids among `ids` that the name means: one written exactly so, then in another case, then as the same model. */
export function listedNames(name: string, ids: readonly string[]): readonly string[] {
  const lower = name.toLowerCase();
  const rank = (id: string): number => (id === name ? 0 : id.toLowerCase() === lower ? 1 : 2);
  return ids.filter((id) => isSameModel(id, name)).toSorted((a, b) => rank(a) - rank(b));
}

const plains = new Map<string, Plain>();
/** Names that clients send are theirs to choose: what is remembered of them stays bounded. */
const MOST_PLAINS = 5000;

function plain(name: string): Plain {
  const known = plains.get(name);
  if (known) return known;
  const [, stem = "", date] =
    /^(.*?)(?:[-@_](20\d{6}))?$/s.exec(
      name
        .trim()
        .toLowerCase()
        .replace(/-latest$/, ""),
    ) ?? [];
  const made: Plain = {
    name: stem.replace(/(\d)[^\p{L}\p{N}+]+(?=\d)/gu, "$1 ").replace(/[^\p{L}\p{N}+ ]+/gu, ""),
    date,
  };
  if (plains.size >= MOST_PLAINS) plains.clear();
  plains.set(name, made);
  return made;
}
