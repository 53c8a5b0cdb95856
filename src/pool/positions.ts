import { toGatewayError } from "../chat/error.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Settings } from "../store/store.ts";
import type { Position } from "./strategies.ts";

const PREFIX = "rotation.";
/** Changes within this time are one write: a busy rotation moves with each request. */
const WRITE_BEHIND_MS = 500;
const START: Position = { id: undefined, uses: 0 };
const MOST_CALLERS = 1000;

/** Where each provider's rotation stands, kept over a restart. */
export class Positions {
  readonly #settings: Settings;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #positions: Map<string, Position>;
  readonly #dirty = new Set<string>();
  #cancelTimer: (() => void) | undefined;

  private constructor(settings: Settings, clock: Clock, log: Log, positions: Map<string, Position>) {
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
    this.#positions = positions;
  }

  static async load(settings: Settings, clock: Clock, log: Log): Promise<Positions> {
    const positions = new Map<string, Position>();
    for (const [name, value] of Object.entries(await settings.all())) {
      const position = name.startsWith(PREFIX) ? asPosition(value) : undefined;
      if (position) positions.set(name.slice(PREFIX.length), position);
    }
    return new Positions(settings, clock, log, positions);
  }

  get(provider: string): Position {
    return this.#positions.get(provider) ?? START;
  }

  set(provider: string, position: Position): void {
    this.#positions.set(provider, position);
    this.#dirty.add(provider);
    this.#cancelTimer ??= this.#clock.after(WRITE_BEHIND_MS, () => void this.#write());
  }

  async close(): Promise<void> {
    this.#cancelTimer?.();
    await this.#write();
  }

  async #write(): Promise<void> {
    this.#cancelTimer = undefined;
    const moved = [...this.#dirty];
    this.#dirty.clear();
    for (const provider of moved) {
      try {
        await this.#settings.set(PREFIX + provider, this.get(provider));
      } catch (error) {
        // The next move of the rotation writes it again; until then a restart goes back a few uses.
        this.#log.warn("rotation-unsaved", { provider, reason: toGatewayError(error).message });
      }
    }
  }
}

/** Where the rotations of callers' own accounts stand: in memory, the least recent forgotten first. */
export class CallerPositions {
  readonly #positions = new Map<string, Position>();

  get(key: string): Position {
    return this.#positions.get(key) ?? START;
  }

  set(key: string, position: Position): void {
    this.#positions.delete(key);
    this.#positions.set(key, position);
    if (this.#positions.size <= MOST_CALLERS) return;
    const [oldest] = this.#positions.keys();
    if (oldest !== undefined) this.#positions.delete(oldest);
  }
}

function asPosition(value: unknown): Position | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { id, uses } = value as Partial<Position>;
  return typeof id === "string" && typeof uses === "number" ? { id, uses } : undefined;
}
