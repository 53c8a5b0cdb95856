/** What a cto.new sim remembers: accounts with their cookies, tokens, chats and scripts, and all that came in. */
import type { Gate } from "./gate.ts";

/** The calls a script can meet. `client` and `tokens` are Clerk's, `socket` is the handshake. */
export type Kind =
  "client" | "tokens" | "chat" | "offers" | "create" | "model" | "adapters" | "billing" | "delete" | "socket";

/** One request. */
export type Seen = {
  kind: Kind | undefined;
  method: string;
  path: string;
  query: Record<string, string>;
  headers: Record<string, string>;
  body: string;
  /** The account by its cookie or token; undefined for nobody's. */
  account: string | undefined;
};

/** What a call meets instead of the service's own answer. */
export type Behaviour = (seen: Seen) => Response | Promise<Response>;

/** One thing that happens on the socket of a turn. */
export type Step =
  | { frame: unknown }
  | { text: string }
  | { gate: Gate }
  | { close: number }
  | { break: true }
  /** Whatever else the test does at this moment. */
  | { run: () => void | Promise<void> };

export type Turn = {
  chatHistoryId: string;
  prompt: string;
  /** v1: `adapterName`; v2: the team's preferred model as it stood when the turn was posted. */
  model: string;
  account: string;
  /** A subscriber was there when the prompt came. */
  subscribed: boolean;
};

export type SimSession = {
  id: string;
  status: "active" | "expired" | "ended" | "removed";
  user: string;
  organisation?: string;
};

export class SimAccount {
  signedIn = true;
  /** The `__client` of now, and those before it with the time until which they are still taken. */
  generation = 1;
  readonly graceUntil = new Map<string, number>();
  /** Rotate the cookie at these calls. */
  rotateOn: "never" | "tokens" | "always" = "never";
  sessions: SimSession[];
  lastActiveSession: string;
  lastActiveOrganisation: string | null;
  tier = "free";
  preferredModel = "";
  billing: Record<string, unknown> = { dailyUsage: 3, dailyLimit: 300, weeklyLimit: 900, hasReachedLimit: false };
  readonly projects = new Set<string>();
  readonly deleted: string[] = [];
  /** Calls of Clerk under way, and the most there ever were. */
  clerkNow = 0;
  clerkPeak = 0;
  readonly #queues = new Map<Kind, Behaviour[]>();
  readonly #turns: (readonly Step[])[] = [];

  constructor(readonly name: string) {
    const id = `sess_${name}`;
    this.sessions = [{ id, status: "active", user: `user_${name}`, organisation: `org_${name}` }];
    this.lastActiveSession = id;
    this.lastActiveOrganisation = `org_${name}`;
  }

  /** The value of `__client` now. */
  get client(): string {
    return clientCookie(this.name, this.generation);
  }

  /** Queues answers for the next calls of a kind. */
  next(kind: Kind, ...behaviours: Behaviour[]): this {
    this.#queues.set(kind, [...(this.#queues.get(kind) ?? []), ...behaviours]);
    return this;
  }

  take(kind: Kind): Behaviour | undefined {
    return this.#queues.get(kind)?.shift();
  }

  /** Queues what the sockets of the next turns say. */
  says(...turns: (readonly Step[])[]): this {
    this.#turns.push(...turns);
    return this;
  }

  takeTurn(): readonly Step[] | undefined {
    return this.#turns.shift();
  }
}

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A cookie as Clerk makes it: long-lived, with a `rotating_token`. */
export function clientCookie(name: string, generation: number): string {
  return `${part({ alg: "RS256" })}.${part({ id: `client_${name}`, rotating_token: `r${generation}` })}.c2ln`;
}

export function jwt(claims: Record<string, unknown>): string {
  return `${part({ alg: "RS256", typ: "JWT" })}.${part(claims)}.c2ln`;
}
