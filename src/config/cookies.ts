import { pastedLines } from "../lib/pasted-lines.ts";

/** The entries of a variable that lists accounts, as pasted, and what was passed over. */
export interface CookieEntries {
  readonly entries: readonly string[];
  readonly warnings: readonly string[];
}

/** Words that people and older tools write for "none". */
const NOTHING = /^(null|none|false|undefined|nil|""|'')$/i;
const CJK = /[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]/;
/** A line that is one account as a whole: its commas belong to cookie values. */
const WHOLE_LINE = /;|^cookie\s*:|^curl\s/i;

/**
 * Splits `AUTH_COOKIES`. A line with `;`, `Cookie:` or `curl` is one whole cookie header, except that a comma before
 * `passport_token_key=` begins the next account; any other line is a comma list of bare values or `passport_token_key=…`.
 * The sentence longchat shipped as a default, and anything else in Chinese, is no cookie: it is ignored with a warning.
 */
export function cookieEntries(text: string): CookieEntries {
  const entries: string[] = [];
  let placeholders = 0;
  for (const { text: line } of pastedLines(text)) {
    const parts = WHOLE_LINE.test(line) ? line.split(/,\s*(?=passport_token_key=)/) : line.split(",");
    for (const part of parts.map((piece) => piece.trim())) {
      if (part === "" || NOTHING.test(part)) continue;
      if (CJK.test(part)) placeholders++;
      else entries.push(part);
    }
  }
  const warnings =
    placeholders === 0
      ? []
      : ["AUTH_COOKIES holds a sample sentence instead of a cookie: it was ignored, put a passport_token_key there"];
  return { entries, warnings };
}
