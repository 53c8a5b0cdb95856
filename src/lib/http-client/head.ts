import type { UpstreamHeaders } from "../fetch.ts";
import { ConnectionError } from "./wire.ts";

/** The head of an answer of HTTP/1.1 (RFC 9112), searched when somebody asks: most of it nobody ever does. */
export class AnswerHead implements UpstreamHeaders {
  /** 100 to 999. */
  readonly status: number;
  readonly #text: string;
  readonly #lower: string;

  /** @param text up to its last line end. @throws ConnectionError EHTTP when it is no answer of HTTP/1 */
  constructor(text: string) {
    const status = /^HTTP\/1\.[01] ([1-9]\d{2})(?![^ \r\n])/.exec(text)?.[1];
    if (status === undefined) throw new ConnectionError("EHTTP", "The answer is no HTTP/1.1.");
    this.status = Number(status);
    this.#text = text;
    this.#lower = text.toLowerCase();
  }

  get(name: string): string | null {
    let at = this.#find(name, 0);
    if (at < 0) return null;
    let found = this.#valueAt(at);
    while ((at = this.#find(name, at)) >= 0) found += `, ${this.#valueAt(at)}`;
    return found;
  }

  getSetCookie(): string[] {
    const found: string[] = [];
    for (let at = this.#find("set-cookie", 0); at >= 0; at = this.#find("set-cookie", at))
      found.push(this.#valueAt(at));
    return found;
  }

  /** Whether the connection may serve another call, as far as the head tells. */
  get keepsAlive(): boolean {
    const said = this.get("connection")?.toLowerCase() ?? "";
    return this.#lower.startsWith("http/1.1") ? !said.includes("close") : said.includes("keep-alive");
  }

  /** Where the value of the next field of this name begins; negative when there is none. */
  #find(name: string, from: number): number {
    const at = this.#lower.indexOf(`\n${name}:`, from);
    return at < 0 ? at : at + name.length + 2;
  }

  #valueAt(at: number): string {
    const end = this.#text.indexOf("\n", at);
    return this.#text.slice(at, end < 0 ? undefined : end).trim();
  }
}
