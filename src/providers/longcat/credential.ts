/** A LongCat login: the `passport_token_key` cookie, in every form in which people paste it. */
import { GatewayError } from "../../chat/error.ts";
import { cookiesOfCurl } from "../../lib/curl.ts";
import { isObject } from "../../lib/json.ts";
import { pastedLines } from "../../lib/pasted-lines.ts";
import { stripEnds } from "../../lib/strip-ends.ts";
import type { CredentialKind } from "../provider.ts";

/** `cookies` are the other cookies of a pasted header, as `name=value; name=value`. */
export interface LongcatCredential {
  readonly token: string;
  readonly cookies?: string;
}

const NAME = "passport_token_key";
const TOKEN = /^[A-Za-z0-9_=-]+$/;
/** The shape that tells a LongCat value from a client key in `Authorization`. */
const CALLER_TOKEN = /^[A-Za-z0-9_=-]{80,}$/;

const help = {
  en: "Sign in at longcat.chat, open the developer tools (F12), Application, Cookies, https://longcat.chat, and copy the value of passport_token_key. A whole Cookie header, a copied cURL command or a cookie export works too.",
  zh: "登录 longcat.chat，打开开发者工具（F12）→ 应用 → Cookie → https://longcat.chat，复制 passport_token_key 的值。也可以粘贴整个 Cookie 请求头、cURL 命令或导出的 Cookie JSON。",
} as const;

export const credential: CredentialKind<LongcatCredential> = {
  parse(text) {
    const trimmed = text.trim();
    if (trimmed === "") throw refused("Nothing was pasted.");
    const found = fromJson(trimmed) ?? pastedLines(text).flatMap((line) => fromCurl(line.text) ?? fromLine(line.text));
    const byToken = new Map<string, LongcatCredential>();
    for (const one of found) if (!byToken.get(one.token)?.cookies) byToken.set(one.token, one);
    return [...byToken.values()];
  },

  restore(stored) {
    const { token, cookies } = isObject(stored) ? stored : {};
    if (typeof token !== "string" || !TOKEN.test(token)) throw refused("The stored account has no token.");
    return typeof cookies === "string" && cookies !== "" ? { token, cookies } : { token };
  },

  identity: ({ token }) => token,
  hint: ({ token }) => (token.length < 12 ? "…" : `…${token.slice(-4)}`),

  fromBearer(value) {
    const tokens = value.split(",").map((part) => unquote(part).replace(/^passport_token_key=/, ""));
    const all = tokens.every((token) => CALLER_TOKEN.test(token) && !/sk-|kp_/.test(token));
    return all ? [...new Set(tokens)].map((token) => ({ token })) : undefined;
  },

  help,
};

/** The `Cookie` header of an account. */
export function cookieHeader({ token, cookies }: LongcatCredential): string {
  return cookies ? `${cookies}; ${NAME}=${token}` : `${NAME}=${token}`;
}

/** One pasted line: a cookie header, or values separated by commas. */
function fromLine(line: string): LongcatCredential[] {
  const text = unquote(line.trim().replace(/^(-H\s+)?["']?cookie:\s*/i, ""));
  if (text === "") return [];
  if (text.includes(";")) return [fromPairs(text.split(";"))];
  return text.split(",").flatMap((part) => {
    const value = unquote(part);
    return value === "" ? [] : [fromPairs([value])];
  });
}

/** A copied cURL command; undefined for any other line. */
function fromCurl(line: string): LongcatCredential[] | undefined {
  const cookies = cookiesOfCurl(line);
  if (cookies === "") throw refused("The cURL command has no Cookie header.");
  return cookies === undefined ? undefined : [fromPairs(cookies.split(";"))];
}

/** A cookie export: a list of `{name, value}`, such a list under `cookies`, or an object of names and values. */
function fromJson(text: string): LongcatCredential[] | undefined {
  if (!/^[[{]/.test(text)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw refused("The pasted JSON is cut short or broken.", cause);
  }
  const inner: unknown = isObject(value) && Array.isArray(value["cookies"]) ? value["cookies"] : value;
  if (Array.isArray(inner)) {
    if (inner.length > 0 && inner.every((item) => typeof item === "string")) return inner.flatMap(fromLine);
    if (inner.some((item) => isObject(item) && (NAME in item || "token" in item))) {
      return inner.flatMap((item) => (isObject(item) ? [fromPairs(namesAndValues(item))] : []));
    }
    const pairs = inner.flatMap((item) => {
      if (!isObject(item) || typeof item["name"] !== "string" || typeof item["value"] !== "string") return [];
      return isForeign(item["domain"]) ? [] : [`${item["name"]}=${item["value"]}`];
    });
    // An export with several logins lists the token once for each.
    const tokens = pairs.filter((pair) => pair.startsWith(`${NAME}=`));
    return tokens.length > 1 ? tokens.map((pair) => fromPairs([pair])) : [fromPairs(pairs)];
  }
  return [fromPairs(isObject(inner) ? namesAndValues(inner) : [])];
}

function namesAndValues(record: Record<string, unknown>): string[] {
  const { token, cookies, ...rest } = record;
  const own = typeof token === "string" ? [`${NAME}=${token}`] : [];
  const others = typeof cookies === "string" ? cookies.split(";") : [];
  const named = Object.entries(rest).flatMap(([name, value]) =>
    typeof value === "string" ? [`${name}=${value}`] : [],
  );
  return [...own, ...others, ...named];
}

/** Cookies of other sites in a whole-browser export never go to LongCat. */
function isForeign(domain: unknown): boolean {
  return typeof domain === "string" && !/(^|\.)longcat\.chat$/i.test(domain);
}

/** The token among `name=value` pairs, or a bare value alone; the other cookies are kept. */
function fromPairs(pairs: readonly string[]): LongcatCredential {
  const kept: string[] = [];
  let token: string | undefined;
  let bare: string | undefined;
  for (const pair of pairs.map((text) => text.trim()).filter((text) => text !== "")) {
    const equals = pair.indexOf("=");
    const name = pair.slice(0, equals).trim();
    // A value may itself end in "=": only a name followed by more is a cookie.
    if (name === NAME || pair === NAME) token = equals < 0 ? "" : unquote(pair.slice(equals + 1));
    else if (equals > 0 && !/^=*$/.test(pair.slice(equals))) {
      kept.push(`${name}=${pair.slice(equals + 1).trim()}`);
    } else bare = pair;
  }
  if (token === undefined && kept.length === 0) token = bare;
  if (token === undefined) {
    const count = kept.length === 1 ? "1 cookie was" : `${kept.length} cookies were`;
    throw refused(`${count} found, but none is named ${NAME}.`);
  }
  if (token === "") throw refused(`${NAME} has no value.`);
  if (!TOKEN.test(token)) throw refused(`The value of ${NAME} holds characters that such a value never has.`);
  // What could break out of a header is dropped with the cookie that holds it.
  const cookies = kept.filter((pair) => /^[\x21-\x7e ]+$/.test(pair)).join("; ");
  return cookies ? { token, cookies } : { token };
}

function unquote(text: string): string {
  return stripEnds(text.trim(), "\"'`", "\"'`;").trim();
}

function refused(words: string, cause?: unknown): GatewayError {
  return new GatewayError("invalid-request", `${words} ${help.en}`, { field: "credential", cause });
}
