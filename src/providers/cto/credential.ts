/** The credential: the `__client` cookie of clerk.cto.new, in every form people paste it (protocol.md, "Credential"). */
import { GatewayError } from "../../chat/error.ts";
import { cookiesOfCurl } from "../../lib/curl.ts";
import { isObject, parseJson } from "../../lib/json.ts";
import { claimsOf } from "../../lib/jwt.ts";
import { pastedLines } from "../../lib/pasted-lines.ts";
import type { CredentialKind } from "../provider.ts";

/** What Clerk's cookies hold. All else (session, user, organisation) is asked for and kept in memory only. */
export interface CtoCredential {
  /** The value of `__client`. Secret; Clerk replaces it now and then. */
  readonly client: string;
  /** The value of `__client_uat`: when the browser last signed in. */
  readonly clientUat?: string;
  /** The end of suffixed names, `__client_<suffix>`, where the paste had them. */
  readonly suffix?: string;
}

type Cookie = readonly [name: string, value: string, domain?: string | undefined];

const CLIENT = /^__client(?:_(?!uat(?:_|$))([\w-]+))?$/;
const CLIENT_UAT = /^__client_uat(?:_[\w-]+)?$/;
/** Names that show that the paste came from the right site but lacks the cookie that counts. */
const CLERK_NAME = /^__(?:client|session|clerk)/;
/** A cookie value alone: no blank, no separator, no name before it, and long enough not to be a word. */
const BARE = /^(?=.{16})[\w.~+/%-]+={0,2}$/;
const WHERE =
  "Sign in at cto.new, open the developer tools (F12), choose Application (Firefox: Storage), Cookies, " +
  "https://clerk.cto.new, and copy the value of __client.";

/** Reads pasted texts and what the store gives back. */
export const credential: CredentialKind<CtoCredential> = {
  parse(text) {
    const accounts = unique(splitAccounts(text).flatMap(accountsIn));
    if (accounts.length === 0) throw missing(cookiesIn(text).map(([name]) => name));
    return accounts;
  },
  restore(stored) {
    if (!isObject(stored) || typeof stored["client"] !== "string" || stored["client"] === "")
      throw new GatewayError("invalid-request", `The stored cto.new account has no __client. ${WHERE}`);
    const { client, clientUat, suffix } = stored;
    return credentialOf(client, textOr(clientUat), textOr(suffix));
  },
  identity: ({ client }) => clientIdOf(client) ?? client,
  hint: ({ client }) => `…${client.slice(-4)}`,
  help: {
    en: `${WHERE} A whole Cookie header or a copied cURL command of a request to clerk.cto.new works too.`,
    zh:
      "登录 cto.new，打开开发者工具（F12）→ Application（Firefox：Storage）→ Cookies → https://clerk.cto.new，" +
      "复制 __client 的值。也可以粘贴发往 clerk.cto.new 的请求的完整 Cookie 头或 cURL 命令。",
  },
};

/** The Cookie header for Clerk. A suffixed account sends both names, as a browser does. */
export function cookieHeader({ client, clientUat, suffix }: CtoCredential): string {
  const ends = suffix === undefined ? [""] : ["", `_${suffix}`];
  const cookies = ends.flatMap((end) => [
    `__client${end}=${client}`,
    ...(clientUat === undefined ? [] : [`__client_uat${end}=${clientUat}`]),
  ]);
  return cookies.join("; ");
}

/** The credential after an answer's Set-Cookie headers; the same object when they change nothing. Deletions are not taken. */
export function rotated(before: CtoCredential, setCookies: readonly string[]): CtoCredential {
  let { client, clientUat } = before;
  for (const line of setCookies) {
    const [name, value] = pairOf(line.split(";", 1)[0] ?? "") ?? ["", ""];
    if (value === "" || /;\s*max-age=\s*(?:0|-\d+)\s*(?:;|$)/i.test(line)) continue;
    if (CLIENT.test(name)) client = value;
    else if (CLIENT_UAT.test(name)) clientUat = value;
  }
  if (client === before.client && clientUat === before.clientUat) return before;
  return credentialOf(client, clientUat, before.suffix);
}

function credentialOf(client: string, clientUat: string | undefined, suffix: string | undefined): CtoCredential {
  return { client, ...(clientUat === undefined ? {} : { clientUat }), ...(suffix === undefined ? {} : { suffix }) };
}

const textOr = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

/** One text for each account: by `||`, and by line where every line stands for itself. JSON and tables are one text. */
function splitAccounts(text: string): string[] {
  const lines = pastedLines(text).map((line) => cookiesOfCurl(line.text) ?? line.text);
  if (/^\s*[[{]/.test(text) || lines.some((line) => line.includes("\t"))) return [text.trim()];
  return lines.flatMap((line) => (line.includes("||") ? line.split("||").filter((part) => part.trim() !== "") : line));
}

/** @throws GatewayError invalid-request for a part without `__client` */
function accountsIn(part: string): CtoCredential[] {
  const cookies = cookiesIn(part);
  const accounts = collect(cookies);
  if (accounts.length > 0) return accounts;
  if (cookies.some(([name]) => CLERK_NAME.test(name))) throw missing(cookies.map(([name]) => name));
  const bare = part.trim().replace(/^["']|["']$/g, "");
  if (!BARE.test(bare)) throw missing([]);
  const claims = claimsOf(bare);
  if (claims && !("rotating_token" in claims) && ("sid" in claims || "azp" in claims)) throw missing(["__session"]);
  return [{ client: bare }];
}

/** Each `__client` begins an account; the cookies up to the next belong to it, those before the first one too. */
function collect(cookies: readonly Cookie[]): CtoCredential[] {
  const accounts: { client: string; plain: boolean; clientUat?: string; suffix?: string }[] = [];
  let early: string | undefined;
  for (const [name, value] of cookies) {
    const last = accounts.at(-1);
    if (CLIENT_UAT.test(name)) {
      if (last) last.clientUat ??= value;
      else early ??= value;
    }
    const match = CLIENT.exec(name);
    if (!match) continue;
    const suffix = match[1];
    // A browser keeps `__client` and `__client_<suffix>` side by side for one account: the plain one counts.
    if (last && last.plain !== (suffix === undefined)) {
      if (suffix === undefined) Object.assign(last, { client: value, plain: true });
      else last.suffix ??= suffix;
      continue;
    }
    const account: (typeof accounts)[number] = { client: value, plain: suffix === undefined };
    if (suffix !== undefined) account.suffix = suffix;
    if (!last && early !== undefined) account.clientUat = early;
    accounts.push(account);
  }
  return accounts.map(({ client, clientUat, suffix }) => credentialOf(client, clientUat, suffix));
}

/** The cookies of a text, whatever its form: JSON, a table, a header. */
function cookiesIn(text: string): Cookie[] {
  const parsed = parseJson(text);
  if (parsed.ok) return ofThisSite(cookiesOfJson(parsed.value));
  if (text.includes("\t")) return ofThisSite(text.split(/\r?\n/).flatMap(cookieOfRow));
  // Quotes of a shell or of an object literal end a value as a semicolon does.
  const pairs = text.matchAll(/(?:^|[\s;"'{,:=])(__[\w-]+)["']?\s*[=:]\s*["']?([^\s;"',}^]+)/g);
  return [...pairs].flatMap(([, name = "", value = ""]) => [[name, value] as const]);
}

/** An export's list, a browser's storage state, or an object of names and values. */
function cookiesOfJson(value: unknown): Cookie[] {
  if (typeof value === "string") return cookiesIn(value);
  if (Array.isArray(value)) return value.flatMap(cookiesOfJson);
  if (!isObject(value)) return [];
  const { name, value: content, domain } = value;
  if (typeof name === "string" && typeof content === "string")
    return content === "" ? [] : [[name, content, typeof domain === "string" ? domain : undefined]];
  return Object.entries(value).flatMap(([key, inner]): Cookie[] => {
    if (typeof inner === "string" && key.startsWith("__")) return inner === "" ? [] : [[key, inner]];
    return typeof inner === "object" || /^cookies?$/i.test(key) ? cookiesOfJson(inner) : [];
  });
}

/** A row of the developer tools' table (name first) or of a cookies.txt (name and value last). */
function cookieOfRow(row: string): Cookie[] {
  const cells = row.split("\t").map((cell) => cell.trim());
  const at = cells.findIndex((cell) => CLERK_NAME.test(cell));
  const value = cells[at + 1];
  const domain = cells.find((cell, index) => index !== at + 1 && /^(#HttpOnly_)?\.?[\w-]+(\.[\w-]+)+$/.test(cell));
  return at < 0 || !value ? [] : [[cells[at] ?? "", value, domain]];
}

/** Other sites sign in with Clerk too: of a whole browser's cookies only this site's count. */
function ofThisSite(cookies: readonly Cookie[]): Cookie[] {
  const isOurs = ([, , domain]: Cookie): boolean => domain !== undefined && /(^|[._])cto\.new$/.test(domain);
  return cookies.some(isOurs) ? cookies.filter((cookie) => cookie[2] === undefined || isOurs(cookie)) : [...cookies];
}

function pairOf(text: string): Cookie | undefined {
  const at = text.indexOf("=");
  return at < 1 ? undefined : [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}

function missing(names: readonly string[]): GatewayError {
  const found = [...new Set(names.filter((name) => CLERK_NAME.test(name)))];
  const has =
    found.length > 0
      ? `This paste has ${found.join(", ")} but no __client, the one cookie that signs in.`
      : "This paste has no __client cookie.";
  return new GatewayError("invalid-request", `${has} ${WHERE}`, { field: "__client" });
}

function unique(accounts: readonly CtoCredential[]): CtoCredential[] {
  const byIdentity = new Map(accounts.map((account) => [credential.identity(account), account]));
  return [...byIdentity.values()];
}

/** Clerk's id of the browser, which stays when the value rotates. */
function clientIdOf(client: string): string | undefined {
  const id = claimsOf(client)?.["id"];
  return typeof id === "string" && id !== "" ? id : undefined;
}
