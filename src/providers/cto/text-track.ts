/** Tells pieces of text that add up from pieces that repeat all text so far (protocol.md, "Delta or cumulative"). */

/** Below this length a repeated beginning is ordinary text. */
const TELLING_CHARS = 8;

/**
 * The text of one kind (answer or thinking). A piece is new text unless the pieces of one message twice in a row repeat the
 * whole text so far and go on: then they are snapshots. The first such piece is held back until the next one tells.
 */
export class TextTrack {
  /** All that was handed out. */
  all = "";
  /** What of it belongs to the message under way. */
  #current = "";
  #id: string | undefined;
  #held: string | undefined;
  #snapshots = false;

  /** The next piece of the message `id`. @returns the new text, perhaps empty */
  piece(piece: string, id: string | undefined): string {
    const before = this.#enter(id);
    if (this.#snapshots) {
      if (piece.startsWith(this.#current)) return before + this.#give(piece.slice(this.#current.length));
      this.#snapshots = false;
    }
    const held = this.#held;
    this.#held = undefined;
    if (held === undefined) return before + this.#deltaOrHold(piece);
    if (piece.length > held.length && piece.startsWith(held)) {
      this.#snapshots = true;
      return before + this.#give(piece.slice(this.#current.length));
    }
    return before + this.#give(held) + this.#deltaOrHold(piece);
  }

  /**
   * The whole text of the message `id`, or of the turn, as the shapes with a role give it. @returns what is new in it
   */
  whole(text: string, id: string | undefined): string {
    const before = this.#enter(id) + this.flush();
    if (text.startsWith(this.all) && (this.#current === this.all || this.all.length >= TELLING_CHARS))
      return before + this.#give(text.slice(this.all.length));
    if (this.#current !== "" && text.startsWith(this.#current))
      return before + this.#give(text.slice(this.#current.length));
    return before + this.#give(text);
  }

  /** Hands out what was held back: it stayed without a second sign, so it is new text. */
  flush(): string {
    const held = this.#held;
    this.#held = undefined;
    return held === undefined ? "" : this.#give(held);
  }

  #deltaOrHold(piece: string): string {
    const whole = this.#current;
    if (whole.length < TELLING_CHARS || piece.length <= whole.length || !piece.startsWith(whole))
      return this.#give(piece);
    this.#held = piece;
    return "";
  }

  /** A new id begins a new message. */
  #enter(id: string | undefined): string {
    if (id === this.#id) return "";
    const held = this.flush();
    this.#id = id;
    this.#current = "";
    this.#snapshots = false;
    return held;
  }

  #give(text: string): string {
    this.all += text;
    this.#current += text;
    return text;
  }
}
