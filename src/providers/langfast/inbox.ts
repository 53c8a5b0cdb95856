import type { Clock } from "../../lib/clock.ts";
import type { SocketIoNews } from "../../lib/socket-io.ts";
import { Answer, idsIn, readChunk } from "./answer.ts";
import { Bell } from "./waiting.ts";

/** Executions to keep apart before it is known which is ours: far more than an account runs at once. */
const MOST_PARKED = 1000;

export interface InboxOptions {
  readonly clock: Clock;
  /** Whether this is the account's only run: then an event that does not say whose it is can be ours. */
  readonly alone: () => boolean;
  /** Executions of earlier runs. */
  readonly seen: readonly string[];
}

/**
 * Sorts a socket's events into the answer of one run. It listens from before the run begins, so that one which is over
 * before its job id is known loses nothing; a socket hears all runs of its account, and other people's text must never
 * get into this one. Times are monotonic ms.
 */
export class Inbox {
  readonly bell = new Bell();
  readonly #options: InboxOptions;
  readonly #parked = new Map<string, Answer>();
  #answer = new Answer();
  #ids: ReadonlySet<string> = new Set();
  #state: "parking" | "first-unseen" | "bound" = "parking";
  /** Ids whose end was told before the run had one; "" stands for an end that named none. */
  readonly #finishedEarly = new Set<string>();
  /** When the last chunk of this run came; at first, when the inbox was made. */
  heardAt: number;
  /** When the connection was lost; undefined once a chunk has come after it. */
  droppedAt: number | undefined;
  /** When the connection was last back. */
  backAt: number | undefined;
  /** When something that did not say whose it was told of an end. */
  hintedAt: number | undefined;
  /** The server took the connection back with these words. */
  refused: string | undefined;

  constructor(options: InboxOptions) {
    this.#options = options;
    this.heardAt = options.clock.monotonic();
  }

  get answer(): Answer {
    return this.#answer;
  }

  /** The execution that is ours, once it is known. */
  get executionId(): string | undefined {
    return this.#ids.values().next().value;
  }

  /** The run has begun under these ids, the job's first. */
  bind(ids: readonly string[]): void {
    this.#ids = new Set(ids);
    this.#state = "bound";
    const parked = ids.map((id) => this.#parked.get(id)).find((answer) => answer !== undefined);
    this.#adopt(parked ?? this.#nameless());
    if (ids.some((id) => this.#finishedEarly.has(id))) this.#answer.finish();
  }

  /** The run has begun and nobody says under which id: it is the first that no earlier run had. */
  bindFirstUnseen(): void {
    const found = [...this.#parked].find(([id]) => id !== "" && !this.#options.seen.includes(id));
    if (found) this.bind([found[0]]);
    else {
      this.#state = "first-unseen";
      this.#adopt(this.#nameless());
    }
  }

  readonly listen = (news: SocketIoNews): void => {
    if (news.type === "event") this.#event(news.name, news.payload);
    else if (news.type === "connected") this.backAt = this.#options.clock.monotonic();
    else if (news.type === "dropped") {
      this.droppedAt ??= this.#options.clock.monotonic();
      this.backAt = undefined;
    }
    if (news.type === "refused") this.refused = news.message;
    this.bell.ring();
  };

  #event(name: string, payload: unknown): void {
    if (name === "execution:chunk") this.#chunk(payload);
    else if (name === "completion_finished") this.#finished(payload);
  }

  #chunk(payload: unknown): void {
    const chunk = readChunk(payload);
    const answer = this.#answerFor(chunk.executionId);
    if (!answer) return;
    answer.read(chunk);
    if (answer === this.#answer) this.#heard();
  }

  #finished(payload: unknown): void {
    const ids = idsIn(payload);
    if (this.#state !== "bound" && this.#finishedEarly.size < MOST_PARKED) {
      for (const id of ids.length > 0 ? ids : [""]) this.#finishedEarly.add(id);
    }
    if (ids.length === 0 && this.#state !== "parking") this.hintedAt ??= this.#options.clock.monotonic();
    else if (ids.some((id) => this.#ids.has(id))) this.#answer.finish();
  }

  #answerFor(id: string | undefined): Answer | undefined {
    if (this.#state === "parking") return this.#park(id ?? "");
    if (id === undefined) return this.#options.alone() ? this.#answer : undefined;
    if (this.#state === "first-unseen" && !this.#options.seen.includes(id)) {
      this.#ids = new Set([id]);
      this.#state = "bound";
    }
    return this.#ids.has(id) ? this.#answer : undefined;
  }

  #park(id: string): Answer {
    let answer = this.#parked.get(id);
    if (!answer) {
      answer = new Answer();
      this.#parked.set(id, answer);
      const [oldest] = this.#parked.keys();
      if (this.#parked.size > MOST_PARKED && oldest !== undefined) this.#parked.delete(oldest);
    }
    return answer;
  }

  /** What came without an id while this was the account's only run. */
  #nameless(): Answer | undefined {
    return this.#options.alone() ? this.#parked.get("") : undefined;
  }

  #adopt(parked: Answer | undefined): void {
    this.#parked.clear();
    if (parked) this.#answer = parked;
    this.heardAt = this.#options.clock.monotonic();
    if (this.#finishedEarly.has("")) this.hintedAt ??= this.heardAt;
    this.bell.ring();
  }

  #heard(): void {
    this.heardAt = this.#options.clock.monotonic();
    this.droppedAt = undefined;
    this.hintedAt = undefined;
  }
}
