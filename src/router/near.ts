const MOST = 5;

/** The names that somebody who typed `wanted` may mean, best first: at most a third of it is mistyped. */
export function nearNames(wanted: string, names: readonly string[]): readonly string[] {
  const key = wanted.toLowerCase().slice(0, 100);
  return names
    .map((name) => ({ name, distance: distance(key, name.toLowerCase()) }))
    .filter((each) => each.distance <= Math.ceil(key.length / 3))
    .toSorted((a, b) => a.distance - b.distance)
    .slice(0, MOST)
    .map(({ name }) => name);
}

/** Levenshtein's distance; a name that contains the other is near whatever its length. */
function distance(a: string, b: string): number {
  if (a.includes(b) || b.includes(a)) return 0;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] ?? 0) + Number(a[i - 1] !== b[j - 1]);
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
