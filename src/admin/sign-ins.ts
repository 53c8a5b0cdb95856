import { GatewayError, toGatewayError, type FailureKind } from "../chat/error.ts";
import type { Clock } from "../lib/clock.ts";
import { withDeadline } from "../lib/deadline.ts";
import { newId } from "../lib/id.ts";
import type { Log } from "../lib/log.ts";
import type { Pool } from "../pool/pool.ts";
import type { UsageSync } from "../pool/usage-sync.ts";
import type { Provider, ServiceContext, SignIn } from "../providers/provider.ts";
import type { Store } from "../store/store.ts";
import type { Admin, SignInMethodView, SignInView } from "./admin.ts";
import { Callbacks } from "./callback.ts";
import { optionalLabel } from "./names.ts";
import { newSession, pollAfterMs, recordOf, sessionOf, type Session } from "./sign-in-session.ts";

const ANSWER_MS = 30_000;
/** Open at once: a page that begins them in a loop must stop somewhere. */
const MOST_OPEN = 20;
const SAVE_RETRY_MS = 5_000;
const LONGEST_PAUSE_MS = 60_000;
const LEAST_PAUSE_MS = 1_000;

export interface SignInsDeps {
  readonly store: Store;
  readonly pool: Pool;
  readonly providers: readonly Provider[];
  readonly usage: UsageSync;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Sign-ins by code or browser. Each is kept sealed and goes on after a restart; a device code is polled here, so that no
 * page has to stay open, and a browser that comes back to this machine is met here.
 */
export class SignIns {
  readonly operations: Admin["signIn"];
  readonly #deps: SignInsDeps;
  readonly #sessions = new Map<string, Session>();
  readonly #callbacks: Callbacks;
  readonly #stopping = new AbortController();
  #loaded: Promise<void> | undefined;

  constructor(deps: SignInsDeps) {
    this.#deps = deps;
    this.#callbacks = new Callbacks(deps.log);
    this.operations = {
      methods: async () => deps.providers.flatMap(methodsOf),
      begin: (provider, method, input = {}, options = {}) => this.#begin(provider, method, input, options),
      poll: async (id) => {
        const session = await this.#find(id);
        if (deps.clock.now() >= session.nextPollAt) await this.#poll(session);
        return this.#view(session);
      },
      complete: async (id, address) => {
        const session = await this.#find(id);
        await this.#complete(session, address);
        return this.#view(session);
      },
      cancel: async (id) => this.#forget(await this.#find(id)),
      list: async () => {
        await this.#load();
        return [...this.#sessions.values()].toReversed().map((session) => this.#view(session));
      },
    };
  }

  /** Takes up what an earlier process left. */
  async start(): Promise<void> {
    await this.#load();
    for (const session of this.#sessions.values()) if (session.status === "open") this.#attend(session);
  }

  stop(): void {
    this.#stopping.abort(new GatewayError("stopping", "The gateway is stopping."));
    for (const session of this.#sessions.values()) session.cancelTimer();
    this.#callbacks.closeAll();
  }

  async #begin(
    name: string,
    method: string,
    input: Readonly<Record<string, string>>,
    options: { readonly label?: string; readonly accountId?: string },
  ): Promise<SignInView> {
    await this.#load();
    const { pool, clock, log } = this.#deps;
    const { accountId } = options;
    const label = optionalLabel(options.label);
    const provider = pool.provider(name);
    const signIn = signInOf(provider);
    if (accountId !== undefined && pool.find(accountId).provider !== provider) {
      throw new GatewayError("invalid-request", `That account is not ${provider.title}'s.`, { field: "accountId" });
    }
    const fields = fieldsOf(signIn, method, input);
    if ([...this.#sessions.values()].filter(({ status }) => status === "open").length >= MOST_OPEN) {
      throw new GatewayError("invalid-request", `${MOST_OPEN} sign-ins are open: finish or cancel one of them.`);
    }
    const state = await this.#bounded(name, (context) => signIn.begin(method, fields, context));
    const head = { id: newId("login"), provider: name, method, label, accountId, createdAt: clock.now() };
    const session = newSession(head, state);
    await this.#save(session);
    this.#sessions.set(session.id, session);
    log.info("sign-in-begun", { signIn: session.id, provider: name, method });
    session.nextPollAt = clock.now() + (pollAfterMs(session) ?? 0);
    this.#attend(session);
    return this.#view(session);
  }

  /** Does what comes next by itself: a question at its time, a door for the browser, the end of its time. */
  #attend(session: Session): void {
    session.cancelTimer();
    const { clock } = this.#deps;
    if (session.status !== "open" || this.#stopping.signal.aborted) return;
    const { state } = session;
    if (state?.prompt.kind === "browser" && state.prompt.callback && !this.#callbacks.isOpen(session.id)) {
      this.#callbacks.open(session.id, state.prompt.callback, (address) => this.#arrived(session, address));
    }
    const pollsAt = pollAfterMs(session) === undefined ? Infinity : session.nextPollAt;
    // A login that is there already has no end.
    const nextAt = session.pending ? session.nextPollAt : Math.min(pollsAt, session.expiresAt);
    const waitMs = Math.max(nextAt - clock.now(), 0);
    session.cancelTimer = clock.after(waitMs, () => void this.#poll(session));
  }

  /** Asks the service once, commits what it gave, and notices that the time is over. Never rejects. */
  async #poll(session: Session): Promise<void> {
    await this.#inTurn(session, async () => {
      const { clock } = this.#deps;
      const signIn = signInOf(this.#deps.pool.provider(session.provider));
      // Whoever was first in the queue has asked: a service that is asked sooner than it wants slows the sign-in down.
      if (clock.now() < Math.min(session.nextPollAt, session.expiresAt)) return;
      if (session.pending) return this.#admit(session, session.pending.credential);
      if (clock.now() >= session.expiresAt) return this.#fail(session, "It was not finished in time: begin again.");
      const { state } = session;
      if (!state || !signIn.poll || state.prompt.kind !== "code") return;
      try {
        const answer = await this.#bounded(session.provider, async (context) => signIn.poll?.(state, context));
        session.failures = 0;
        if (answer && "credential" in answer) return await this.#admit(session, answer.credential);
        if (answer && !Bun.deepEquals(answer.state, state)) {
          session.state = answer.state;
          await this.#save(session);
        }
      } catch (error) {
        const { kind, message } = toGatewayError(error);
        if (kind === "auth-rejected") return await this.#fail(session, message, kind);
        session.failures += 1;
        this.#deps.log.debug("sign-in-unanswered", { signIn: session.id, kind, reason: message });
      }
      const pauseMs = Math.max(pollAfterMs(session) ?? 0, LEAST_PAUSE_MS);
      session.nextPollAt = clock.now() + Math.min(pauseMs * 2 ** session.failures, Math.max(LONGEST_PAUSE_MS, pauseMs));
    });
  }

  /** @throws GatewayError invalid-request when it is not the address that this sign-in ends on */
  async #complete(session: Session, address: string): Promise<void> {
    await this.#inTurn(session, async () => {
      const { state } = session;
      const signIn = signInOf(this.#deps.pool.provider(session.provider));
      if (!state || !signIn.complete || state.prompt.kind !== "browser") {
        throw new GatewayError("invalid-request", "This sign-in does not wait for an address.", { field: "address" });
      }
      if (this.#deps.clock.now() >= session.expiresAt) {
        return this.#fail(session, "It was not finished in time: begin again.");
      }
      let credential: unknown;
      try {
        credential = await this.#bounded(session.provider, async (context) =>
          signIn.complete?.(state, address, context),
        );
      } catch (error) {
        const failure = toGatewayError(error);
        if (failure.kind === "auth-rejected") await this.#fail(session, failure.message, failure.kind);
        throw failure;
      }
      await this.#admit(session, credential);
    });
  }

  async #arrived(session: Session, address: string): Promise<boolean> {
    try {
      await this.#complete(session, address);
      return session.status !== "failed";
    } catch (error) {
      if (toGatewayError(error).kind === "invalid-request") return false;
      throw error;
    }
  }

  /** The login is there: it must not be lost, even when it cannot be committed now. */
  async #admit(session: Session, credential: unknown): Promise<void> {
    const { pool, usage, clock, log } = this.#deps;
    session.pending = { credential };
    try {
      const isThere = session.accountId !== undefined && pool.all().some(({ id }) => id === session.accountId);
      const accounts =
        isThere && session.accountId !== undefined
          ? [await pool.roster.renew(session.accountId, credential)]
          : Object.values(await pool.roster.add(session.provider, [credential], session.label)).flat();
      session.accounts = accounts.map(({ id }) => id);
      session.pending = undefined;
      await this.#end(session, "done");
      for (const account of accounts) {
        usage.sync(account).catch((error: unknown) => {
          log.debug("usage-unread", { account: account.id, reason: toGatewayError(error).message });
        });
      }
    } catch (error) {
      const { kind, message } = toGatewayError(error);
      if (kind !== "store-unavailable") return this.#fail(session, message, kind);
      Object.assign(session, { reason: message, reasonKind: kind });
      session.nextPollAt = clock.now() + SAVE_RETRY_MS;
    }
  }

  /** @param kind undefined when only the time is over */
  #fail(session: Session, reason: string, kind?: FailureKind): Promise<void> {
    session.pending = undefined;
    return this.#end(session, "failed", reason, kind);
  }

  async #end(session: Session, status: "done" | "failed", reason?: string, reasonKind?: FailureKind): Promise<void> {
    Object.assign(session, { status, reason, reasonKind, state: undefined });
    this.#callbacks.close(session.id);
    this.#deps.log.info("sign-in-ended", { signIn: session.id, provider: session.provider, status, reason });
    this.#deps.pool.books.changed();
    await this.#save(session).catch((error: unknown) => {
      this.#deps.log.warn("sign-in-unsaved", { signIn: session.id, reason: toGatewayError(error).message });
    });
  }

  async #forget(session: Session): Promise<void> {
    await this.#deps.store.signIns.remove(session.id);
    session.cancelTimer();
    session.status = "failed";
    this.#callbacks.close(session.id);
    this.#sessions.delete(session.id);
    this.#deps.pool.books.changed();
  }

  /** One thing at a time: a code is good once. Work on a sign-in that is over does nothing. */
  #inTurn(session: Session, work: () => Promise<void>): Promise<void> {
    const turn = session.turn.then(async () => {
      if (session.status !== "open" || this.#stopping.signal.aborted) return;
      try {
        await work();
      } finally {
        this.#attend(session);
      }
    });
    session.turn = turn.catch(() => undefined); // who began it hears of it
    return turn;
  }

  async #bounded<T>(provider: string, work: (context: ServiceContext) => Promise<T>): Promise<T> {
    const { pool, clock } = this.#deps;
    const title = pool.provider(provider).title;
    const late = new GatewayError("upstream-timeout", `${title} did not answer within ${ANSWER_MS / 1000} s.`);
    const deadline = { clock, ms: ANSWER_MS, late, outer: this.#stopping.signal };
    return withDeadline(deadline, (signal) => work(pool.service(provider, signal)));
  }

  async #save(session: Session): Promise<void> {
    await this.#deps.store.signIns.put(recordOf(session));
  }

  #load(): Promise<void> {
    const { store, clock, pool } = this.#deps;
    this.#loaded ??= store.signIns.all(clock.now()).then(
      (records) => {
        const known = new Set(this.#deps.providers.map(({ name }) => name));
        for (const record of records) {
          const session = known.has(record.provider) ? sessionOf(record) : undefined;
          if (session && pool.provider(session.provider).signIn) this.#sessions.set(session.id, session);
        }
      },
      (error: unknown) => {
        this.#loaded = undefined;
        throw error;
      },
    );
    return this.#loaded;
  }

  async #find(id: string): Promise<Session> {
    await this.#load();
    const session = this.#sessions.get(id);
    if (!session) throw new GatewayError("unknown-path", "There is no such sign-in.", { field: "id" });
    return session;
  }

  #view(session: Session): SignInView {
    const { pool } = this.#deps;
    const { id, provider, method, label, accountId, createdAt, expiresAt, status, reason, reasonKind, state } = session;
    const { title, signIn } = pool.provider(provider);
    const views = new Map(pool.views().map((view) => [view.id, view]));
    return {
      id,
      provider,
      providerTitle: title,
      method,
      methodTitle: signIn?.methods.find((known) => known.id === method)?.title ?? { en: method, zh: method },
      label,
      accountId,
      createdAt,
      expiresAt,
      status,
      reason,
      reasonKind,
      prompt: state && promptOf(state.prompt, this.#callbacks.isOpen(id)),
      accounts: session.accounts.flatMap((account) => views.get(account) ?? []),
    };
  }
}

function promptOf(
  prompt: NonNullable<Session["state"]>["prompt"],
  listens: boolean,
): NonNullable<SignInView["prompt"]> {
  if (prompt.kind === "browser") return { kind: "browser", url: prompt.url, listens };
  const { userCode, url, pollAfterMs } = prompt;
  return { kind: "code", userCode, url, pollAfterMs };
}

function methodsOf({ name, title, signIn }: Provider): SignInMethodView[] {
  return (signIn?.methods ?? []).map((method) => ({ provider: name, providerTitle: title, ...method }));
}

function signInOf(provider: Provider): SignIn<unknown> {
  if (provider.signIn) return provider.signIn;
  const text = `${provider.title} has no sign-in of this kind: paste its credential instead.`;
  throw new GatewayError("invalid-request", text, { field: "provider" });
}

/** What the method asks for, out of what was typed. @throws GatewayError invalid-request that names what is missing */
function fieldsOf(
  signIn: SignIn<unknown>,
  id: string,
  input: Readonly<Record<string, string>>,
): Record<string, string> {
  const method = signIn.methods.find((known) => known.id === id);
  if (!method) {
    const names = signIn.methods.map((known) => known.id).join(", ");
    throw new GatewayError("invalid-request", `There is no such way to sign in. There are: ${names}.`, {
      field: "method",
    });
  }
  const fields: Record<string, string> = {};
  for (const { name, label, required, initial } of method.fields) {
    const value = (input[name] ?? "").trim() || initial;
    if (value) fields[name] = value;
    else if (required) throw new GatewayError("invalid-request", `${label.en} is missing.`, { field: name });
  }
  return fields;
}
