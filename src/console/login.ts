import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Clock } from "../lib/clock.ts";
import { createThrottle } from "./throttle.ts";

export { MIN_PASSWORD_LENGTH } from "../lib/password-length.ts";

const SETUP_LINK_MS = 30 * 60_000;
const VISIT_MS = 12 * 3_600_000;
const REMEMBERED_MS = 30 * 86_400_000;

/** What the console needs of the rest of the program to know its operator. */
export interface AuthPorts {
  readonly clock: Clock;
  /** The store's `sessions`. */
  readonly sessions: {
    find(tokenHash: string, now: number): Promise<unknown>;
    insert(session: { tokenHash: string; createdAt: number; expiresAt: number }): Promise<void>;
    remove(tokenHash: string): Promise<void>;
    removeAll(): Promise<void>;
  };
  /** The stored `Bun.password` hash; undefined while no password was ever set. */
  readonly passwordHash: () => Promise<string | undefined>;
  /** Replaces the password and ends every session: `admin.setPassword`. */
  readonly setPassword: (password: string) => Promise<void>;
}

/** A sign-in. Only the browser holds `token`; the store has its hash. */
export interface Session {
  readonly token: string;
  /** Seconds the browser keeps it; undefined: until it is closed (12 hours at most). */
  readonly maxAgeS: number | undefined;
}

export type SignIn =
  | { readonly outcome: "signed-in"; readonly session: Session }
  | { readonly outcome: "wrong" }
  | { readonly outcome: "throttled"; readonly waitMs: number };

export interface ConsoleAuth {
  /** False until a password was set: the console then only tells how to set it up. */
  isSetUp(): Promise<boolean>;
  /** A new token for `/console/setup?token=…`: 30 minutes, one use. It replaces the one before. */
  issueSetupToken(): string;
  isSetupToken(token: string): boolean;
  /** Ends the open setup link: a password was set by another door. */
  endSetup(): void;
  /** Spends the token and sets the password. Undefined when the token is not valid (any more). */
  setUp(token: string, password: string): Promise<Session | undefined>;
  /** Judges a password. `address` is the client's, for the throttle. */
  signIn(address: string, password: string, remember: boolean): Promise<SignIn>;
  isSignedIn(token: string | undefined): Promise<boolean>;
  signOut(token: string): Promise<void>;
  signOutEverywhere(): Promise<void>;
}

/** Sessions, the one-time setup link and the password check. The setup token lives in memory: a restart makes a new one. */
export function createAuth({ clock, sessions, passwordHash, setPassword }: AuthPorts): ConsoleAuth {
  const throttle = createThrottle(clock);
  /** The password that the counted guesses were about. An owner who lost it sets another one by the command line. */
  let guessed: string | undefined;
  let setup: { hash: string; until: number } | undefined;

  const begin = async (remember: boolean): Promise<Session> => {
    const token = newToken();
    const lifeMs = remember ? REMEMBERED_MS : VISIT_MS;
    const createdAt = clock.now();
    await sessions.insert({ tokenHash: hashOf(token), createdAt, expiresAt: createdAt + lifeMs });
    return { token, maxAgeS: remember ? lifeMs / 1000 : undefined };
  };

  const isSetupToken = (token: string) =>
    setup !== undefined && clock.monotonic() < setup.until && isEqual(setup.hash, hashOf(token));

  return {
    isSetUp: async () => (await passwordHash()) !== undefined,
    issueSetupToken() {
      const token = newToken();
      setup = { hash: hashOf(token), until: clock.monotonic() + SETUP_LINK_MS };
      return token;
    },
    isSetupToken,
    endSetup: () => void (setup = undefined),
    async setUp(token, password) {
      if (!isSetupToken(token)) return undefined;
      const spent = setup;
      setup = undefined; // before the first await: two forms sent at once must not both win
      try {
        await setPassword(password);
      } catch (error) {
        setup = spent;
        throw error;
      }
      return begin(false);
    },
    async signIn(address, password, remember) {
      const hash = await passwordHash();
      if (hash !== guessed) throttle.forgiveAll();
      guessed = hash;
      const waitMs = throttle.take(address);
      if (waitMs !== undefined) return { outcome: "throttled", waitMs };
      if (hash === undefined || !(await Bun.password.verify(password, hash))) return { outcome: "wrong" };
      throttle.forgive(address);
      return { outcome: "signed-in", session: await begin(remember) };
    },
    isSignedIn: async (token) => token !== undefined && (await sessions.find(hashOf(token), clock.now())) !== undefined,
    signOut: (token) => sessions.remove(hashOf(token)),
    signOutEverywhere: () => sessions.removeAll(),
  };
}

function newToken(): string {
  return randomBytes(32).toString("base64url");
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

function isEqual(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
