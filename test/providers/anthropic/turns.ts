/** Turns of new accounts at an Anthropic sim. */
import type { ChatRequest } from "../../../src/chat/request.ts";
import type { ServiceLogin } from "../../../src/lib/service-login.ts";
import { createAnthropic } from "../../../src/providers/anthropic/index.ts";
import type { Behaviour, Json, ServiceSim } from "../../sims/anthropic.ts";
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
  readonly bodies: readonly Json[];
  readonly headers: readonly Readonly<Record<string, string>>[];
  readonly remembered: readonly unknown[];
}

/** One turn of a new account that meets `behaviours`, one for each time it asks. */
export async function ask(sim: ServiceSim, behaviours: Behaviour | Behaviour[], options: Ask = {}): Promise<Asked> {
  const login = loginAt(sim, options.login);
  const account = sim.account(login.apiKey);
  account.next(...[behaviours].flat());
  const context = testContext(login, options);
  const turn = createAnthropic().chat(
    chatRequest("hi", options.request),
    context.turn(options.model ?? "claude-sonnet-4-5"),
  );
  const told = await listen(turn);
  await context.clock.advance(5000);
  const { turns } = account;
  return {
    ...told,
    bodies: turns.map(({ body }) => body),
    headers: turns.map(({ headers }) => headers),
    remembered: context.remembered,
  };
}
