/** One provider, its simulator and accounts whose every commit is on record. */
import { toGatewayError, type GatewayError } from "../../../src/chat/error.ts";
import type { UpstreamEvent } from "../../../src/chat/event.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import type { Log } from "../../../src/lib/log.ts";
import type { UpstreamFetch } from "../../../src/lib/fetch.ts";
import { createCto, type CtoCredential, type CtoOptions } from "../../../src/providers/cto/index.ts";
import type { AccountContext, Provider, UpstreamChat } from "../../../src/providers/provider.ts";
import { createUpstreamFetch } from "../../../src/providers/upstream-fetch.ts";
import { type CtoSim, type CtoSimOptions, startCtoSim } from "../../sims/cto.ts";
import { request } from "../../emulate/requests.ts";
import { VirtualClock } from "../../virtual-clock.ts";

export interface Desk {
  readonly sim: CtoSim;
  readonly clock: VirtualClock;
  readonly provider: Provider<CtoCredential>;
  /** What happened to credentials, in order: `call <end of cookie>`, `save begins`, `save ends`. */
  readonly diary: string[];
  readonly logged: string[];
  account(name?: string): Seat;
  /** A new process: what was stored is all it knows. */
  restart(): void;
  stop(): Promise<void>;
}

/** An account as the pool keeps it. */
export interface Seat {
  credential: CtoCredential;
  memory: unknown;
  /** What a commit does; throws for a store that cannot. */
  store: (credential: CtoCredential) => Promise<void>;
  context(signal?: AbortSignal): AccountContext<CtoCredential>;
  /** A whole turn; `chat` undefined opens one. */
  turn(turn?: TurnOptions): Promise<TurnResult>;
}

export interface TurnOptions {
  readonly text?: string;
  readonly model?: string;
  readonly chat?: UpstreamChat;
  readonly signal?: AbortSignal;
  /** Called with each batch as it comes. */
  readonly seen?: (events: readonly UpstreamEvent[]) => void;
}

export interface TurnResult {
  readonly text: string;
  readonly thinking: string;
  readonly events: readonly UpstreamEvent[];
  readonly failure: GatewayError | undefined;
  readonly chat: UpstreamChat;
}

export interface DeskOptions extends CtoSimOptions {
  readonly provider?: CtoOptions;
  /** How far the service's clock is ahead of ours, ms. */
  readonly skewMs?: number;
}

export async function openDesk(options: DeskOptions = {}): Promise<Desk> {
  const clock = new VirtualClock();
  const sim = await startCtoSim({ now: () => clock.now() + (options.skewMs ?? 0), ...options });
  const addresses = { clerkUrl: sim.url, apiUrl: sim.url, socketUrl: sim.url.replace("http", "ws") };
  const create = () => createCto({ ...addresses, ...options.provider });
  const diary: string[] = [];
  const logged: string[] = [];
  const seats = new Map<string, Seat>();
  let provider = create();

  const note = (event: string, fields: object = {}) => void logged.push(`${event} ${JSON.stringify(fields)}`);
  const log: Log = { debug: note, info: note, warn: note, error: note, with: () => log };
  const upstreamFetch = createUpstreamFetch({ clock: systemClock, connectMs: 10_000 });
  const fetchUpstream: UpstreamFetch = (url, { signal, ...init }) => {
    const cookie = /__client=([^;]*)/.exec(init.headers?.["cookie"] ?? "")?.[1];
    if (cookie) diary.push(`call ${generationOf(cookie)}`);
    return upstreamFetch(url, { ...init, signal });
  };

  const seatOf = (name: string): Seat => {
    const seat: Seat = {
      credential: { client: sim.account(name).client },
      memory: undefined,
      store: async () => {},
      context(signal = new AbortController().signal) {
        return {
          account: {
            id: `acc_${name}`,
            label: name,
            credential: seat.credential,
            memory: seat.memory,
            userAgent: "Mozilla/5.0 (Test)",
          },
          fetch: fetchUpstream,
          clock,
          signal,
          log,
          async save(credential) {
            diary.push(`save begins ${generationOf(credential.client)}`);
            await new Promise<void>((resolve) => setImmediate(resolve));
            await seat.store(credential);
            seat.credential = credential;
            diary.push(`save ends ${generationOf(credential.client)}`);
          },
          renew: () => Promise.reject(new Error("cto.new accounts are not renewed by the pool")),
          remember(memory) {
            seat.memory = JSON.parse(JSON.stringify(memory));
          },
        };
      },
      async turn({ text = "Hi", model = "ClaudeSonnet4_5", chat, signal, seen } = {}) {
        const events: UpstreamEvent[] = [];
        const context = seat.context(signal);
        let held = chat ?? { id: "", continued: false };
        let failure: GatewayError | undefined;
        try {
          if (!chat) held = { id: (await provider.chats?.open(context, model)) ?? "", continued: false };
          const messages = [{ role: "user" as const, parts: [{ type: "text" as const, text }] }];
          for await (const batch of provider.chat(request({ messages }), { ...context, model, chat: held })) {
            events.push(...batch);
            seen?.(batch);
          }
        } catch (error) {
          failure = toGatewayError(error);
          if (failure.kind === "internal") throw error;
        }
        const textOf = (type: UpstreamEvent["type"]) =>
          events.map((event) => (event.type === type && "text" in event ? event.text : "")).join("");
        return {
          text: textOf("text-delta"),
          thinking: textOf("reasoning-delta"),
          events,
          failure,
          chat: { id: held.id, continued: true },
        };
      },
    };
    return seat;
  };

  return {
    sim,
    clock,
    get provider() {
      return provider;
    },
    diary,
    logged,
    account(name = "ann") {
      const seat = seats.get(name) ?? seatOf(name);
      seats.set(name, seat);
      return seat;
    },
    restart() {
      provider = create();
    },
    stop: () => sim.stop(),
  };
}

function generationOf(cookie: string): string {
  const payload = Buffer.from(cookie.split(".")[1] ?? "e30", "base64url").toString();
  return String((JSON.parse(payload) as { rotating_token?: string }).rotating_token);
}
