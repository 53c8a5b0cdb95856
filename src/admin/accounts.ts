import { GatewayError, toGatewayError, type FailureKind } from "../chat/error.ts";
import { textOf, type ChatRequest } from "../chat/request.ts";
import { collect } from "../chat/collect.ts";
import type { Clock } from "../lib/clock.ts";
import { newId } from "../lib/id.ts";
import { othersTurn } from "../lib/others-turn.ts";
import type { Account } from "../pool/account.ts";
import type { Checked, Pool } from "../pool/pool.ts";
import type { UsageSync } from "../pool/usage-sync.ts";
import type { Provider } from "../providers/provider.ts";
import type { Router } from "../router/run.ts";
import { settingsOf } from "./account-settings.ts";
import type { AccountChanges, AccountView, Admin } from "./admin.ts";

export interface AccountOperationsDeps {
  readonly pool: Pool;
  readonly router: Router;
  readonly usage: UsageSync;
  readonly clock: Clock;
}

/** The upstream itself says that this credential is no good; anything else may pass. */
const REFUSALS = new Set<FailureKind>(["auth-rejected", "suspended"]);

/** How long the check of a credential and the test of an account may take in all. */
const CHECK_MS = 15_000;
/** How long adding an account waits for its list of models. */
const MODELS_MS = 5_000;
const SHOWN_ANSWER_CHARS = 200;
/** How services name their small models. */
const SMALL = /haiku|mini|nano|flash|lite/i;

export function accountOperations({ pool, router, usage, clock }: AccountOperationsDeps): Admin["accounts"] {
  const credentialsOf = (provider: Provider, text: string): unknown[] => {
    if (!provider.credential) {
      throw new GatewayError("invalid-request", `${provider.title} answers by itself and takes no accounts.`, {
        field: "provider",
      });
    }
    const credentials = provider.credential.parse(text);
    if (credentials.length === 0) {
      throw new GatewayError("invalid-request", `There is no ${provider.title} credential in this text.`, {
        field: "credential",
      });
    }
    return credentials;
  };

  /** The credential as the upstream left it, or why the upstream refuses it. */
  const check = async (
    provider: Provider,
    credential: unknown,
    renewed?: string,
  ): Promise<Partial<Checked> & { reason?: string }> => {
    try {
      return await pool.check(provider.name, credential, deadline(clock, CHECK_MS), renewed);
    } catch (thrown) {
      const error = toGatewayError(thrown);
      return REFUSALS.has(error.kind) ? { reason: error.message } : { credential };
    }
  };

  const introduce = (account: Account, { memory, probe }: Partial<Checked>): void => {
    if (memory !== undefined) pool.books.setMemory(account, memory);
    if (probe) pool.books.told(account, probe);
  };

  const askForModels = async (account: Account): Promise<void> => {
    const asked = usage.introduce(account).catch(() => undefined); // the timer asks again, and logs what is wrong
    await Promise.race([asked, new Promise<void>((resolve) => clock.after(MODELS_MS, resolve))]);
  };

  const configure = async (id: string, changes: AccountChanges): Promise<AccountView> => {
    const label = changes.label === null ? { label: pool.roster.usualLabel(id) } : {};
    await pool.roster.configure(id, { ...settingsOf(changes), ...label });
    return pool.view(id);
  };

  return {
    async list() {
      return pool.views();
    },

    async add(name, text, options = {}) {
      const provider = pool.provider(name);
      const credentials = credentialsOf(provider, text);
      const admission = { added: [] as Account[], known: [] as Account[] };
      const refused: { hint: string; reason: string }[] = [];
      for (const credential of credentials) {
        const checked = options.check === false ? { credential } : await check(provider, credential);
        if (checked.reason !== undefined) {
          refused.push({ hint: hintOf(provider, credential), reason: checked.reason });
          continue;
        }
        const { added, known } = await pool.roster.add(name, [checked.credential], options.label);
        for (const account of added) introduce(account, checked);
        await othersTurn();
        admission.added.push(...added);
        admission.known.push(...known);
      }
      const { added, known } = admission;
      const [first] = refused;
      if (first && added.length + known.length === 0) {
        throw new GatewayError("invalid-request", first.reason, { field: "credential" });
      }
      // Without its models a service of the user's own could not be asked for anything.
      if (options.check !== false) await Promise.all(added.map(askForModels));
      return {
        added: added.map(({ id }) => pool.view(id)),
        known: known.map(({ id }) => pool.view(id)),
        refused,
      };
    },

    async renew(id, text) {
      const { provider } = pool.find(id);
      const [credential, ...others] = credentialsOf(provider, text);
      if (others.length > 0) {
        throw new GatewayError("invalid-request", "This text holds several accounts; paste one.", {
          field: "credential",
        });
      }
      const checked = await check(provider, credential, id);
      if (checked.reason !== undefined) {
        throw new GatewayError("invalid-request", checked.reason, { field: "credential" });
      }
      const account = await pool.roster.renew(id, checked.credential);
      introduce(account, checked);
      if (checked.probe) await askForModels(account); // the new login may have another plan
      return pool.view(id);
    },

    async test(id) {
      const account = pool.find(id);
      const { provider } = account;
      const model = testModel(account);
      const startedAt = clock.monotonic();
      const took = () => Math.round(clock.monotonic() - startedAt);
      try {
        const { stream } = await router.run(testRequest(clock, model), {
          signal: deadline(clock, CHECK_MS),
          dialect: "console",
          caller: { kind: "key", name: "test" },
          provider: provider.name,
          accountId: id,
        });
        const { parts } = await collect(stream);
        return {
          ok: true,
          model,
          durationMs: took(),
          text: textOf(parts).slice(0, SHOWN_ANSWER_CHARS),
          kind: undefined,
        };
      } catch (thrown) {
        const error = toGatewayError(thrown);
        return { ok: false, model, durationMs: took(), text: error.message, kind: error.kind };
      }
    },

    async enable(id) {
      await pool.roster.enable(id);
      return pool.view(id);
    },
    async disable(id) {
      await pool.roster.disable(id);
      return pool.view(id);
    },
    async reset(id) {
      await pool.roster.reset(id);
      return pool.view(id);
    },
    async rename(id, label) {
      return configure(id, { label });
    },
    configure,
    async sync(id) {
      await usage.sync(pool.find(id));
      return pool.view(id);
    },
    async remove(id) {
      await pool.roster.remove(id);
    },
  };
}

/** The first that it lists; of an allowance that every request costs, the one that costs least. */
function testModel({ models, provider, quota }: Account): string {
  const listed = models ?? provider.models;
  const small = quota && listed.find(({ id }) => SMALL.test(id));
  return (small ?? listed[0])?.id ?? provider.name;
}

function hintOf(provider: Provider, credential: unknown): string {
  return provider.credential?.hint(credential) ?? "";
}

function deadline(clock: Clock, ms: number): AbortSignal {
  const controller = new AbortController();
  clock.after(ms, () =>
    controller.abort(new GatewayError("upstream-timeout", `There was no complete answer within ${ms / 1000} seconds.`)),
  );
  return controller.signal;
}

/** The smallest real question there is. */
function testRequest(clock: Clock, model: string): ChatRequest {
  return {
    id: newId("req"),
    receivedAt: clock.now(),
    model,
    messages: [{ role: "user", parts: [{ type: "text", text: "Say OK." }] }],
    tools: [],
    toolChoice: { type: "auto" },
    parallelToolCalls: true,
    sampling: {},
    maxOutputTokens: 16,
    stop: [],
    reasoning: {},
    responseFormat: { type: "text" },
    stream: false,
    includeUsage: false,
  };
}
