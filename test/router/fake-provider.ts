import type { Capabilities } from "../../src/chat/capabilities.ts";
import type { FailureDetails, FailureKind } from "../../src/chat/error.ts";
import { GatewayError } from "../../src/chat/error.ts";
import type { UpstreamEvent } from "../../src/chat/event.ts";
import type { ChatRequest } from "../../src/chat/request.ts";
import type { AccountContext, Provider, TurnContext } from "../../src/providers/provider.ts";

export type Batches = AsyncIterable<readonly UpstreamEvent[]>;
export type Behaviour = (context: TurnContext<string>, request: ChatRequest) => Batches;

export const END: UpstreamEvent = { type: "end", reason: "stop", usage: undefined };
export const text = (words: string): UpstreamEvent => ({ type: "text-delta", text: words });

/** A turn that yields exactly these batches. */
export function says(...batches: UpstreamEvent[][]): Behaviour {
  return async function* () {
    yield* batches;
  };
}

/** A turn that fails after these batches. */
export function fails(kind: FailureKind, details: FailureDetails = {}, ...batches: UpstreamEvent[][]): Behaviour {
  return async function* () {
    yield* batches;
    throw new GatewayError(kind, `It failed: ${kind}.`, details);
  };
}

/** A turn that is silent after these batches, until its signal aborts; a deaf one does not even notice that. */
export function hangs(batches: UpstreamEvent[][] = [], options: { deaf?: boolean } = {}): Behaviour {
  return async function* ({ signal }) {
    yield* batches;
    await new Promise((_, reject) => {
      if (!options.deaf) signal.addEventListener("abort", () => reject(signal.reason));
    });
  };
}

/**
 * A provider whose accounts are words and whose turns a test scripts: `next("a", …)` for the next turns of account a,
 * else it says hello. It remembers who was asked, and which turns were aborted.
 */
export class FakeProvider implements Provider<string> {
  readonly name: string;
  readonly title: string;
  capabilities: Capabilities = {
    history: "messages",
    tools: true,
    images: "any",
    stop: true,
    maxOutputTokens: true,
    responseFormat: true,
  };
  readonly credential = {
    parse: (words: string) => words.split(","),
    restore: (stored: unknown): string => String(stored),
    identity: (credential: string) => credential.split(":")[0] ?? "",
    hint: (credential: string) => `…${credential.slice(-1)}`,
    help: { en: "", zh: "" },
  };
  readonly models;
  readonly asked: string[] = [];
  readonly aborted: string[] = [];
  firstEvent = 60_000;
  readonly #next = new Map<string, Behaviour[]>();
  readonly #always = new Map<string, Behaviour>();
  chats?: Provider<string>["chats"] & object;
  refresh?: Provider<string>["refresh"] & object;
  probe?: (context: AccountContext<string>) => Promise<object>;
  serviceOf?: (credential: string) => string;

  constructor(name = "fake", models: string[] = ["model"]) {
    this.name = name;
    this.title = name[0]?.toUpperCase() + name.slice(1);
    this.models = models.map((id) => ({ id, created: 1, ownedBy: name }));
  }

  match(name: string): string | undefined {
    return this.models.some(({ id }) => id === name) ? name : undefined;
  }

  firstEventMs(): number {
    return this.firstEvent;
  }

  next(account: string, ...behaviours: Behaviour[]): this {
    this.#next.set(account, [...(this.#next.get(account) ?? []), ...behaviours]);
    return this;
  }

  always(account: string, behaviour: Behaviour): this {
    this.#always.set(account, behaviour);
    return this;
  }

  chat(request: ChatRequest, context: TurnContext<string>): Batches {
    const { credential } = context.account;
    const account = this.credential.identity(credential);
    this.asked.push(account);
    context.signal.addEventListener("abort", () => this.aborted.push(account));
    const behaviour =
      this.#next.get(account)?.shift() ?? this.#always.get(account) ?? says([text(`hello from ${credential}`)], [END]);
    return behaviour(context, request);
  }
}
