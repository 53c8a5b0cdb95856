import type { Clock } from "./clock.ts";

/** Something that falls due. It stands in at most one agenda, which alone changes `dueAt` and `place`. */
export interface Due {
  /** Monotonic ms. */
  dueAt: number;
  /** Where it stands in the agenda; -1 while it is in none. */
  place: number;
  /** Called once its time has come; by then the agenda has let it go. Does not throw. */
  due(): void;
}

/**
 * What falls due when, over one timer: most deadlines are lifted before they pass, and then cost a step in a heap
 * instead of a timer. The timer runs to the soonest time it was set for, and looks then what is left.
 */
export class Agenda {
  readonly #clock: Clock;
  /** A heap: the one due first stands first. */
  readonly #items: Due[] = [];
  /** Monotonic ms. */
  #timerAt = Infinity;
  #cancelTimer = (): void => {};
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Enters an item, which is in no agenda, for `ms` from now. A closed agenda takes nothing. */
  add(item: Due, ms: number): void {
    if (this.#closed) return;
    const now = this.#clock.monotonic();
    item.dueAt = now + Math.max(ms, 0);
    item.place = this.#items.push(item) - 1;
    this.#rise(item);
    if (item.dueAt < this.#timerAt) this.#arm(item.dueAt, now);
  }

  /** Lets an item go that stands here; any other is left as it is. */
  remove(item: Due): void {
    const { place } = item;
    if (this.#items[place] !== item) return;
    item.place = -1;
    const last = this.#items.pop();
    if (!last || last === item) return;
    this.#put(last, place);
    this.#rise(last);
    this.#sink(last);
  }

  /** Lets everything go. */
  close(): void {
    this.#closed = true;
    this.#cancelTimer();
    for (const item of this.#items) item.place = -1;
    this.#items.length = 0;
  }

  #arm(at: number, now: number): void {
    this.#cancelTimer();
    this.#timerAt = at;
    this.#cancelTimer = this.#clock.after(at - now, this.#look);
  }

  readonly #look = (): void => {
    this.#timerAt = Infinity;
    const now = this.#clock.monotonic();
    let [first] = this.#items;
    while (first && first.dueAt <= now) {
      this.remove(first);
      first.due();
      [first] = this.#items;
    }
    if (first && first.dueAt < this.#timerAt) this.#arm(first.dueAt, now);
  };

  #rise(item: Due): void {
    while (item.place > 0) {
      const above = this.#items[(item.place - 1) >> 1];
      if (!above || above.dueAt <= item.dueAt) return;
      this.#swap(item, above);
    }
  }

  #sink(item: Due): void {
    for (;;) {
      const left = this.#items[item.place * 2 + 1];
      const right = this.#items[item.place * 2 + 2];
      const below = left && right && right.dueAt < left.dueAt ? right : left;
      if (!below || below.dueAt >= item.dueAt) return;
      this.#swap(item, below);
    }
  }

  #swap(a: Due, b: Due): void {
    const { place } = a;
    this.#put(a, b.place);
    this.#put(b, place);
  }

  #put(item: Due, place: number): void {
    this.#items[place] = item;
    item.place = place;
  }
}
