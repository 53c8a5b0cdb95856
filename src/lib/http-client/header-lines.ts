import { ConnectionError } from "./wire.ts";

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** What would end a header's line, stands for no letter, or cannot be written in one byte. */
const UNSENDABLE = /[^\t\x20-\x7e\x80-\xff]/;

/** How many good names are remembered. */
const MOST_NAMES = 1000;
const goodNames = new Set<string>();

/**
 * Header fields as lines of a request's head, names in lower case.
 * @throws ConnectionError EHTTP for a field that cannot be sent; its text does not repeat it
 */
export function headerLines(fields: Readonly<Record<string, string>>): string {
  let lines = "";
  for (const name in fields) {
    const value = fields[name] ?? "";
    if (!goodNames.has(name)) {
      if (!NAME.test(name)) throw unsendable();
      if (goodNames.size >= MOST_NAMES) goodNames.clear();
      goodNames.add(name);
    }
    if (UNSENDABLE.test(value)) throw unsendable();
    lines += `${name}: ${value}\r\n`;
  }
  return lines;
}

/** Fields that go with many calls, made lines once. */
export class StandingHeaders {
  readonly lines: string;
  readonly #names: ReadonlySet<string>;

  /** @throws ConnectionError EHTTP for a field that cannot be sent */
  constructor(fields: Readonly<Record<string, string>>) {
    this.lines = headerLines(fields);
    this.#names = new Set(Object.keys(fields));
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }
}

function unsendable(): ConnectionError {
  return new ConnectionError("EHTTP", "A header of the request cannot be sent.");
}
