/**
 * A gate that a test opens by hand, so that a sim says its next thing exactly when the test wants it, without timers.
 *
 *     const gate = new Gate();
 *     account.next("chat", answer(["a", "b"], { gate }));   // each frame waits at the gate
 *     await gate.arrived();                                 // the sim stands before the next frame
 *     gate.release();                                       // it sends that one
 *     gate.open();                                          // and all the rest
 */
export class Gate {
  #waiting: (() => void)[] = [];
  #permits = 0;
  #open = false;
  #arrivals: (() => void)[] = [];

  /** Waits to be let through. Gives false when `unless` resolved first. */
  async pass(unless: Promise<unknown> = new Promise(() => {})): Promise<boolean> {
    if (this.#open) return true;
    if (this.#permits > 0) {
      this.#permits--;
      return true;
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const through = () => resolve(true);
    this.#waiting.push(through);
    for (const tell of this.#arrivals.splice(0)) tell();
    void unless.then(() => {
      this.#waiting = this.#waiting.filter((other) => other !== through);
      resolve(false);
    });
    return promise;
  }

  /** Lets `count` passers through, the waiting ones first; what is left over serves those who come later. */
  release(count = 1): void {
    for (let index = 0; index < count; index++) {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#permits++;
    }
  }

  /** Lets everybody through from now on. */
  open(): void {
    this.#open = true;
    for (const next of this.#waiting.splice(0)) next();
  }

  /** How many stand at the gate now. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Resolves when somebody stands at the gate. */
  async arrived(): Promise<void> {
    if (this.#waiting.length > 0) return;
    await new Promise<void>((resolve) => this.#arrivals.push(resolve));
  }
}
