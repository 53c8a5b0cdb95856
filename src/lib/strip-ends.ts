/** The text without letters of `before` at its beginning and of `after` at its end. */
export function stripEnds(text: string, before: string, after: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && before.includes(text.charAt(from))) from++;
  while (to > from && after.includes(text.charAt(to - 1))) to--;
  return text.slice(from, to);
}
