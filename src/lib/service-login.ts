/** A login at a service of the user's own choosing: its address and a key. Shared by the providers for such services. */
import { isObject, parseJson } from "./json.ts";
import { literalKind } from "./public-address.ts";

/** A model as clients name it, and as the service does. */
export interface ServiceModel {
  readonly id: string;
  readonly upstream: string;
}

export interface ServiceLogin {
  /** The user's name for the service; for texts. */
  readonly name: string;
  /** Normal form: no trailing slash, ends in the version (`https://api.example.com/v1`). */
  readonly baseUrl: string;
  /** "" for a service of one's own that wants none. */
  readonly apiKey: string;
  /** What it serves, in place of the list that it gives itself. */
  readonly models?: readonly ServiceModel[];
  /** Lower is tried first. */
  readonly priority?: number;
  /** It may stand on this machine or in a private network, and there without TLS. */
  readonly allowPrivate?: boolean;
}

/** What is wrong with a login. `message` names the field and never repeats the key. */
export class ServiceLoginRefused extends Error {
  override readonly name = "ServiceLoginRefused";
}

/** How a kind of service lays out its addresses. */
export interface BaseRules {
  /** The paths below the base that people paste with it: `/chat/completions`. */
  readonly endpoints: readonly string[];
  /** The path of this format on hosts that do not serve it at the root, without the version. */
  readonly pathOn: Readonly<Record<string, string>>;
}

const MOST_MODELS = 2000;
const LONGEST_NAME = 200;

/**
 * Reads one login or an array of them from JSON.
 * @throws ServiceLoginRefused
 */
export function parseServiceLogins(text: string, rules: BaseRules): ServiceLogin[] {
  const parsed = parseJson(text.trim());
  if (!parsed.ok) throw new ServiceLoginRefused("This is not JSON.");
  const list: readonly unknown[] = Array.isArray(parsed.value) ? parsed.value : [parsed.value];
  if (list.length === 0) throw new ServiceLoginRefused("The list is empty.");
  return list.map((entry, index) => readLogin(entry, rules, list.length > 1 ? `Entry ${index + 1}: ` : ""));
}

/** Narrows a stored login. @throws ServiceLoginRefused */
export function restoreServiceLogin(stored: unknown, rules: BaseRules): ServiceLogin {
  return readLogin(stored, rules, "");
}

/** What makes two logins the same account. */
export function serviceIdentity({ baseUrl, apiKey }: ServiceLogin): string {
  return `${baseUrl} ${apiKey}`;
}

/** A form that is safe to show: the host and the key's last characters. */
export function serviceHint({ baseUrl, apiKey }: ServiceLogin): string {
  const { host } = new URL(baseUrl);
  if (apiKey === "") return host;
  return `${host} ${apiKey.length < 12 ? "…" : `…${apiKey.slice(-4)}`}`;
}

/** What a login says about its account. */
export function serviceSettings({ name, priority }: ServiceLogin): { label: string; priority?: number } {
  return { label: name, ...(priority === undefined ? {} : { priority }) };
}

/** The service's name for a model that clients name `id`. */
export function upstreamModel({ models }: ServiceLogin, id: string): string {
  return models?.find((model) => model.id === id)?.upstream ?? id;
}

function readLogin(entry: unknown, rules: BaseRules, where: string): ServiceLogin {
  const refuse = (words: string) => new ServiceLoginRefused(where + words);
  if (!isObject(entry)) throw refuse("An account must be a JSON object.");
  const { name, models, priority, allowPrivate } = entry;
  const address = entry["baseUrl"] ?? entry["base_url"] ?? entry["baseURL"];
  const key = entry["apiKey"] ?? entry["api_key"] ?? "";
  if (typeof address !== "string" || address.trim() === "") throw refuse("`baseUrl` is missing.");
  if (allowPrivate !== undefined && typeof allowPrivate !== "boolean") {
    throw refuse("`allowPrivate` must be true or false.");
  }
  if (priority !== undefined && !Number.isSafeInteger(priority)) throw refuse("`priority` must be a whole number.");
  if (typeof key !== "string") throw refuse("`apiKey` must be a string.");
  const apiKey = key.trim().replace(/^(bearer\s+)+/i, "");
  if (!/^[\x21-\x7e]*$/.test(apiKey)) throw refuse("`apiKey` holds characters that a key never has.");
  if (apiKey === "" && allowPrivate !== true) throw refuse("`apiKey` is missing.");
  const base = readBase(address, allowPrivate === true, rules, refuse);
  if (name !== undefined && (typeof name !== "string" || name.trim().length > LONGEST_NAME)) {
    throw refuse(`\`name\` must be a text of at most ${LONGEST_NAME} characters.`);
  }
  const list = models === undefined || models === null ? undefined : readModels(models, refuse);
  return {
    name: name?.trim() || base.host,
    baseUrl: base.baseUrl,
    apiKey,
    ...(list && list.length > 0 ? { models: list } : {}),
    ...(typeof priority === "number" ? { priority } : {}),
    ...(allowPrivate === true ? { allowPrivate } : {}),
  };
}

type Refuse = (words: string) => ServiceLoginRefused;

function readBase(address: string, allowPrivate: boolean, rules: BaseRules, refuse: Refuse) {
  const text = address.trim();
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`);
  if (!url || !/^https?:$/.test(url.protocol)) throw refuse("`baseUrl` must be an https:// address.");
  if (url.username !== "" || url.password !== "") {
    throw refuse("`baseUrl` must not hold a user name or password: the key belongs into `apiKey`.");
  }
  if (url.search !== "" || url.hash !== "") throw refuse("`baseUrl` must end with its path: leave out `?` and `#`.");
  const kind = literalKind(url.hostname);
  if (kind === "forbidden") {
    throw refuse("`baseUrl` is a link-local, metadata or reserved address: such addresses are never called.");
  }
  if (kind === "private" && !allowPrivate) {
    throw refuse('`baseUrl` is this machine or a private network: add "allowPrivate": true if that is meant.');
  }
  if (url.protocol === "http:" && (!allowPrivate || kind === "public")) {
    throw refuse("`baseUrl` must begin with https://, or the key would cross the network in clear.");
  }
  let path = url.pathname.replace(/\/+$/, "");
  for (const endpoint of rules.endpoints) if (path.endsWith(endpoint)) path = path.slice(0, -endpoint.length);
  if (/^(\/v1)?$/.test(path)) path = rules.pathOn[url.hostname] ?? path;
  // Some services keep the version elsewhere in the path: /v1beta/openai, /api/paas/v4.
  if (!/\/v\d+[a-z0-9]*(\/|$)/i.test(path)) path += "/v1";
  return { host: url.host, baseUrl: url.origin + path };
}

function readModels(models: unknown, refuse: Refuse): ServiceModel[] {
  const words = '`models` must be a list of names, or of {"id", "upstream"}.';
  if (!Array.isArray(models) || models.length > MOST_MODELS) throw refuse(words);
  const byId = new Map<string, ServiceModel>();
  for (const model of models as unknown[]) {
    const { id, upstream } = isObject(model) ? model : { id: model };
    if (!isName(id) || (upstream !== undefined && !isName(upstream))) throw refuse(words);
    byId.set(id.trim(), { id: id.trim(), upstream: (upstream ?? id).trim() });
  }
  return [...byId.values()];
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value.trim() !== "" && value.length <= LONGEST_NAME;
}
