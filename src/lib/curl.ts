/** A request copied as cURL, in the manner of any shell: bash and zsh, the Windows prompt, PowerShell. Pure. */

const COMMAND = /^curl(?:\.exe)?\s/i;
/** The Windows prompt takes a caret away and what follows it as it is; browsers quote with `^"` there. */
const CARET = /\^([^])/g;
const CARET_QUOTE = '^"';
/** A blank, or a piece of a word: quoted in one of the three ways, one escaped character, or a run of plain ones. */
const PIECE = /(\s+)|\$'((?:[^'\\]|\\[^])*)'|'([^']*)'|"((?:[^"\\`]|[\\`][^])*)"|[\\`]([^])|([^\s'"\\`]+)/g;
/** A backslash in double quotes stays one but before these; PowerShell's backtick does as the backslash. */
const ESCAPED = /[\\`](["$\\`])/g;
const ANSI = /\\(?:u([0-9a-f]{4})|x([0-9a-f]{2})|([^]))/gi;
/** An option with its value in the next word, or in the same one. */
const OPTION = /^(?:-([Hb])|--(header|cookie)(?:=|$))([^]*)$/;
const COOKIE_HEADER = /^cookie:\s*/i;

/** The cookies that a copied cURL command sends, as a Cookie header; "" when it sends none, undefined for any other text. */
export function cookiesOfCurl(text: string): string | undefined {
  const command = text.trim();
  if (!COMMAND.test(command)) return undefined;
  const words = wordsOf(command.includes(CARET_QUOTE) ? command.replace(CARET, "$1") : command);
  const found = words.flatMap((word, index) => {
    const [, short, long, attached = ""] = OPTION.exec(word) ?? [];
    if (short === undefined && long === undefined) return [];
    const value = attached === "" ? (words[index + 1] ?? "") : attached;
    if (short === "H" || long === "header") return COOKIE_HEADER.test(value) ? [value.replace(COOKIE_HEADER, "")] : [];
    return value.includes("=") ? [value] : []; // a value without "=" names a file
  });
  return found.join("; ");
}

function wordsOf(command: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (const [, blank, ansi, single, double, escaped, plain] of command.matchAll(PIECE)) {
    if (blank !== undefined) {
      if (word !== undefined) words.push(word);
      word = undefined;
      continue;
    }
    const text = ansi?.replace(ANSI, unescaped) ?? double?.replace(ESCAPED, "$1") ?? single ?? escaped ?? plain ?? "";
    word = (word ?? "") + text;
  }
  return word === undefined ? words : [...words, word];
}

function unescaped(_: string, unit: string | undefined, byte: string | undefined, other = ""): string {
  const code = unit ?? byte;
  return code === undefined ? other : String.fromCharCode(Number.parseInt(code, 16));
}
