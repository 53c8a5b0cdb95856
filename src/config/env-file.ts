/** What an environment file says, in order of its lines; a later line wins. */
export interface EnvFile {
  readonly values: ReadonlyMap<string, string>;
  /**
   * Lines that are no `KEY=value` or hold one quote of two, as sentences that name the line and show no value: it may be a
   * secret.
   */
  readonly warnings: readonly string[];
}

const ASSIGNMENT = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*=[ \t]*/;
/** One quote at its start, and no other. */
const UNCLOSED = /^(["'`])(?!.*\1)/;
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", '"': '"', "\\": "\\" };

/**
 * Reads a `.env` text: `KEY=value`, `export KEY=value`, `#` comments, CRLF and a byte order mark. An unquoted value ends
 * at the end of its line or at white space followed by `#`, so that `pa#ss` and `a=b=c` stay whole. A value in ' " or `
 * may run over several lines (one cookie header a line); only double quotes know \n, \r, \t, \" and \\. Nothing is expanded.
 */
export function parseEnvFile(text: string): EnvFile {
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\r|\n/);
  const values = new Map<string, string>();
  const warnings: string[] = [];
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? "";
    if (/^\s*(#|$)/.test(line)) continue;
    const found = ASSIGNMENT.exec(line);
    const key = found?.[1];
    if (!found || key === undefined) {
      warnings.push(`line ${i + 1} of the environment file is not KEY=value and was ignored`);
      continue;
    }
    const rest = line.slice(found[0].length);
    const quoted = readQuoted([rest, ...lines.slice(i + 1)]);
    if (quoted) {
      values.set(key, quoted.value);
      i += quoted.extraLines;
    } else {
      if (UNCLOSED.test(rest)) {
        warnings.push(
          `line ${i + 1} of the environment file opens a quote and never closes it: the quote counts as part of ${key}`,
        );
      }
      values.set(key, rest.replace(/(^|\s+)#.*$/, "").trimEnd());
    }
  }
  return { values, warnings };
}

/** A quoted value at the start of the first line; undefined when there is none or its quote is never closed. */
function readQuoted(lines: readonly string[]): { value: string; extraLines: number } | undefined {
  const quote = lines[0]?.[0];
  if (quote !== '"' && quote !== "'" && quote !== "`") return undefined;
  let value = "";
  for (const [index, line] of lines.entries()) {
    if (index > 0) value += "\n";
    for (let at = index === 0 ? 1 : 0; at < line.length; at++) {
      const char = line[at] ?? "";
      if (char === quote) {
        // What follows must be nothing or a comment; else the quote is part of an unquoted value, such as `"a", "b"`.
        return /^\s*(#|$)/.test(line.slice(at + 1)) ? { value, extraLines: index } : undefined;
      }
      const escaped = quote === '"' && char === "\\" ? ESCAPES[line[at + 1] ?? ""] : undefined;
      if (escaped === undefined) value += char;
      else {
        value += escaped;
        at++;
      }
    }
  }
  return undefined;
}
