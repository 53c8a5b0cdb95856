/** Turns of new accounts at an OpenAI sim. */
import type { ChatRequest } from "../../../src/chat/request.ts";
import type { ServiceLogin } from "../../../src/lib/service-login.ts";
import { createOpenaiCompatible } from "../../../src/providers/openai-compatible/index.ts";
import type { Behaviour, ServiceSim } from "../../sims/openai.ts";
import { chatRequest, listen, testContext, type TestContextOptions, type Told } from "../context.ts";

let accounts = 0;

export function loginAt(sim: ServiceSim, over: Partial<ServiceLogin> = {}): ServiceLogin {
  return { name: "Test", baseUrl: `${sim.url}/v1`, apiKey: `key-${accounts++}`, allowPrivate: true, ...over };
}

export interface Ask extends TestContextOptions {
  readonly model?: string;
  readonly request?: Partial<ChatRequest>;
  readonly login?: Partial<ServiceLogin>;
}

export interface Asked extends Told {
  /** The bodies that arrived. */
  readonly bodies: readonly Readonly<Record<string, unknown>>[];
  readonly remembered: readonly unknown[];
}

/** One turn of a new account that meets `behaviours`, one for each time it asks. */
export async function ask(sim: ServiceSim, behaviours: Behaviour | Behaviour[], options: Ask = {}): Promise<Asked> {
  const login = loginAt(sim, options.login);
  const account = sim.account(login.apiKey);
  account.next(...[behaviours].flat());
  const context = testContext(login, options);
  const provider = createOpenaiCompatible();
  const turn = provider.chat(chatRequest("hi", options.request), context.turn(options.model ?? "gpt-4o"));
  const told = await listen(turn);
  await context.clock.advance(5000);
  return { ...told, bodies: account.turns.map(({ body }) => body), remembered: context.remembered };
}
