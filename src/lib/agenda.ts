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
    this.#rise(item, this.#items.length);
    if (item.dueAt < this.#timerAt) this.#arm(item.dueAt, now);
  }

  /** Lets an item go that stands here; any other is left as it is. */
  remove(item: Due): void {
    const { place } = item;
    if (place < 0 || this.#items[place] !== item) return;
    item.place = -1;
    const last = this.#items.pop();
    if (last && last !== item) this.#settle(last, place);
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

  /** Puts an item where one has gone. */
  #settle(item: Due, hole: number): void {
    const items = this.#items;
    let place = hole;
    for (;;) {
      let at = place * 2 + 1;
      let below = items[at];
      if (!below) break;
      const right = items[at + 1];
      if (right && right.dueAt < below.dueAt) {
        below = right;
        at++;
      }
      if (below.dueAt >= item.dueAt) break;
      items[place] = below;
      below.place = place;
      place = at;
    }
    this.#rise(item, place);
  }

  /** Puts an item at a free place, or above it. */
  #rise(item: Due, free: number): void {
    const items = this.#items;
    let place = free;
    while (place > 0) {
      const at = (place - 1) >> 1;
      const above = items[at];
      if (!above || above.dueAt <= item.dueAt) break;
      items[place] = above;
      above.place = place;
      place = at;
    }
    items[place] = item;
    item.place = place;
  }
}
