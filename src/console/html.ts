/** Markup that is safe to send as it stands. Only `html` and `raw` make one. */
export class Html {
  constructor(readonly text: string) {}
}

/** Markup of a page's region in which elements can be replaced one by one, by id, as long as `frame` stays the same. */
export class Parted extends Html {
  constructor(
    text: string,
    readonly frame: string,
    readonly parts: ReadonlyMap<string, Html>,
  ) {
    super(text);
  }
}

/** What a template takes: text and numbers are escaped, markup is kept, lists are joined, false and undefined vanish. */
export type Value = string | number | Html | false | undefined | readonly Value[];

/** A template that escapes every value. Attribute values must stand in double quotes. */
export function html(strings: TemplateStringsArray, ...values: Value[]): Html {
  let text = strings[0] ?? "";
  for (const [index, value] of values.entries()) text += render(value) + (strings[index + 1] ?? "");
  return new Html(text);
}

/** Keeps markup unescaped. Only for constants of our own: never for text that a person, a file or an upstream gave. */
export function raw(constant: string): Html {
  return new Html(constant);
}

function render(value: Value): string {
  if (value === false || value === undefined) return "";
  if (value instanceof Html) return value.text;
  if (typeof value === "object") return value.map(render).join("");
  return Bun.escapeHTML(String(value));
}
