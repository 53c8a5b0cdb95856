import { Connection, type Route } from "./connection.ts";

/** How many ways are remembered; beyond it the kept connections are given up. */
const MOST_ROUTES = 1000;

/** Connections of HTTP/1.1 that are kept and used again. */
export class HttpAgent {
  /** Those without a call, by where they lead; the one used last serves next. */
  readonly #idle = new Map<string, Connection[]>();

  /** A kept connection; undefined when there is none. */
  kept(route: Route): Connection | undefined {
    return this.#idleAt(route).pop();
  }

  /** A new connection, which may not stand yet. */
  connect(route: Route): Connection {
    return new Connection(route, this.#idleAt(route));
  }

  /** Closes what no call uses. */
  close(): void {
    for (const idle of this.#idle.values()) for (const connection of idle.splice(0)) connection.close();
    this.#idle.clear();
  }

  #idleAt({ key }: Route): Connection[] {
    let idle = this.#idle.get(key);
    if (!idle) {
      if (this.#idle.size >= MOST_ROUTES) this.close();
      this.#idle.set(key, (idle = []));
    }
    return idle;
  }
}
