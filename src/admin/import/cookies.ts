import { cookiesOfCurl } from "../../lib/curl.ts";
import { isObject } from "../../lib/json.ts";
import { claimsOf } from "../../lib/jwt.ts";
import { pastedLines } from "../../lib/pasted-lines.ts";
import type { ImportFile, ImportItem, Predecessor, Reading, Refusal } from "./reading.ts";

const OWNERS: Readonly<Record<string, Predecessor>> = {
  longcat: "longchat",
  cto: "enginelabs-2api",
  langfast: "langfast-2api",
};

/** A LongCat value alone, in a file that a person named and in one that only lay there. */
const BARE = /^[\w=-]{24,}$/;
const LONG_BARE_CHARS = 80;

/** Reads cookies in JSON: a browser's export, an object of names and values, a list of texts. Undefined when there are none. */
export function readCookieJson(file: ImportFile, document: unknown): Reading | undefined {
  const list = isObject(document) && Array.isArray(document["cookies"]) ? document["cookies"] : document;
  if (Array.isArray(list) && list.length > 0 && list.every((one) => typeof one === "string")) {
    return readCookieLines({ ...file, text: list.join("\n") });
  }
  const text = JSON.stringify(document);
  const providers = [
    ...(/"passport_token_key["=]/.test(text) ? ["longcat"] : []),
    ...(/"__client(?:_\w+)?["=]/.test(text) ? ["cto"] : []),
    ...(/"sb-[\w-]+-auth-token/.test(text) ? ["langfast"] : []),
  ];
  if (providers.length === 0) return undefined;
  return readingOf(
    providers.map((provider) => itemOf(provider, text, file.path)),
    [],
  );
}

/**
 * Reads a list of cookies or tokens, one account a line, of several services if need be; a cookies.txt; requests copied as
 * cURL. Undefined when no line is any.
 */
export function readCookieLines(file: ImportFile): Reading | undefined {
  const text = (file.text ?? "").replace(/^\uFEFF/, "");
  const rows = cookieRows(text);
  if (rows)
    return rows.size === 0
      ? undefined
      : readingOf(
          [...rows].map(([provider, header]) => itemOf(provider, header, file.path)),
          [],
        );
  const items: ImportItem[] = [];
  const refused: Refusal[] = [];
  const shortest = file.named === false ? LONG_BARE_CHARS : 0;
  for (const { number, text: line } of pastedLines(text)) {
    if (line.startsWith("#")) continue;
    const from = `${file.path}, line ${number}`;
    const provider = providerOf(cookiesOfCurl(line) ?? line, shortest);
    if (provider === undefined)
      refused.push({ from, reason: "This line is no cookie of a service that is known here." });
    else items.push(itemOf(provider, line, from));
  }
  return items.length === 0 ? undefined : readingOf(items, refused);
}

function providerOf(line: string, shortest: number): string | undefined {
  if (/\bpassport_token_key\b/.test(line)) return "longcat";
  if (/(?:^|[\s;"',])__client(?:_\w+)?["']?\s*[=:]/.test(line)) return "cto";
  if (/\bsb-[\w-]+?-auth-token/.test(line)) return "langfast";
  if (/^(?:ksk_[\w-]{8,}|aor[\w:+/=-]{97,})$/.test(line)) return "kiro";
  if (isClerkClient(line)) return "cto";
  const values = line.split(",").map((value) => value.trim().replace(/^["']|["']$/g, ""));
  return values.every((value) => isBare(value) && value.length >= shortest) ? "longcat" : undefined;
}

function isBare(value: string): boolean {
  const isHash = /^[0-9a-f]+$/i.test(value) && [32, 40, 64, 128].includes(value.length);
  return BARE.test(value) && !isHash && !/^(?:sk-|kp_)/.test(value) && /\d/.test(value) && /[A-Za-z]/.test(value);
}

/** Whether a JWT is Clerk's `__client` by what it claims. */
function isClerkClient(value: string): boolean {
  return "rotating_token" in (claimsOf(value) ?? {});
}

/** The cookies of a cookies.txt (seven columns with tabs) as a header per provider; undefined for any other text. */
function cookieRows(text: string): Map<string, string> | undefined {
  const rows = text.split(/\r?\n/).map((line) => line.replace(/^#HttpOnly_/, "").split("\t"));
  if (!rows.some((cells) => cells.length === 7)) return undefined;
  const headers = new Map<string, string>();
  for (const [domain = "", , , , , name = "", value = ""] of rows.filter((cells) => cells.length === 7)) {
    const host = domain.trim().replace(/^\./, "").toLowerCase();
    const provider = /(^|\.)longcat\.chat$/.test(host)
      ? "longcat"
      : /^clerk\.(?:\w+\.)*cto\.new$|^cto\.new$/.test(host)
        ? "cto"
        : undefined;
    if (provider === undefined || name === "") continue;
    const before = headers.get(provider);
    headers.set(provider, `${before === undefined ? "" : `${before}; `}${name}=${value.trim()}`);
  }
  return headers;
}

function itemOf(provider: string, text: string, from: string): ImportItem {
  return { kind: "account", from, provider, text, settings: {}, disabled: false };
}

function readingOf(items: readonly ImportItem[], refused: readonly Refusal[]): Reading {
  const providers = items.flatMap((item) => (item.kind === "account" ? [item.provider] : []));
  return { items, refused, notes: [], predecessors: providers.flatMap((provider) => OWNERS[provider] ?? []) };
}
