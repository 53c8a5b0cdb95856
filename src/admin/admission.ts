import { GatewayError, toGatewayError, type FailureKind } from "../chat/error.ts";
import type { Clock } from "../lib/clock.ts";
import { othersTurn } from "../lib/others-turn.ts";
import type { Account } from "../pool/account.ts";
import type { Checked, Pool } from "../pool/pool.ts";
import type { UsageSync } from "../pool/usage-sync.ts";
import type { Provider } from "../providers/provider.ts";
import type { Admin, AdmittedAccount, RefusedLogin } from "./admin.ts";
import { deadline } from "./deadline.ts";
import { optionalLabel } from "./names.ts";
import { readPaste } from "./paste.ts";

export interface AdmissionDeps {
  readonly pool: Pool;
  readonly usage: UsageSync;
  readonly clock: Clock;
}

/** What the check of a credential came to: the upstream took it, refused it, or did not say. */
type Verdict = Checked | { readonly refused: string } | { readonly unchecked: string };

/** The upstream itself says that this credential is no good; anything else may pass. */
const REFUSALS = new Set<FailureKind>(["auth-rejected", "suspended"]);

const CHECK_MS = 15_000;
/** How long adding an account waits for its list of models. */
const MODELS_MS = 5_000;

/** What a person has looked after, and what the check speaks for: a rate limit or a used-up allowance goes on. */
const isMended = ({ state, health }: Account): boolean =>
  state === "needs_login" || state === "disabled_auto" || (state === "cooling" && health.reasonKind === "challenge");

/** How pasted credentials become accounts: each is checked at its service first, and one that is no good stays out. */
export function admission({ pool, usage, clock }: AdmissionDeps): Pick<Admin["accounts"], "add" | "renew"> {
  const check = async (provider: Provider, credential: unknown, renewed?: string): Promise<Verdict> => {
    try {
      return await pool.check(provider.name, credential, deadline(clock, CHECK_MS), renewed);
    } catch (thrown) {
      const { kind, message } = toGatewayError(thrown);
      return REFUSALS.has(kind) ? { refused: message } : { unchecked: message };
    }
  };

  const introduce = (account: Account, { memory, probe }: Checked): void => {
    if (memory !== undefined) pool.books.setMemory(account, memory);
    pool.books.told(account, probe);
  };

  const askForModels = async (account: Account): Promise<void> => {
    const asked = usage.introduce(account).catch(() => undefined); // the timer asks again, and logs what is wrong
    await Promise.race([asked, new Promise<void>((resolve) => clock.after(MODELS_MS, resolve))]);
  };

  const view = ({ id }: Account, unchecked: string | undefined): AdmittedAccount => ({
    ...pool.view(id),
    ...(unchecked === undefined ? {} : { unchecked }),
  });

  return {
    async add(name, text, options = {}) {
      const provider = pool.provider(name);
      const label = optionalLabel(options.label);
      const pasted = readPaste(provider, text);
      const refused: RefusedLogin[] = pasted.refused.map((each) => ({ hint: `line ${each.line}`, ...each }));
      const unchecked = new Map<Account, string>();
      const all = { added: [] as Account[], known: [] as Account[] };
      for (const { credential, line } of pasted.credentials) {
        const verdict = options.check === false ? undefined : await check(provider, credential);
        if (verdict && "refused" in verdict) {
          const hint = provider.credential?.hint(credential) ?? "";
          refused.push({ hint, ...(line === undefined ? {} : { line }), reason: verdict.refused });
          continue;
        }
        const checked = verdict && "probe" in verdict ? verdict : undefined;
        const { added, known } = await pool.roster.add(name, [checked?.credential ?? credential], label);
        if (checked) for (const account of added) introduce(account, checked);
        if (checked) for (const account of known) if (isMended(account)) await pool.roster.reset(account.id);
        if (verdict && "unchecked" in verdict)
          for (const account of [...added, ...known]) unchecked.set(account, verdict.unchecked);
        await othersTurn();
        all.added.push(...added);
        all.known.push(...known);
      }
      const [first, ...others] = refused;
      if (first && others.length === 0 && all.added.length + all.known.length === 0) {
        throw new GatewayError("invalid-request", first.reason, { field: "credential" });
      }
      // Without its models a service of the user's own could not be asked for anything.
      if (options.check !== false) await Promise.all(all.added.map(askForModels));
      return {
        added: all.added.map((account) => view(account, unchecked.get(account))),
        known: all.known.map((account) => view(account, unchecked.get(account))),
        refused: refused.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0)),
      };
    },

    async renew(id, text) {
      const { provider } = pool.find(id);
      const { credentials, refused } = readPaste(provider, text);
      const [only] = credentials;
      if (!only || credentials.length + refused.length > 1) {
        throw new GatewayError("invalid-request", "This text holds several accounts; paste one.", {
          field: "credential",
        });
      }
      const verdict = await check(provider, only.credential, id);
      if ("refused" in verdict) throw new GatewayError("invalid-request", verdict.refused, { field: "credential" });
      const checked = "probe" in verdict ? verdict : undefined;
      const account = await pool.roster.renew(id, checked?.credential ?? only.credential);
      if (checked) {
        introduce(account, checked);
        await askForModels(account); // the new login may have another plan
      }
      return view(account, "unchecked" in verdict ? verdict.unchecked : undefined);
    },
  };
}
