import type { Settings } from "../store/store.ts";
import type { Position } from "./strategies.ts";

const PREFIX = "rotation.";
const START: Position = { id: undefined, uses: 0 };
const MOST_CALLERS = 1000;

/** Where each provider's rotation stands, kept over a restart: written behind, since a crash costs it a few uses only. */
export class Positions {
  readonly #settings: Settings;
  readonly #positions: Map<string, Position>;

  private constructor(settings: Settings, positions: Map<string, Position>) {
    this.#settings = settings;
    this.#positions = positions;
  }

  static async load(settings: Settings): Promise<Positions> {
    const positions = new Map<string, Position>();
    for (const [name, value] of Object.entries(await settings.all())) {
      const position = name.startsWith(PREFIX) ? asPosition(value) : undefined;
      if (position) positions.set(name.slice(PREFIX.length), position);
    }
    return new Positions(settings, positions);
  }

  get(provider: string): Position {
    return this.#positions.get(provider) ?? START;
  }

  set(provider: string, position: Position): void {
    this.#positions.set(provider, position);
    this.#settings.touch(PREFIX + provider, position);
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
