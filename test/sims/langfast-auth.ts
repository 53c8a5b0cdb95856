/**
 * The Supabase half of LangFast: sessions with rotating refresh tokens, and the answers GoTrue gives. Strict where it is:
 * a refresh token is good once, and for a reuse interval after that; later use ends the session.
 */
import type { RawRequest } from "./raw-http.ts";

export interface SimReply {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
}

interface Session {
  readonly userId: string;
  readonly anonymous: boolean;
  refreshToken: string;
  previous: { token: string; rotatedAt: number } | undefined;
  dead: boolean;
}

export interface AuthSimOptions {
  readonly anonKey: string;
  /** Epoch ms. */
  readonly now: () => number;
  readonly lifetimeS: number;
}

const REUSE_MS = 10_000;

/** A JWT that nobody checks the signature of. */
export function jwt(claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}.c2lnbmF0dXJl`;
}

export class AuthSim {
  readonly #options: AuthSimOptions;
  readonly #sessions: Session[] = [];
  readonly #passwords = new Map<string, { password: string; userId: string }>();
  #count = 0;
  /** Refresh calls that were refused. */
  refusals = 0;
  /** Access tokens that are turned away although their time is not up. */
  readonly revoked = new Set<string>();

  constructor(options: AuthSimOptions) {
    this.#options = options;
  }

  addUser(email: string, password: string): string {
    const userId = this.#newId();
    this.#passwords.set(email, { password, userId });
    return userId;
  }

  /** A session as the browser holds it. */
  session(anonymous = false, userId = this.#newId()): Record<string, unknown> {
    const session: Session = { userId, anonymous, refreshToken: this.#newToken(), previous: undefined, dead: false };
    this.#sessions.push(session);
    return this.#answer(session);
  }

  kill(userId: string): void {
    for (const session of this.#sessions) if (session.userId === userId) session.dead = true;
  }

  /** Who an access token belongs to; undefined when it is none, lapsed or revoked. */
  who(token: string | undefined): string | undefined {
    if (!token || this.revoked.has(token)) return undefined;
    try {
      const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as {
        sub?: string;
        exp: number;
      };
      return claims.exp * 1000 > this.#options.now() ? claims.sub : undefined;
    } catch {
      return undefined;
    }
  }

  answer(request: RawRequest): SimReply {
    const body = request.body.length > 0 ? (JSON.parse(request.body.toString()) as Record<string, unknown>) : {};
    if (request.path === "/auth/v1/signup" && request.method === "POST")
      return { status: 200, body: this.session(true) };
    if (request.path === "/auth/v1/user") {
      const userId = this.who(bearer(request));
      return userId
        ? { status: 200, body: { id: userId } }
        : fault(403, "bad_jwt", "invalid JWT: unable to parse or verify signature");
    }
    if (request.path !== "/auth/v1/token") return fault(404, "not_found", "no such path");
    const grant = request.query.get("grant_type");
    if (grant === "password") return this.#password(body);
    if (grant === "refresh_token") return this.#refresh(body["refresh_token"]);
    return fault(400, "validation_failed", "unsupported grant type");
  }

  #password({ email, password }: Record<string, unknown>): SimReply {
    const user = this.#passwords.get(String(email));
    if (!user || user.password !== password) return fault(400, "invalid_credentials", "Invalid login credentials");
    return { status: 200, body: this.session(false, user.userId) };
  }

  #refresh(token: unknown): SimReply {
    const refuse = (code: string, words: string): SimReply => {
      this.refusals += 1;
      return fault(400, code, words);
    };
    const found = this.#sessions.find(
      ({ refreshToken, previous }) => refreshToken === token || previous?.token === token,
    );
    if (!found || found.dead)
      return refuse("refresh_token_not_found", "Invalid Refresh Token: Refresh Token Not Found");
    if (found.refreshToken !== token) {
      if (this.#options.now() - (found.previous?.rotatedAt ?? 0) > REUSE_MS) {
        found.dead = true;
        return refuse("refresh_token_already_used", "Invalid Refresh Token: Already Used");
      }
      return { status: 200, body: this.#answer(found) };
    }
    found.previous = { token: found.refreshToken, rotatedAt: this.#options.now() };
    found.refreshToken = this.#newToken();
    return { status: 200, body: this.#answer(found) };
  }

  #answer({ userId, anonymous, refreshToken }: Session): Record<string, unknown> {
    const { lifetimeS, now } = this.#options;
    const expiresAt = Math.floor(now() / 1000) + lifetimeS;
    const claims = { sub: userId, role: "authenticated", exp: expiresAt, is_anonymous: anonymous, jti: ++this.#count };
    return {
      access_token: jwt(claims),
      token_type: "bearer",
      expires_in: lifetimeS,
      expires_at: expiresAt,
      refresh_token: refreshToken,
      user: { id: userId, is_anonymous: anonymous },
    };
  }

  #newId(): string {
    return `00000000-0000-4000-8000-${String(++this.#count).padStart(12, "0")}`;
  }

  #newToken(): string {
    return `refresh${String(++this.#count).padStart(5, "0")}`;
  }
}

export function bearer({ headers }: RawRequest): string | undefined {
  return /^Bearer (.+)$/.exec(headers["authorization"] ?? "")?.[1];
}

export function fault(status: number, code: string, msg: string): SimReply {
  return { status, body: { code: status, error_code: code, msg } };
}
