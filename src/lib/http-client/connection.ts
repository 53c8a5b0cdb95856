import type { Abortable } from "../abort.ts";
import { Exchange, type ExchangeHost, type Otherwise } from "./exchange.ts";
import { ProxyWire } from "./proxy-wire.ts";
import { TcpWire } from "./tcp-wire.ts";
import type { Place, Wire, WireUser } from "./wire.ts";

/** Where a connection leads. */
export interface Route {
  readonly place: Place;
  /** An http or https proxy on the way. */
  readonly proxy: URL | undefined;
  /** Equal for all that lead the same way. */
  readonly key: string;
}

export function routeOf(place: Place, proxy: URL | undefined): Route {
  const { hostname, port, secure } = place;
  return { place, proxy, key: `${secure ? "https" : "http"} ${hostname} ${port} ${proxy?.href ?? ""}` };
}

/** A connection, with at most one call under way. */
export class Connection implements WireUser, ExchangeHost {
  readonly #wire: Wire;
  readonly #idle: Connection[];
  #exchange: Exchange | undefined;
  #isGone = false;
  /** It has served a call before. */
  isUsed = false;

  /** Begins to connect. @param idle where it waits between two calls */
  constructor({ place, proxy }: Route, idle: Connection[]) {
    this.#idle = idle;
    this.#wire = proxy ? new ProxyWire(proxy, place, this) : new TcpWire(place, this);
  }

  /** Resolves when it stands. Rejects with a ConnectionError. */
  get opened(): Promise<void> {
    return this.#wire.opened;
  }

  /** Sends a request, head and body, and gives what will become of it. */
  send(bytes: Uint8Array, signal: Abortable, otherwise: Otherwise): Exchange {
    const exchange = new Exchange(this, signal, otherwise);
    this.#exchange = exchange;
    if (this.isUsed) this.#wire.wake();
    this.#wire.write(bytes);
    return exchange;
  }

  close(): void {
    this.#isGone = true;
    this.#wire.close();
  }

  came(bytes: Buffer): void {
    // Nobody has asked: what follows could be taken for an answer to the next call.
    if (!this.#exchange) this.#leave();
    else this.#exchange.came(bytes);
  }

  gone(error: Error | undefined): void {
    this.#isGone = true;
    if (this.#exchange) this.#exchange.gone(error);
    else this.#leave();
  }

  pause(): void {
    this.#wire.pause();
  }

  resume(): void {
    this.#wire.resume();
  }

  over(isClean: boolean): void {
    this.#exchange = undefined;
    if (!isClean || this.#isGone || !this.#wire.isDrained) return this.close();
    this.isUsed = true;
    this.#wire.rest();
    this.#idle.push(this);
  }

  #leave(): void {
    const at = this.#idle.indexOf(this);
    if (at >= 0) this.#idle.splice(at, 1);
    this.close();
  }
}
