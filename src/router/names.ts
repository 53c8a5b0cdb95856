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

/** The id among `ids` that the name means: written exactly so, else in another case, else the same model. */
export function listedName(name: string, ids: readonly string[]): string | undefined {
  const lower = name.toLowerCase();
  return (
    ids.find((id) => id === name) ??
    ids.find((id) => id.toLowerCase() === lower) ??
    ids.find((id) => isSameModel(id, name))
  );
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
    name: stem.replace(/(\d)[^a-z0-9]+(?=\d)/g, "$1 ").replace(/[^a-z0-9 ]+/g, ""),
    date,
  };
  if (plains.size >= MOST_PLAINS) plains.clear();
  plains.set(name, made);
  return made;
}
