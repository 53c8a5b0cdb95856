/** Events whose data repeat but for one text, as the frames of an answer do: what need not be parsed again. */

/** What stands before the text in the data and after it in the event, letter by letter: quotes, and an empty line. */
export interface DataForm {
  readonly before: string;
  readonly after: string;
}

/** The line end of the data and the empty line that ends the event. */
export const EMPTY_LINE = "\n\n";

/**
 * The form of `data`, JSON in which the field `name` is `text`. Undefined when it is open where in the data that is:
 * there are two such fields, or the text is written in another way; and for data of several lines.
 */
export function dataFormOf(data: string, name: string, text: string): DataForm | undefined {
  const key = `"${name}":`;
  const json = JSON.stringify(text);
  const at = data.indexOf(key) + key.length;
  if (at < key.length || data.includes(key, at) || !data.startsWith(json, at) || data.includes("\n")) return undefined;
  return { before: data.slice(0, at + 1), after: data.slice(at + json.length - 1) + EMPTY_LINE };
}
