/** The heads of requests and answers of HTTP/1.1 (RFC 9112). */
import type { UpstreamHeaders } from "../fetch.ts";
import { ConnectionError } from "./wire.ts";

/** What no header may hold: it would end the line, or cannot be written in one byte. */
const UNSENDABLE = /[^\t\x20-\x7e\x80-\xff]/;
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** A line of a request's head. @throws ConnectionError EPROTO for what no header may hold */
export function headerLine(name: string, value: string): string {
  if (UNSENDABLE.test(value) || !NAME.test(name)) {
    throw new ConnectionError("EPROTO", `The header ${NAME.test(name) ? name : ""} cannot be sent.`);
  }
  return `${name}: ${value}\r\n`;
}

/** The head of an answer, searched when somebody asks: most of it nobody ever does. */
export class AnswerHead implements UpstreamHeaders {
  /** 100 to 999. */
  readonly status: number;
  readonly #text: string;
  readonly #lower: string;

  /** @param text up to its last line end. @throws ConnectionError EPROTO when it is no answer of HTTP/1 */
  constructor(text: string) {
    const status = /^HTTP\/1\.([01]) ([1-9]\d{2})(?: |\r?$|\r?\n)/.exec(text)?.[2];
    if (status === undefined) throw new ConnectionError("EPROTO", "The answer is no HTTP/1.1.");
    this.status = Number(status);
    this.#text = text;
    this.#lower = text.toLowerCase();
  }

  get(name: string): string | null {
    let found: string | null = null;
    for (const value of this.#values(name)) found = found === null ? value : `${found}, ${value}`;
    return found;
  }

  getSetCookie(): string[] {
    return [...this.#values("set-cookie")];
  }

  /** Whether the connection may serve another call, as far as the head tells. */
  get keepsAlive(): boolean {
    const said = this.get("connection")?.toLowerCase() ?? "";
    return this.#lower.startsWith("http/1.1") ? !said.includes("close") : said.includes("keep-alive");
  }

  *#values(name: string): Generator<string> {
    const field = `\n${name}:`;
    for (let at = this.#lower.indexOf(field); at >= 0; at = this.#lower.indexOf(field, at + 1)) {
      const from = at + field.length;
      const end = this.#text.indexOf("\n", from);
      yield this.#text.slice(from, end < 0 ? undefined : end).trim();
    }
  }
}
