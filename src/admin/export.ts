import { GatewayError } from "../chat/error.ts";
import type { Clock } from "../lib/clock.ts";
import type { Pool } from "../pool/pool.ts";
import type { SettingView } from "./admin.ts";
import { type ClearExport, clearExport, type ExportedAccount, type SealedExport, sealExport } from "./export-file.ts";

export interface ExportOptions {
  /** Seals the file; needed unless `clear` is true. */
  readonly passphrase?: string;
  /** Every credential readable to whoever opens the file. */
  readonly clear?: boolean;
  /** The accounts of this provider alone. */
  readonly provider?: string;
  /** Also what the console saved. */
  readonly settings?: boolean;
}

export interface ExportResult {
  readonly document: ClearExport | SealedExport;
  /** How many accounts are in it. */
  readonly accounts: number;
  /** Sentences about accounts that are not. */
  readonly leftOut: readonly string[];
}

export interface ExportDeps {
  readonly pool: Pool;
  readonly settings: () => readonly SettingView[];
  readonly clock: Clock;
}

/** Writes accounts, with what a person set for them, into one document that `import` takes back. */
export function exportOperation({ pool, settings, clock }: ExportDeps) {
  return async (options: ExportOptions): Promise<ExportResult> => {
    const { passphrase = "", clear = false, provider } = options;
    if (!clear && passphrase === "") {
      throw new GatewayError("invalid-request", "Give a passphrase, or ask for the export in clear.", {
        field: "passphrase",
      });
    }
    if (provider !== undefined) pool.provider(provider);
    const chosen = pool.all().filter((account) => provider === undefined || account.provider.name === provider);
    const guests = chosen.filter(({ source }) => source === "guest");
    const lost = chosen.filter(({ credential, source }) => source !== "guest" && credential === undefined);
    const accounts = chosen
      .filter((account) => !guests.includes(account) && !lost.includes(account))
      .toSorted((one, other) => one.createdAt - other.createdAt)
      .map(({ provider: { name }, credential, settings: { label, priority, ...rest }, state }): ExportedAccount => {
        const set = Object.entries(rest).filter(([, value]) => value !== undefined);
        const carried = { label, ...(priority === 0 ? {} : { priority }), ...Object.fromEntries(set) };
        return { provider: name, credential, settings: carried, disabled: state === "disabled_by_user" };
      });
    const saved = settings().filter(({ source }) => source === "console");
    const document = clearExport(
      clock.now(),
      accounts,
      options.settings === true ? Object.fromEntries(saved.map(({ name, value }) => [name, value])) : undefined,
    );
    return {
      document: clear ? document : await sealExport(document, passphrase),
      accounts: accounts.length,
      leftOut: [
        ...(guests.length > 0 ? [`${guests.length} guest sessions are left out: the gateway makes its own.`] : []),
        ...lost.map(({ label }) => `${label} is left out: its stored credential cannot be read.`),
      ],
    };
  };
}
