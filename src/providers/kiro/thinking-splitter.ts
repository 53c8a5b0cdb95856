/** A piece of the answer's text: words for the reader, or thinking. Never empty. */
export interface Piece {
  readonly kind: "text" | "thinking";
  readonly text: string;
}

const OPEN = "<thinking>";
const CLOSE = "</thinking>";
const QUOTES = "`\"'";

/**
 * Takes the thinking out of a text that comes in pieces, however its tags are cut. The opening tag counts at the start of
 * a line, once; the closing one only before an empty line, a tool call or the end, and never behind a quotation mark, so
 * that a model may write about the tags. Thinking that is never closed stays thinking.
 */
export class ThinkingSplitter {
  #state: "before" | "inside" | "after" = "before";
  #held = "";
  #lineStart = true;
  #spoke = false;
  #previous = "";

  push(text: string): Piece[] {
    if (this.#state === "after") return piece("text", text);
    this.#held += text;
    const pieces: Piece[] = [];
    if (this.#state === "before") pieces.push(...this.#open());
    if (this.#state === "inside") pieces.push(...this.#close());
    return pieces;
  }

  /** Gives what is held back: a tool call begins or the answer ends, so nothing can complete a tag any more. */
  flush(): Piece[] {
    const held = this.#held;
    this.#held = "";
    if (this.#state !== "inside") {
      const blank = !this.#spoke && held.trim() === "";
      return blank ? [] : piece("text", held);
    }
    this.#state = "after";
    const at = held.lastIndexOf(CLOSE);
    const closed = at >= 0 && held.slice(at + CLOSE.length).trim() === "";
    return piece("thinking", closed ? held.slice(0, at) : held);
  }

  #open(): Piece[] {
    const text = this.#held;
    for (let at = text.indexOf(OPEN); at >= 0; at = text.indexOf(OPEN, at + 1)) {
      if (at === 0 ? !this.#lineStart : text[at - 1] !== "\n") continue;
      this.#state = "inside";
      this.#held = text.slice(at + OPEN.length);
      return this.#say(text.slice(0, at));
    }
    let keep = partial(text, OPEN);
    const from = text.length - keep;
    if (from === 0 ? !this.#lineStart : text[from - 1] !== "\n") keep = 0;
    // Blank lines in front of the tag are no text.
    if (!this.#spoke && text.slice(0, text.length - keep).trim() === "") return [];
    this.#held = text.slice(text.length - keep);
    const said = text.slice(0, text.length - keep);
    if (said !== "") this.#lineStart = said.endsWith("\n");
    return this.#say(said);
  }

  #say(text: string): Piece[] {
    if (!this.#spoke && text.trim() === "") return [];
    this.#spoke = true;
    return piece("text", text);
  }

  #close(): Piece[] {
    let text = this.#held;
    if (this.#previous === "") {
      if (text === "") return [];
      if (text.startsWith("\n")) text = text.slice(1);
      this.#previous = "\n";
    }
    for (let at = text.indexOf(CLOSE); at >= 0; at = text.indexOf(CLOSE, at + 1)) {
      if (QUOTES.includes(at === 0 ? this.#previous : (text[at - 1] ?? ""))) continue;
      const rest = text.slice(at + CLOSE.length);
      if (rest.startsWith("\n\n")) {
        this.#state = "after";
        this.#held = "";
        return [...piece("thinking", text.slice(0, at)), ...piece("text", rest.slice(2))];
      }
      if (rest.trim() === "") return this.#think(text, at);
    }
    return this.#think(text, text.length - partial(text, CLOSE));
  }

  #think(text: string, until: number): Piece[] {
    this.#held = text.slice(until);
    if (until > 0) this.#previous = text[until - 1] ?? "";
    return piece("thinking", text.slice(0, until));
  }
}

function piece(kind: Piece["kind"], text: string): Piece[] {
  return text === "" ? [] : [{ kind, text }];
}

/** How many characters at the end of `text` may be the beginning of `tag`. */
function partial(text: string, tag: string): number {
  for (let length = Math.min(tag.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(tag.slice(0, length))) return length;
  }
  return 0;
}
