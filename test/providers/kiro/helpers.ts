/** One Kiro account in tests: renewed as the pool does it, with what it remembers kept between turns. */
import { afterEach, beforeEach, expect } from "bun:test";
import type { ChatRequest, Message, Part, Tool } from "../../../src/chat/request.ts";
import type { TurnContext } from "../../../src/providers/provider.ts";
import type { KiroCredential } from "../../../src/providers/kiro/credential.ts";
import { createKiro } from "../../../src/providers/kiro/index.ts";
import { startKiroSim, type KiroSim, type Seen, type SimAccount } from "../../sims/kiro.ts";
import { VirtualClock } from "../../virtual-clock.ts";
import { chatRequest, listen, testContext, type Told } from "../context.ts";

export const HOUR_MS = 3_600_000;

/** A sim with one social account for each test of the file; a test fails when something malformed was sent to it. */
export function withSim(): { readonly sim: KiroSim; readonly cat: SimAccount } {
  let sim: KiroSim | undefined;
  beforeEach(async () => {
    sim = await startKiroSim();
  });
  afterEach(async () => {
    expect(sim?.violations).toEqual([]);
    await sim?.[Symbol.asyncDispose]();
  });
  return {
    get sim() {
      if (!sim) throw new Error("the sim runs inside tests only");
      return sim;
    },
    get cat() {
      return this.sim.account("cat", "social");
    },
  };
}

export function lastChat(account: SimAccount): Seen {
  return account.requests.findLast(({ kind }) => kind === "chat")!;
}

type Fields = Record<string, unknown>;

/** History and current message of the last chat request. */
export function bodySent(account: SimAccount): { history: Fields[]; current: Fields } {
  const state = lastChat(account).body["conversationState"] as Fields;
  const { userInputMessage } = state["currentMessage"] as Fields;
  return { history: (state["history"] ?? []) as Fields[], current: userInputMessage as Fields };
}

export const read: Tool = { name: "read", description: "Reads a file", parameters: { type: "object", properties: {} } };

/** The credential of a sim's account, good for an hour of the test's clock. */
export function credentialOf(account: SimAccount, over: Partial<KiroCredential> = {}): KiroCredential {
  const { login, accessToken, refreshToken, clientId, clientSecret, profileArn } = account;
  const base = { kind: login, origin: "0".repeat(64), accessToken, region: "us-east-1" } as const;
  if (login === "api-key") return { ...base, ...over };
  const device = login === "social" ? { ...(profileArn ? { profileArn } : {}) } : { clientId, clientSecret };
  return { ...base, ...device, refreshToken, expiresAt: new VirtualClock().now() + HOUR_MS, ...over };
}

export interface Stage {
  readonly provider: ReturnType<typeof createKiro>;
  readonly clock: VirtualClock;
  credential: KiroCredential;
  memory: unknown;
  renewals: number;
  context(options?: { signal?: AbortSignal; model?: string }): TurnContext<KiroCredential>;
  /** One turn, with time moved on whenever it waits. */
  say(request: ChatRequest | string, model?: string): Promise<Told>;
}

/** The provider on a sim, with one account. */
export function stage(
  sim: KiroSim,
  account: SimAccount,
  over: { credential?: Partial<KiroCredential>; memory?: unknown } = {},
): Stage {
  const provider = createKiro(sim.urls);
  const clock = new VirtualClock();
  const it: Stage = {
    provider,
    clock,
    credential: credentialOf(account, over.credential),
    memory: over.memory,
    renewals: 0,
    context({ signal, model = "claude-sonnet-4.5" } = {}) {
      const base = testContext(it.credential, {
        clock,
        fetchClock: new VirtualClock(),
        memory: it.memory,
        ...(signal ? { signal } : {}),
      });
      return {
        ...base.turn(model),
        remember: (memory) => void (it.memory = memory),
        async renew(stale) {
          if (it.credential !== stale) return it.credential;
          it.renewals++;
          it.credential = await provider.refresh!.run(it.context());
          return it.credential;
        },
      };
    },
    say(request, model) {
      const asked = typeof request === "string" ? chatRequest(request) : request;
      return driven(clock, listen(provider.chat(asked, it.context(model === undefined ? {} : { model }))));
    },
  };
  return it;
}

/** Moves time on while the work waits for it. */
export async function driven<T>(clock: VirtualClock, work: Promise<T>): Promise<T> {
  let over = false;
  const done = work.finally(() => (over = true));
  // The caller awaits `work` itself; this only keeps its rejection from counting as unhandled meanwhile.
  done.catch(() => undefined);
  while (!over) {
    if (clock.pending > 0) await clock.advance(250);
    await new Promise<void>((resume) => setImmediate(resume));
  }
  return done;
}

export const user = (...parts: (Part | string)[]): Message => ({ role: "user", parts: parts.map(partOf) });
export const assistant = (...parts: (Part | string)[]): Message => ({ role: "assistant", parts: parts.map(partOf) });
export const system = (text: string): Message => ({ role: "system", parts: [{ type: "text", text }] });

export const call = (id: string, name = "read", json = "{}"): Part => ({ type: "tool-call", id, name, json });

export const result = (callId: string, text = "done", isError = false): Part => ({
  type: "tool-result",
  callId,
  content: [{ type: "text", text }],
  isError,
});

export const image = (mediaType = "image/png", data = "iVBORw=="): Extract<Part, { type: "image" }> => ({
  type: "image",
  source: { kind: "base64", mediaType, data },
});

function partOf(part: Part | string): Part {
  return typeof part === "string" ? { type: "text", text: part } : part;
}
