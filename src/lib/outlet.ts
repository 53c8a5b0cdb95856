/** Takes a text and calls `done` once, when it is written or cannot be. It must not throw. */
export type Sink = (text: string, done: (error?: Error | null) => void) => void;

/** What may wait, and what may be under way; characters. */
const LIMIT = 1_000_000;
/** Between two texts, ms: each costs a write. */
const PAUSE_MS = 10;

/**
 * A bounded way out for lines. A line goes out at the end of this turn of the event loop with all that came in it, and the
 * next text a moment after the sink is done with this one. When nobody drains the sink, or it fails, lines are dropped and
 * counted; the caller never waits. The count is told in a line as soon as writing works again.
 */
export class Outlet {
  readonly #sink: Sink;
  readonly #notice: (dropped: number) => string;
  #lines: string[] = [];
  #length = 0;
  /** From the first line until a pause in which none came. */
  #underWay = false;
  #pause: ReturnType<typeof setTimeout> | undefined;
  #untold = 0;
  #dropped = 0;
  #idle: (() => void)[] = [];

  /** @param notice the line that tells of dropped ones */
  constructor(sink: Sink, notice: (dropped: number) => string) {
    this.#sink = sink;
    this.#notice = notice;
  }

  /** Lines dropped since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /** @param line with its line end */
  push(line: string): void {
    if (this.#length + line.length > LIMIT) return this.#drop(1);
    this.#lines.push(line);
    this.#length += line.length;
    if (this.#underWay) return;
    this.#underWay = true;
    setImmediate(() => this.#write());
  }

  /** Resolves when nothing waits any more: perhaps never, so give it a deadline. */
  flush(): Promise<void> {
    if (!this.#underWay) return Promise.resolve();
    const flushed = new Promise<void>((resolve) => this.#idle.push(resolve));
    if (this.#pause) {
      clearTimeout(this.#pause);
      this.#goOn();
    }
    return flushed;
  }

  #write(): void {
    const lines = this.#lines;
    const told = this.#untold;
    if (told > 0) lines.unshift(this.#notice(told));
    this.#lines = [];
    this.#length = 0;
    this.#sink(lines.join(""), (error) => {
      if (!error) this.#untold -= told;
      else this.#drop(told > 0 ? lines.length - 1 : lines.length);
      if (this.#idle.length > 0) setImmediate(() => this.#goOn());
      else this.#pause = setTimeout(() => this.#goOn(), PAUSE_MS);
    });
  }

  #goOn(): void {
    this.#pause = undefined;
    if (this.#lines.length > 0) return this.#write();
    this.#underWay = false;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #drop(lines: number): void {
    this.#dropped += lines;
    this.#untold += lines;
  }
}

/** A stream such as standard output as a sink. */
export function streamSink(stream: NodeJS.WritableStream): Sink {
  // Each failed write is told to its own callback; without a listener the stream's event would end the process.
  stream.on("error", () => undefined);
  return (text, done) => void stream.write(text, done);
}
