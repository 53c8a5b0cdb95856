import { isObject, parseJson } from "../../lib/json.ts";
import { type Fields, isOn, textAt, valueAt } from "./documents.ts";
import type { AccountChanges } from "../admin.ts";
import { type ImportFile, type ImportItem, placeOf, type Predecessor, type Reading, type Refusal } from "./reading.ts";

/**
 * Reads the JSON in which tools keep logins: the token files of Kiro's programs with their registration, kiro.rs,
 * OctoProxy's export, CLIProxyAPI, AIClient-2-API, account managers, LangFast sessions and services by address and key;
 * alone, in arrays and in wrappers. Each entry stands for itself, so that a bad one takes no other with it. Undefined
 * when there is no login in it.
 *
 * @param others the files that lie beside it
 */
export function readLogins(
  file: ImportFile,
  documents: readonly unknown[],
  others: readonly ImportFile[],
): Reading | undefined {
  const entries = documents.flatMap(entriesOf);
  if (!entries.some(isLogin)) return undefined;
  const registrations = entries.filter(isRegistration);
  const candidates = entries.filter((entry) => !isRegistration(entry));
  // Two logins beside one registration could be two users': only a single one surely belongs to it.
  const registration = candidates.length === 1 && registrations.length === 1 ? registrations[0] : undefined;
  const items: ImportItem[] = [];
  const refused: Refusal[] = [];
  candidates.forEach((entry, index) => {
    const from = candidates.length === 1 ? file.path : `${file.path}, entry ${index + 1}`;
    const provider = providerOf(entry);
    if ("reason" in provider) {
      refused.push({ from, reason: provider.reason });
      return;
    }
    items.push({
      kind: "account",
      from,
      provider: provider.name,
      text: textFor(entry, registration, file, others),
      settings: carriedBy(entry),
      disabled: isOn(valueAt(entry, "isDisabled", "disabled")),
    });
  });
  return { items, refused, notes: [], predecessors: [predecessorOf(documents, candidates)] };
}

/** The rows of kiro-cli's table `auth_kv`: a social login, a device login with its registration, a tenant's own. */
export function readKiroCliRows(path: string, rows: readonly Fields[]): Reading {
  const values = new Map(rows.map((row) => [String(row["key"]), row["value"]]));
  const groups = [
    ["kirocli:social:token"],
    ["kirocli:odic:token", "kirocli:odic:device-registration"], // spelt so by kiro-cli
    ["kirocli:external-idp:token"],
  ];
  const items = groups.flatMap((keys): ImportItem[] => {
    const [first = ""] = keys;
    if (!values.has(first)) return [];
    const text = JSON.stringify(
      Object.fromEntries(keys.filter((key) => values.has(key)).map((key) => [key, values.get(key)])),
    );
    return [{ kind: "account", from: `${path}, ${first}`, provider: "kiro", text, settings: {}, disabled: false }];
  });
  const refused =
    items.length > 0 ? [] : [{ from: path, reason: "kiro-cli is not signed in: its database holds no token." }];
  return { items, refused, notes: [], predecessors: ["Kiro"] };
}

/** Whether a document is a client's registration at AWS alone: its token stands in the file beside it. */
export function isRegistration(entry: unknown): boolean {
  return isObject(entry) && !isLogin(entry) && !!textAt(entry, "clientId") && !!textAt(entry, "clientSecret");
}

/** The objects that may be a login, out of arrays and the wrappers of other tools. */
function entriesOf(document: unknown): Fields[] {
  if (Array.isArray(document)) return document.flatMap(entriesOf);
  if (!isObject(document)) return [];
  for (const wrapper of ["accounts", "providers", "data"]) {
    const inner = document[wrapper];
    if (Array.isArray(inner)) return inner.flatMap(entriesOf);
  }
  const { credentials, ...outer } = document;
  if (Array.isArray(credentials)) return credentials.flatMap(entriesOf);
  // OctoProxy keeps an account's credentials as a text of JSON inside JSON.
  const inner = typeof credentials === "string" ? parseJson(credentials) : { ok: true as const, value: credentials };
  if (!inner.ok || !isObject(inner.value)) return [document];
  const email = textAt(outer, "accountEmail");
  return [{ ...(email === undefined ? {} : { email }), ...outer, ...inner.value }];
}

function isLogin(entry: Fields): boolean {
  if (textAt(entry, "refreshToken", "kiroApiKey") !== undefined) return true;
  if (textAt(entry, "baseUrl") !== undefined && textAt(entry, "apiKey") !== undefined) return true;
  return textAt(entry, "accessToken") !== undefined && textAt(entry, "authMethod", "profileArn") !== undefined;
}

/** Kinds of login that CLIProxyAPI and others write into `type` and that mean Kiro. */
const KIRO_KINDS = ["kiro", "claude-kiro-oauth", "codewhisperer", "amazonq", "social", "idc", "builder-id"];

function providerOf(entry: Fields): { name: string } | { reason: string } {
  const kind = textAt(entry, "providerType", "type")?.toLowerCase();
  if (textAt(entry, "baseUrl") !== undefined && textAt(entry, "refreshToken") === undefined) {
    return { name: kind === "anthropic" || kind === "claude" ? "anthropic" : "openai-compatible" };
  }
  if (kind !== undefined && !KIRO_KINDS.includes(kind) && /^[a-z-]+$/.test(kind) && !isKiro(entry)) {
    return { reason: `This is a login for ${kind.slice(0, 40)}, a service that Sluice does not serve with logins.` };
  }
  const isSession = isObject(entry["user"]) || textAt(entry, "tokenType")?.toLowerCase() === "bearer";
  return { name: isSession && !isKiro(entry) ? "langfast" : "kiro" };
}

function isKiro(entry: Fields): boolean {
  const marks = ["profileArn", "authMethod", "clientIdHash", "kiroApiKey", "startUrl", "idcRegion", "machineId"];
  return textAt(entry, ...marks) !== undefined;
}

/** A text that the provider's own reader understands: the entry, with the registration that belongs to it. */
function textFor(
  entry: Fields,
  registration: Fields | undefined,
  file: ImportFile,
  others: readonly ImportFile[],
): string {
  if (registration) return JSON.stringify([registration, entry]);
  const hash = textAt(entry, "clientIdHash");
  const { folder, name } = placeOf(file.path);
  const beside = hash === undefined ? undefined : others.find(({ path }) => path === `${folder}${hash}.json`)?.text;
  if (beside === undefined || textAt(entry, "clientId") !== undefined) return JSON.stringify(entry);
  return JSON.stringify({
    [name.endsWith(".json") ? name : `${name}.json`]: JSON.stringify(entry),
    [`${hash}.json`]: beside,
  });
}

const MOST_LABEL_CHARS = 80;

/** What a person set for the account there, as far as it has a counterpart. */
function carriedBy(entry: Fields): AccountChanges {
  const label = textAt(entry, "name", "nickname", "label", "email", "accountEmail")?.slice(0, MOST_LABEL_CHARS);
  const priority = valueAt(entry, "priority");
  const models = namesIn(valueAt(entry, "allowedModels"));
  const proxy = proxyOf(entry);
  return {
    ...(label === undefined ? {} : { label }),
    ...(typeof priority === "number" ? { priority } : {}),
    ...(models === undefined ? {} : { models }),
    ...(proxy === undefined ? {} : { proxy }),
  };
}

/** Model names as a list, or as the text of one in a database. */
function namesIn(value: unknown): string[] | undefined {
  const parsed = typeof value === "string" ? parseJson(value) : { ok: true as const, value };
  if (!parsed.ok || !Array.isArray(parsed.value)) return undefined;
  const names = parsed.value.filter((name): name is string => typeof name === "string" && name.trim() !== "");
  return names.length > 0 ? names : undefined;
}

function proxyOf(entry: Fields): string | undefined {
  const address = textAt(entry, "proxyUrl", "proxy");
  if (address === undefined || address.toLowerCase() === "direct") return undefined;
  const url = URL.parse(address);
  const name = textAt(entry, "proxyUsername");
  if (!url || url.username || name === undefined) return address;
  url.username = encodeURIComponent(name);
  url.password = encodeURIComponent(textAt(entry, "proxyPassword") ?? "");
  return url.href.replace(/\/$/, "");
}

function predecessorOf(documents: readonly unknown[], entries: readonly Fields[]): Predecessor {
  const has = (...names: string[]) => entries.some((entry) => valueAt(entry, ...names) !== undefined);
  if (documents.some((document) => isObject(document) && Array.isArray(document["providers"]))) return "OctoProxy";
  if (has("providerType", "checkHealth")) return "OctoProxy";
  if (entries.some((entry) => entry["type"] === "kiro")) return "CLIProxyAPI";
  if (has("authRegion", "apiRegion", "priority", "kiroApiKey")) return "kiro.rs";
  if (has("idcRegion")) return "AIClient-2-API";
  return "Kiro";
}
