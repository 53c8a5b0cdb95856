/**
 * Moves with each change of a pool's accounts that decides who may serve what: one that comes or goes, and the settings,
 * the credential and the memory of each. What was worked out from them holds until then.
 */
export class Revision {
  #count = 0;

  get count(): number {
    return this.#count;
  }

  moved(): void {
    this.#count += 1;
  }
}
