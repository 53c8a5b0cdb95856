/** A LangFast simulator, the provider pointed at it, and contexts whose `renew` really renews, once for all callers. */
import type { ChatRequest } from "../../../src/chat/request.ts";
import {
  createLangfast,
  type LangfastCredential,
  type LangfastOptions,
} from "../../../src/providers/langfast/index.ts";
import type { ServiceContext, TurnContext } from "../../../src/providers/provider.ts";
import { startLangfastSim, type LangfastSimOptions } from "../../sims/langfast.ts";
import { VirtualClock } from "../../virtual-clock.ts";
import { chatRequest, listen, testContext, type TestContext, type Told } from "../context.ts";

export interface DeskOptions extends LangfastSimOptions {
  readonly provider?: Partial<LangfastOptions>;
  /** The same as an object that a test changes later. */
  readonly settings?: Partial<LangfastOptions>;
}

export async function openDesk(options: DeskOptions = {}) {
  const clock = new VirtualClock();
  const sim = await startLangfastSim({ now: () => clock.now(), ...options });
  const given = { url: sim.url, anonKey: sim.anonKey, socketUrl: sim.socketUrl, ...options.provider };
  const provider = createLangfast(
    options.settings ? Object.assign(options.settings, { ...given, ...options.settings }) : given,
  );
  const service = (signal = new AbortController().signal): ServiceContext => testContext(undefined, { clock, signal });

  /** A stored account: what is renewed or remembered holds for each later context. */
  const accountOf = (credential: LangfastCredential, id = "acc_1") => {
    const kept = { credential, memory: undefined as unknown };
    let running: Promise<LangfastCredential> | undefined;
    const context = (signal = new AbortController().signal): TestContext<LangfastCredential> => {
      const base = testContext(kept.credential, { clock, signal, memory: kept.memory });
      const account = { ...base.account, id };
      const means = {
        ...base,
        account,
        remember: (memory: unknown) => void (kept.memory = memory),
        async renew(stale: LangfastCredential): Promise<LangfastCredential> {
          if (kept.credential.accessToken !== stale.accessToken) return kept.credential;
          running ??= renewOnce().finally(() => (running = undefined));
          return running;
        },
      };
      return { ...means, turn: (model) => ({ ...means, model }) };
    };
    const renewOnce = async (): Promise<LangfastCredential> => {
      const base = testContext(kept.credential, { clock });
      const fresh = await provider.refresh?.run(base);
      if (!fresh) throw new Error("LangFast renews");
      kept.credential = fresh;
      return fresh;
    };
    const turn = (model = "gpt-4o", signal?: AbortSignal): TurnContext<LangfastCredential> =>
      context(signal).turn(model);
    const ask = (text = "Hi", over: Partial<ChatRequest> = {}, model?: string, signal?: AbortSignal): Promise<Told> =>
      listen(provider.chat(chatRequest(text, over), turn(model, signal)));
    /** Runs that the provider knows to have begun. */
    const runs = (): number => (kept.memory as { runs?: number } | undefined)?.runs ?? 0;
    return { kept, context, turn, ask, runs };
  };

  const paste = (text: string): LangfastCredential => {
    const [credential] = provider.credential?.parse(text) ?? [];
    if (!credential) throw new Error("nothing was read");
    return credential;
  };
  return {
    clock,
    sim,
    provider,
    service,
    accountOf,
    paste,
    /** An account of the user's own, signed in. */
    own: (id?: string) => accountOf(paste(JSON.stringify(sim.auth.session())), id),
    guest: async (id?: string) => {
      const credential = await provider.guests?.create(service());
      if (!credential) throw new Error("LangFast has guests");
      return accountOf(credential, id);
    },
    [Symbol.asyncDispose]: () => sim.stop(),
  };
}

/** Resolves once `holds`, or after some seconds throws: for what real sockets do in their own time. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 5000;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`never came: ${what}`);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
