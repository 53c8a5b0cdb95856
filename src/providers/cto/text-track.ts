/** Tells pieces of text that add up from pieces that repeat all text so far (protocol.md, "Delta or cumulative"). */

/** Below this length a repeated beginning is ordinary text. */
const TELLING_CHARS = 8;

/**
 * The text of one kind (answer or thinking). A piece is new text unless the pieces of one message twice in a row repeat the
 * whole text so far and go on: then they are snapshots. Such pieces are held back until a later one tells. A message may
 * begin with snapshots too short to tell; as long as each of its pieces repeats the one before and goes on, both are open.
 */
export class TextTrack {
  /** All that was handed out. */
  all = "";
  /** What of it belongs to the message under way. */
  #current = "";
  #id: string | undefined;
  /** Pieces that may be snapshots, each going on where the one before ended. */
  #held: string[] = [];
  #last = "";
  /** Since its first piece the message has only grown. */
  #growing = true;
  #snapshots = false;

  /** The next piece of the message `id`. @returns the new text, perhaps empty */
  piece(piece: string, id: string | undefined): string {
    const before = this.#enter(id);
    if (this.#snapshots) {
      if (piece.startsWith(this.#current)) return before + this.#give(piece.slice(this.#current.length));
      this.#snapshots = false;
      this.#growing = false;
    }
    if (piece === "") return before;
    const grows = piece.length > this.#last.length && piece.startsWith(this.#last);
    this.#growing &&= grows;
    this.#last = piece;
    if (this.#held.length > 0 && grows) return before + this.#tell(piece);
    return before + this.flush() + this.#deltaOrHold(piece);
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
    const held = this.#held.join("");
    this.#held = [];
    return held === "" ? "" : this.#give(held);
  }

  /** The second piece in a row that goes on. A beginning said over and over ("ha", "haha") tells nothing. */
  #tell(piece: string): string {
    const said = this.#current;
    const isRepetition = said.repeat(Math.ceil(piece.length / said.length)).startsWith(piece);
    if (piece.length < TELLING_CHARS || (said.length < TELLING_CHARS && isRepetition)) {
      this.#held.push(piece);
      return "";
    }
    this.#snapshots = true;
    this.#held = [];
    return this.#give(piece.slice(said.length));
  }

  #deltaOrHold(piece: string): string {
    const whole = this.#current;
    const isLong = whole.length >= TELLING_CHARS || this.#growing;
    if (whole === "" || !isLong || piece.length <= whole.length || !piece.startsWith(whole)) return this.#give(piece);
    this.#held.push(piece);
    return "";
  }

  /** A new id begins a new message. */
  #enter(id: string | undefined): string {
    if (id === this.#id) return "";
    const held = this.flush();
    this.#id = id;
    this.#current = "";
    this.#last = "";
    this.#growing = true;
    this.#snapshots = false;
    return held;
  }

  #give(text: string): string {
    this.all += text;
    this.#current += text;
    return text;
  }
}
