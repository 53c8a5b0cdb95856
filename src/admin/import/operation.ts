import { GatewayError, toGatewayError } from "../../chat/error.ts";
import type { Pool } from "../../pool/pool.ts";
import type { Account } from "../../pool/account.ts";
import type { Provider } from "../../providers/provider.ts";
import { settingsOf } from "../account-settings.ts";
import type { AccountChanges, Admin, SettingView } from "../admin.ts";
import { openExport, sealedExportIn } from "../export-file.ts";
import type { KeyRing } from "../keys.ts";
import { othersTurn } from "../../lib/others-turn.ts";
import { differencesOf, SHARED_LOGIN } from "./differences.ts";
import type { ImportFile, ImportItem, Refusal } from "./reading.ts";
import { readFiles } from "./recognise.ts";
import type { ImportLine, ImportOptions, ImportReport } from "./report.ts";
import type { EnvironmentReader } from "./variables.ts";

export interface ImportDeps {
  readonly pool: Pool;
  readonly keys: KeyRing;
  readonly settings: Admin["settings"];
  /** Why a setting may not have a value, in words; undefined when it may. */
  readonly objection: (name: string, value: string) => string | undefined;
  readonly readEnvironment: EnvironmentReader;
}

type Item<K extends ImportItem["kind"]> = Extract<ImportItem, { kind: K }>;

/** The report while it grows. */
interface Draft {
  readonly took: ImportLine[];
  readonly skipped: ImportLine[];
  readonly refused: Refusal[];
  readonly notes: string[];
  readonly dryRun: boolean;
  /** Identities that this run has met: a login that stands in two files is one. */
  readonly met: Set<string>;
  /** A login was taken that its old program may go on renewing. */
  sharesLogin: boolean;
}

/** Takes over what files hold. What is there already stays as it is, so that a second run changes nothing. */
export function importOperation(deps: ImportDeps) {
  return async ({ files, passphrase, dryRun = false }: ImportOptions): Promise<ImportReport> => {
    const draft: Draft = { took: [], skipped: [], refused: [], notes: [], dryRun, met: new Set(), sharesLogin: false };
    const reading = readFiles(await opened(files, passphrase, draft), deps.readEnvironment);
    draft.refused.push(...reading.refused);
    draft.notes.push(...reading.notes);
    for (const item of reading.items) {
      try {
        if (item.kind === "account") await takeAccount(deps.pool, item, draft);
        else if (item.kind === "key") await takeKey(deps.keys, item, draft);
        else await takeSetting(deps, item, draft);
      } catch (thrown) {
        const error = toGatewayError(thrown);
        if (error.kind === "store-unavailable" || error.kind === "internal") throw error;
        draft.refused.push({ from: item.from, reason: error.message });
      }
      await othersTurn();
    }
    const { took, skipped, refused, notes } = draft;
    return {
      dryRun,
      took,
      skipped,
      refused,
      notes: [...new Set([...notes, ...(draft.sharesLogin ? [SHARED_LOGIN] : [])])],
      differences: differencesOf(reading.predecessors),
    };
  };
}

/** The files with sealed exports in clear; one that cannot be opened is refused and left out. */
async function opened(
  files: readonly ImportFile[],
  passphrase: string | undefined,
  draft: Draft,
): Promise<ImportFile[]> {
  const clear: ImportFile[] = [];
  for (const file of files) {
    try {
      const sealed = sealedExportIn(file.text ?? "");
      if (!sealed) clear.push(file);
      else if (!passphrase) throw new GatewayError("invalid-request", "This export is sealed: give its passphrase.");
      else clear.push({ ...file, text: JSON.stringify(await openExport(sealed, passphrase)) });
    } catch (thrown) {
      draft.refused.push({ from: file.path, reason: toGatewayError(thrown).message });
    }
  }
  return clear;
}

async function takeAccount(pool: Pool, item: Item<"account">, draft: Draft): Promise<void> {
  const { from, text, settings, disabled } = item;
  const provider = pool.provider(item.provider);
  const { credential: kind } = provider;
  if (!kind) throw new GatewayError("invalid-request", `${provider.title} answers by itself and takes no accounts.`);
  const credentials = text === undefined ? [kind.restore(item.opened)] : kind.parse(text);
  if (credentials.length === 0)
    throw new GatewayError("invalid-request", `There is no ${provider.title} credential in it.`);
  const { label, ...rest } = checked(settings, from, draft);
  for (const [at, credential] of credentials.entries()) {
    if (at > 0) await othersTurn();
    const line = { kind: "account" as const, provider: provider.name, from };
    const known = knownAccount(pool, provider, credential);
    const identity = `${provider.name}\n${kind.identity(credential)}`;
    if (known) {
      draft.skipped.push({ ...line, name: known.label, id: known.id, reason: stays(known) });
    } else if (draft.met.has(identity)) {
      draft.skipped.push({
        ...line,
        name: label ?? kind.hint(credential),
        reason: "the same login as before in this run",
      });
    } else if (draft.dryRun) draft.took.push({ ...line, name: label ?? kind.hint(credential) });
    else {
      const { added } = await pool.roster.add(provider.name, [credential], label);
      for (const { id, label: name } of added) {
        if (Object.keys(rest).length > 0) await pool.roster.configure(id, rest);
        if (disabled) await pool.roster.disable(id);
        draft.took.push({ ...line, name, id });
      }
    }
    const isRenewed = provider.refresh?.dueAt(credential) !== undefined;
    if (!known && text !== undefined && provider.name === "kiro" && isRenewed) draft.sharesLogin = true;
    draft.met.add(identity);
  }
}

function stays({ source }: Account): string {
  return source === "environment" ? "already there, as long as the environment names it" : "already there";
}

/** By the login that it holds, or the one that it was made for. */
function knownAccount(pool: Pool, provider: Provider, credential: unknown): Account | undefined {
  const identity = provider.credential?.identity(credential);
  const { identityHash } = pool.roster.draft(provider, credential);
  return pool.all().find((account) => {
    if (account.provider !== provider) return false;
    if (account.identityHash === identityHash) return true;
    return account.credential !== undefined && provider.credential?.identity(account.credential) === identity;
  });
}

/** The settings that hold here; one that does not is named, and the account comes without it. */
function checked(settings: AccountChanges, from: string, draft: Draft): ReturnType<typeof settingsOf> {
  return Object.entries(settings).reduce((good, [name, value]) => {
    try {
      return { ...good, ...settingsOf({ [name]: value }) };
    } catch (thrown) {
      draft.notes.push(`${from}: its ${name} was left out. ${toGatewayError(thrown).message}`);
      return good;
    }
  }, {});
}

async function takeKey(keys: KeyRing, { from, ...key }: Item<"key">, draft: Draft): Promise<void> {
  const line = { kind: "key" as const, name: key.name, from };
  const known = keys.known(key.hash);
  if (known) {
    const reason = known.revokedAt === undefined ? "already there" : "it was revoked here";
    draft.skipped.push({ ...line, id: known.id, reason });
  } else if (draft.met.has(key.hash)) draft.skipped.push({ ...line, reason: "the same key as before in this run" });
  else if (draft.dryRun) draft.took.push(line);
  else draft.took.push({ ...line, id: await keys.adopt(key) });
  draft.met.add(key.hash);
}

async function takeSetting(
  { settings, objection }: ImportDeps,
  { from, name, value: given, provider }: Item<"setting">,
  draft: Draft,
): Promise<void> {
  const view = (await settings.get()).find((one) => one.name === name);
  if (!view) {
    draft.notes.push(`${from}: ${name} is read at the start; put it into the environment.`);
    return;
  }
  const value = provider === undefined ? given : forProvider(view, provider, given);
  const line = { kind: "setting" as const, name: `${name}=${value}`, from };
  if (view.value === value) {
    draft.skipped.push({ ...line, reason: "already so" });
    return;
  }
  const wrong = objection(name, value);
  if (wrong !== undefined) throw new GatewayError("invalid-request", wrong);
  if (view.source === "flag" || view.source === "environment") {
    throw new GatewayError("invalid-request", `${name} is set in the ${view.source}, which wins: change it there.`);
  }
  if (!draft.dryRun) await settings.set(name, value);
  draft.took.push(line);
}

/** A value such as `sticky,longcat:lru` with the choice of one provider put in. */
function forProvider({ value }: SettingView, provider: string, choice: string): string {
  const others = value.split(",").filter((piece) => !piece.trim().startsWith(`${provider}:`));
  return [...others, `${provider}:${choice}`].join(",");
}
