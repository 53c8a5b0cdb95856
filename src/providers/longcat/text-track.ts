/** Tells pieces of text that add up from pieces that repeat all text so far (protocol.md, "Delta or cumulative"). */

/** Below this length a repeated text is ordinary: "ha" and "ha", two line feeds and three. */
const TELLING_CHARS = 8;
/** So many equal pieces in a row tell enough: rules and rows repeat in texts, and what is held back must stay small. */
const MOST_EQUAL_PIECES = 16;
/**
 * A text of deltas is remembered up to this length, so that a whole text that comes later can be compared with it. Beyond
 * it nothing is remembered: what many slow clients have yet to read must not stand in memory twice.
 */
const MOST_REMEMBERED_CHARS = 1_048_576;
/**
 * A text that grows is a tree of its pieces, and each of them keeps the network read that it was cut from: a hundred
 * pieces stand for 50 kB. Looked into, it becomes one string. That is done when the pieces since the last time have this
 * length and a sixteenth of the text's: its cost stays below theirs.
 */
const LOOSE_CHARS = 128;

/** Text that was handed out piece by piece. */
export class SaidText {
  /** All of it; empty once it was `forgotten`. */
  text = "";
  /** The text grew too long to be remembered, and can no longer be compared. */
  forgotten = false;
  #joinedChars = 0;

  /** A further piece. `isBounded`: the text cannot outgrow an event, and is never forgotten. */
  say(piece: string, isBounded = false): void {
    if (this.forgotten) return;
    this.text += piece;
    const { length } = this.text;
    if (length > MOST_REMEMBERED_CHARS && !isBounded) {
      this.text = "";
      this.forgotten = true;
    } else if (length - this.#joinedChars > LOOSE_CHARS + this.#joinedChars / 16) {
      // Always so; but a search whose result is not used is left out when this is compiled.
      if (this.text.endsWith(piece)) this.#joinedChars = length;
    }
  }
}

/**
 * One segment of thinking or answer. It hands out each character once. Until the pieces have shown which kind they are,
 * both readings are kept and only what they share is handed out; `close` hands out the rest.
 */
export class TextTrack extends SaidText {
  #kind: "open" | "deltas" | "snapshots" = "open";
  /** The pieces joined: the text if they are deltas. Kept while open. */
  #joined = "";
  /** The last piece: the text if they are snapshots. */
  #last = "";
  #snapshots = 0;
  #equals = 0;

  /** Whether the pieces are known to be new text each: then several may come as one. */
  get addsUp(): boolean {
    return this.#kind === "deltas";
  }

  /** A piece of unknown kind. @returns the new text, perhaps empty */
  piece(piece: string): string {
    if (this.#kind === "deltas") return this.#give(piece);
    const last = this.#last;
    if (this.#kind === "snapshots") {
      if (last.startsWith(piece)) return "";
      this.#last = piece;
      return piece.startsWith(last) ? this.#give(piece.slice(last.length)) : "";
    }
    if (this.#joined === "") {
      this.#joined = this.#last = piece;
      return this.#give(piece);
    }
    this.#joined += piece;
    const repeats = piece.startsWith(last) && (piece.length > last.length || piece.length >= TELLING_CHARS);
    if (!repeats) return this.#settle("deltas");
    this.#last = piece;
    if (piece.length > last.length) this.#snapshots++;
    else if (++this.#equals >= MOST_EQUAL_PIECES) return this.#settle(this.#snapshots > 0 ? "snapshots" : "deltas");
    if (this.#snapshots >= 2 && piece.length >= TELLING_CHARS) return this.#settle("snapshots");
    return this.#give(shared(this.#joined, piece, this.text.length));
  }

  /** A piece that is known to be new text. @returns the new text, what was held back before it */
  delta(piece: string): string {
    const held = this.#kind === "open" ? this.#settle("deltas") : "";
    this.#kind = "deltas";
    return held + this.#give(piece);
  }

  /** All text so far, known to be that. @returns what of it was not handed out; nothing when it contradicts */
  whole(text: string): string {
    if (this.forgotten || text.length <= this.text.length || !text.startsWith(this.text)) return "";
    if (this.#kind !== "deltas") this.#joined = this.#last = text;
    return this.#give(text.slice(this.text.length));
  }

  /** Whether a piece of the next segment carries this one on: snapshots may span segments. */
  continues(piece: string): boolean {
    return this.#kind === "snapshots" && piece.length > this.#last.length && piece.startsWith(this.#last);
  }

  /** Ends the segment. @returns what was held back, by the likelier reading */
  close(): string {
    if (this.#kind !== "open") return "";
    const likely = this.#snapshots >= 2 || (this.#last !== this.#joined && this.#last.length >= TELLING_CHARS);
    return this.#settle(likely ? "snapshots" : "deltas");
  }

  #settle(kind: "deltas" | "snapshots"): string {
    this.#kind = kind;
    const owed = (kind === "deltas" ? this.#joined : this.#last).slice(this.text.length);
    if (kind === "deltas") this.#joined = this.#last = "";
    return this.#give(owed);
  }

  #give(text: string): string {
    this.say(text, this.#kind !== "deltas");
    return text;
  }
}

/** What two texts share from `from` on; they are equal before it. */
function shared(a: string, b: string, from: number): string {
  let end = from;
  while (end < a.length && end < b.length && a.charCodeAt(end) === b.charCodeAt(end)) end++;
  // A character beyond U+FFFF is never cut in half.
  if (end > from && (a.charCodeAt(end - 1) & 0xfc00) === 0xd800) end--;
  return a.slice(from, end);
}
