/**
 * The life of one account's session at Clerk: who is signed in, the short tokens that the service takes, and the cookie
 * that changes on the way (protocol.md, "Rotation", "Who is signed in", "Tokens").
 */
import { GatewayError } from "../../chat/error.ts";
import { BodyTooLarge, readText } from "../../lib/body.ts";
import type { UpstreamResponse } from "../../lib/fetch.ts";
import { isObject } from "../../lib/json.ts";
import { claimsOf } from "../../lib/jwt.ts";
import type { AccountContext } from "../provider.ts";
import { cookieHeader, rotated, type CtoCredential } from "./credential.ts";
import { type Answer, answerOf, changed, clerkCode, clerkFailure, isChallenge, isOk, signedOut } from "./failure.ts";
import { inTime, untilAborted } from "./patience.ts";

export type CtoContext = AccountContext<CtoCredential>;

/** Who is signed in. Asked for, never written down. */
export interface Identity {
  readonly session: string;
  readonly user: string;
  /** Undefined for a user without one. */
  readonly organisation: string | undefined;
}

/** A short token. */
interface Token {
  readonly jwt: string;
  /** Monotonic ms of this process: the service's clock and ours may differ. */
  readonly lapsesAt: number;
}

export const SITE = "https://cto.new";
const CLIENT_VERSION = "__clerk_api_version=2025-04-10&_clerk_js_version=5.101.1";
/** Renewing much earlier would ask Clerk every few seconds: a token lives a minute. */
const RENEW_BELOW_MS = 15_000;
/** What a call may take: a token with less left could lapse on the way. */
const LEAST_LEFT_MS = 2000;
const TOKEN_MS = 60_000;
const LONGEST_TOKEN_MS = 3_600_000;
/** The longest one call may take. It is shared, and may rotate the cookie: it does not end with any one caller. */
const CALL_MS = 20_000;
const MAX_BYTES = 4 * 1024 * 1024;
/** Cookies that later ones took the place of; a context may still carry one of them. */
const MOST_SUPERSEDED = 50;

/** One account's session with Clerk: who it is, its tokens, and the cookie that Clerk rotates with any answer. */
export class ClerkSession {
  readonly #url: () => string;
  /** The newest credential that is committed. */
  #credential: CtoCredential;
  /** Rotated, and not committed yet. */
  #uncommitted: CtoCredential | undefined;
  readonly #superseded = new Set<string>();
  #identity: Identity | undefined;
  #token: Token | undefined;
  /** The last token, lapsed or not: Clerk may ask for it. */
  #lastJwt: string | undefined;
  #discovering: Promise<Identity> | undefined;
  #minting: Promise<Token> | undefined;
  /** The end of the line of calls: two rotations must never cross. */
  #tail: Promise<unknown> = Promise.resolve();
  /** Calls that wait or run. */
  #calls = 0;

  constructor(credential: CtoCredential, url: () => string) {
    this.#credential = credential;
    this.#url = url;
  }

  /** Whether nothing runs, so that the session may be forgotten. */
  get idle(): boolean {
    return this.#calls === 0 && this.#uncommitted === undefined;
  }

  /** The cookies of now, for the socket. */
  get cookies(): string {
    return cookieHeader(this.#credential);
  }

  /** Takes note of the credential that a context carries: a new paste begins anew, an older one is passed over. */
  adopt(credential: CtoCredential): void {
    const { client } = credential;
    const isOurs = client === this.#credential.client || client === this.#uncommitted?.client;
    if (isOurs || this.#superseded.has(client)) return;
    this.#supersede(this.#credential);
    this.#credential = credential;
    this.#uncommitted = undefined;
    this.#identity = this.#token = this.#lastJwt = undefined;
    this.#discovering = this.#minting = undefined;
  }

  /**
   * Who is signed in.
   * @param stale the identity that turned out to be wrong; another one than this is given as it is
   * @throws GatewayError auth-rejected that needs a login when nobody is
   */
  identity(context: CtoContext, stale?: Identity): Promise<Identity> {
    if (this.#identity && this.#identity !== stale) return Promise.resolve(this.#identity);
    this.#discovering ??= once(this.#discover(context), (work) => {
      if (this.#discovering === work) this.#discovering = undefined;
    });
    return untilAborted(this.#discovering, context.signal);
  }

  /**
   * A token with at least 15 s left, or with less while Clerk fails. One renewal is in flight, whoever asks.
   * @param stale a token that the service has just refused
   */
  async token(context: CtoContext, stale?: string): Promise<string> {
    const now = context.clock.monotonic();
    if (this.#token && this.#token.jwt !== stale && this.#token.lapsesAt - now >= RENEW_BELOW_MS)
      return this.#token.jwt;
    this.#minting ??= once(this.#mint(context), (work) => {
      if (this.#minting === work) this.#minting = undefined;
    });
    try {
      return (await untilAborted(this.#minting, context.signal)).jwt;
    } catch (error) {
      const token = this.#token;
      const isGood = token && token.jwt !== stale && token.lapsesAt - context.clock.monotonic() >= LEAST_LEFT_MS;
      if (!isGood || context.signal.aborted || !isPassing(error)) throw error;
      return token.jwt;
    }
  }

  /** Asks Clerk who is signed in, whatever is known. */
  check(context: CtoContext): Promise<Identity> {
    return this.identity(context, this.#identity);
  }

  /** The identity and the token are wrong for the service: both are asked for again. */
  async renewAll(context: CtoContext, stale: { identity: Identity; jwt: string }): Promise<void> {
    await this.identity(context, stale.identity);
    await this.token(context, stale.jwt);
  }

  async #discover(context: CtoContext): Promise<Identity> {
    const answer = await this.#call(context, "GET", `/v1/client?${CLIENT_VERSION}`);
    if (!isOk(answer) || isChallenge(answer)) throw clerkFailure(answer, context.clock.now());
    const { identity, jwt } = identityIn(answer);
    this.#identity = identity;
    this.#lastJwt ??= jwt;
    return identity;
  }

  async #mint(context: CtoContext): Promise<Token> {
    const identity = await this.identity(context);
    let answer = await this.#askToken(context, identity, identity.organisation);
    if (clerkCode(answer) === "missing_expired_token")
      answer = await this.#askToken(context, identity, identity.organisation, this.#lastJwt);
    if (isStale(answer)) {
      const found = await this.identity(context, identity);
      // The organisation of the same answer is refused again: the personal workspace is left.
      const organisation =
        isOrganisation(answer) && found.organisation === identity.organisation ? undefined : found.organisation;
      answer = await this.#askToken(context, found, organisation);
      if (isOrganisation(answer) && organisation !== undefined)
        answer = await this.#askToken(context, found, undefined);
    }
    if (!isOk(answer) || isChallenge(answer)) throw clerkFailure(answer, context.clock.now());
    const jwt = jwtIn(answer);
    this.#token = { jwt, lapsesAt: context.clock.monotonic() + lifetimeMs(jwt, answer.headers.get("date")) };
    this.#lastJwt = jwt;
    return this.#token;
  }

  #askToken(
    context: CtoContext,
    { session }: Identity,
    organisation: string | undefined,
    expired?: string,
  ): Promise<Answer> {
    const query = expired === undefined ? "" : `&expired_token=${encodeURIComponent(expired)}`;
    // Clerk takes an empty organisation for the personal workspace.
    const body = `organization_id=${encodeURIComponent(organisation ?? "")}`;
    const path = `/v1/client/sessions/${encodeURIComponent(session)}/tokens?${CLIENT_VERSION}${query}`;
    return this.#call(context, "POST", path, body);
  }

  /** One call at a time, and whatever it rotated is committed before the next one begins and before its answer counts. */
  #call(context: CtoContext, method: "GET" | "POST", path: string, body?: string): Promise<Answer> {
    const run = async (): Promise<Answer> => {
      if (this.#uncommitted) await this.#commit(context, this.#uncommitted);
      const credential = this.#credential;
      const { answer, setCookies } = await this.#fetch(context, credential, method, path, body);
      const next = rotated(credential, setCookies);
      // A new paste that came meanwhile wins over the rotation of the old cookie.
      if (next !== credential && credential === this.#credential) await this.#commit(context, next);
      return answer;
    };
    this.#calls += 1;
    const call = this.#tail.then(run).finally(() => {
      this.#calls -= 1;
    });
    this.#tail = call.catch(ignore);
    return call;
  }

  async #commit(context: CtoContext, credential: CtoCredential): Promise<void> {
    this.#uncommitted = credential;
    await context.save(credential);
    if (this.#uncommitted !== credential) return;
    this.#uncommitted = undefined;
    this.#supersede(this.#credential);
    this.#credential = credential;
  }

  #supersede({ client }: CtoCredential): void {
    this.#superseded.add(client);
    const [oldest] = this.#superseded;
    if (this.#superseded.size > MOST_SUPERSEDED && oldest !== undefined) this.#superseded.delete(oldest);
  }

  #fetch(
    context: CtoContext,
    credential: CtoCredential,
    method: "GET" | "POST",
    path: string,
    body: string | undefined,
  ): Promise<{ answer: Answer; setCookies: readonly string[] }> {
    return inTime(context.clock, CALL_MS, "Clerk, the sign-in of cto.new,", async (signal) => {
      const response = await context.fetch(`${this.#url()}${path}`, {
        method,
        headers: {
          accept: "application/json",
          cookie: cookieHeader(credential),
          origin: SITE,
          referer: `${SITE}/`,
          "user-agent": context.account.userAgent,
          ...(body === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" }),
        },
        ...(body === undefined ? {} : { body }),
        signal,
      });
      // The head alone may have rotated the cookie: it counts even if the body never comes.
      const setCookies = response.headers.getSetCookie();
      const text = await readBody(response).catch((error: unknown) => {
        if (rotated(credential, setCookies) === credential) throw error;
        return "";
      });
      return { answer: answerOf(response.status, response.headers, text), setCookies };
    });
  }
}

/** The whole body as text. @throws GatewayError upstream-broken */
export async function readBody({ body }: UpstreamResponse): Promise<string> {
  try {
    return await readText(body, undefined, MAX_BYTES);
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    const words =
      error instanceof BodyTooLarge ? "cto.new sent more than it should." : "The connection to cto.new broke.";
    throw new GatewayError("upstream-broken", words, { cause: error });
  }
}

/** The session that is active now, its user and organisation. */
function identityIn({ json }: Answer): { identity: Identity; jwt: string | undefined } {
  if (!isObject(json) || !("response" in json)) throw changed("Clerk's answer about who is signed in", "response");
  const { response } = json;
  if (!isObject(response)) throw signedOut();
  const { sessions, last_active_session_id: lastActive } = response;
  if (!Array.isArray(sessions)) throw changed("Clerk's answer about who is signed in", "response.sessions");
  const active = sessions.filter(isObject).filter(({ status }) => status === "active");
  const session = active.find(({ id }) => id === lastActive) ?? active[0];
  if (!session) throw signedOut();
  const { id, user, last_active_organization_id: organisation, last_active_token: token } = session;
  if (typeof id !== "string" || id === "") throw changed("Clerk's active session", "id");
  if (!isObject(user) || typeof user["id"] !== "string") throw changed("Clerk's active session", "user.id");
  const memberships: unknown[] = Array.isArray(user["organization_memberships"])
    ? user["organization_memberships"]
    : [];
  const [first] = memberships.flatMap((membership) =>
    isObject(membership) && isObject(membership["organization"]) ? [membership["organization"]["id"]] : [],
  );
  const found = [organisation, first].find((other) => typeof other === "string" && other !== "");
  return {
    identity: { session: id, user: user["id"], organisation: typeof found === "string" ? found : undefined },
    jwt: isObject(token) && typeof token["jwt"] === "string" ? token["jwt"] : undefined,
  };
}

function jwtIn({ json }: Answer): string {
  const inner = isObject(json) && isObject(json["response"]) ? json["response"] : json;
  const jwt = isObject(inner) ? inner["jwt"] : undefined;
  if (typeof jwt === "string" && jwt !== "") return jwt;
  throw changed("Clerk's token answer", "jwt");
}

/** How long a token lives from now, ms, by the clock of whoever made it: the answer's date, else the token's own times. */
function lifetimeMs(jwt: string, date: string | null): number {
  const { exp, iat } = claimsOf(jwt) ?? {};
  if (typeof exp !== "number") return TOKEN_MS;
  const answeredAt = Date.parse(date ?? "");
  const madeAt = typeof iat === "number" ? iat * 1000 : exp * 1000 - TOKEN_MS;
  const from = Number.isNaN(answeredAt) ? madeAt : answeredAt;
  return Math.min(Math.max(exp * 1000 - from, 0), LONGEST_TOKEN_MS);
}

/** Answers after which who is signed in has to be asked again. */
function isStale(answer: Answer): boolean {
  return clerkCode(answer) === "resource_not_found" || isOrganisation(answer) || answer.status === 404;
}

function isOrganisation(answer: Answer): boolean {
  return (answer.status === 403 || answer.status === 404) && /organi[sz]ation/.test(clerkCode(answer));
}

/** Failures of the service, not of the account: what was good before still is. */
function isPassing(error: unknown): boolean {
  return error instanceof GatewayError && (error.kind === "upstream-broken" || error.kind === "upstream-timeout");
}

/** Calls `settled` when the work is over, however it ended. */
function once<T>(work: Promise<T>, settled: (work: Promise<T>) => void): Promise<T> {
  work.then(
    () => settled(work),
    () => settled(work),
  );
  return work;
}

/** The next call in line does not care how the one before it ended. */
function ignore(): void {}
