import { toGatewayError } from "../chat/error.ts";
import { textOf, type ChatRequest } from "../chat/request.ts";
import { collect } from "../chat/collect.ts";
import type { Clock } from "../lib/clock.ts";
import { newId } from "../lib/id.ts";
import type { Account } from "../pool/account.ts";
import type { Pool } from "../pool/pool.ts";
import type { UsageSync } from "../pool/usage-sync.ts";
import type { Router } from "../router/run.ts";
import { settingsOf } from "./account-settings.ts";
import type { AccountChanges, AccountView, Admin } from "./admin.ts";
import { admission } from "./admission.ts";
import { deadline } from "./deadline.ts";

export interface AccountOperationsDeps {
  readonly pool: Pool;
  readonly router: Router;
  readonly usage: UsageSync;
  readonly clock: Clock;
}

/** How long the test of an account may take in all. */
const TEST_MS = 15_000;
const SHOWN_ANSWER_CHARS = 200;
/** How services name their small models. */
const SMALL = /haiku|mini|nano|flash|lite/i;

export function accountOperations({ pool, router, usage, clock }: AccountOperationsDeps): Admin["accounts"] {
  const configure = async (id: string, changes: AccountChanges): Promise<AccountView> => {
    const label = changes.label === null ? { label: pool.roster.usualLabel(id) } : {};
    await pool.roster.configure(id, { ...settingsOf(changes), ...label });
    return pool.view(id);
  };

  return {
    ...admission({ pool, usage, clock }),

    async list() {
      return pool.views();
    },

    async test(id) {
      const account = pool.find(id);
      const { provider } = account;
      const model = testModel(account);
      const startedAt = clock.monotonic();
      const took = () => Math.round(clock.monotonic() - startedAt);
      try {
        const { stream } = await router.run(testRequest(clock, model), {
          signal: deadline(clock, TEST_MS),
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
