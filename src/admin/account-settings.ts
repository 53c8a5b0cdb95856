import { GatewayError } from "../chat/error.ts";
import { readProxy } from "../lib/proxy.ts";
import type { AccountSettings } from "../store/store.ts";
import type { AccountChanges } from "./admin.ts";
import { nameOf } from "./names.ts";

const MOST_CONCURRENT = 100;
const MOST_PER_HOUR = 100_000;
const MOST_PRIORITY = 1000;
const MOST_MODELS = 500;
const LONGEST_MODEL = 200;

/**
 * What a person typed for an account, checked. What is left out stays as it is; null goes back to the default, but for
 * the label, whose default is not known here.
 * @throws GatewayError invalid-request that names the field and says what is allowed
 */
export function settingsOf(changes: AccountChanges): Partial<AccountSettings> {
  const settings: { -readonly [Name in keyof AccountSettings]?: AccountSettings[Name] } = {};
  const { label, priority, concurrency, requestsPerHour, proxy, models } = changes;
  if (typeof label === "string") settings.label = nameOf("account", "label", label);
  if (priority !== undefined) settings.priority = whole("priority", priority ?? 0, -MOST_PRIORITY, MOST_PRIORITY);
  if (concurrency !== undefined)
    settings.concurrency = concurrency === null ? undefined : whole("concurrency", concurrency, 1, MOST_CONCURRENT);
  if (requestsPerHour !== undefined)
    settings.requestsPerHour =
      requestsPerHour === null ? undefined : whole("requestsPerHour", requestsPerHour, 1, MOST_PER_HOUR);
  if (proxy !== undefined) settings.proxy = proxy === null || proxy.trim() === "" ? undefined : proxyOf(proxy);
  if (models !== undefined) settings.models = models === null ? undefined : modelsOf(models);
  return settings;
}

function whole(field: keyof AccountChanges, value: number, least: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw wrong(field, `${field} is a whole number from ${least} to ${most}.`);
}

function proxyOf(text: string): string {
  if (/^\s*socks/i.test(text)) {
    throw wrong("proxy", "SOCKS proxies do not work here: name an http:// or https:// proxy, or leave it empty.");
  }
  const proxy = readProxy(text);
  if (proxy !== undefined) return proxy;
  throw wrong("proxy", "A proxy is written http://host:port or https://name:password@host:port, without a path.");
}

/** An empty list would serve nothing: it means that all models are allowed. */
function modelsOf(models: readonly string[]): readonly string[] | undefined {
  const names = [...new Set(models.map((name) => name.trim()).filter(Boolean))];
  if (names.length > MOST_MODELS || names.some((name) => name.length > LONGEST_MODEL)) {
    throw wrong("models", `At most ${MOST_MODELS} models of at most ${LONGEST_MODEL} characters can be listed.`);
  }
  return names.length === 0 ? undefined : names;
}

function wrong(field: keyof AccountChanges, message: string): GatewayError {
  return new GatewayError("invalid-request", message, { field });
}
