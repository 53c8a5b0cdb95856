export interface PastedLine {
  /** From 1: of the line that it begins on. */
  readonly number: number;
  readonly text: string;
}

/** What ends a line that goes on: in bash, at the Windows prompt, in PowerShell. At the end of a word it is a password's. */
const GOES_ON = /(?:^|[\s,;"'])[\\^`]$/;

const COOKIE_HEADER = /^cookie:/i;
/** A remark. The rows of a cookies.txt that only servers read begin so, too. */
const REMARK = /^#(?!HttpOnly_)/;
const OTHER_HEADER = /^(?!cookie:)(?::?[\w-]+:\s|[A-Z]+ \S+ HTTP\/)/i;

/**
 * The lines of a pasted text that hold anything but a remark; a command that runs over several is one. Of a request's
 * headers only the cookies are left.
 */
export function pastedLines(text: string): PastedLine[] {
  const lines = wholeLines(text).filter((line) => !REMARK.test(line.text));
  if (!lines.some((line) => COOKIE_HEADER.test(line.text))) return lines;
  return lines.filter((line) => !OTHER_HEADER.test(line.text));
}

function wholeLines(text: string): PastedLine[] {
  const lines: PastedLine[] = [];
  let begun: PastedLine | undefined;
  text
    .replace(/^\uFEFF/, "")
    .split(/\r\n|\r|\n/)
    .forEach((raw, index) => {
      const line = raw.trim();
      const goesOn = GOES_ON.test(line);
      const piece = goesOn ? line.slice(0, -1).trimEnd() : line;
      const { number, text } = begun ?? { number: index + 1, text: "" };
      const whole = { number, text: text === "" ? piece : `${text} ${piece}` };
      begun = goesOn ? whole : undefined;
      if (!goesOn && whole.text !== "") lines.push(whole);
    });
  return begun?.text ? [...lines, begun] : lines;
}
