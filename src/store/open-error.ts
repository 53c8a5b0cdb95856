/**
 * The data folder cannot be used: the gateway must not start. `message` is one or a few lines for a terminal, with the
 * path and the remedy; the program ends with exit code 3.
 */
export class StoreOpenError extends Error {
  override readonly name: string = "StoreOpenError";
}
