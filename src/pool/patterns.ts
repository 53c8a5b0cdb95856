/** Whether a name fits a pattern in which `*` stands for any run of characters; case does not count. */
export function fits(pattern: string, name: string): boolean {
  const pieces = pattern.toLowerCase().split("*");
  const text = name.toLowerCase();
  const [first = "", ...rest] = pieces;
  const last = rest.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false;
  // Each piece is looked for after the one before: no backtracking, whatever a client sends as a name.
  let at = first.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return at <= text.length - last.length;
}
