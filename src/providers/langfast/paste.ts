/** Every form in which people hand in a LangFast session (protocol.md, "Sessions"). Pure. */
import { createHash } from "node:crypto";
import { GatewayError } from "../../chat/error.ts";
import { cookiesOfCurl } from "../../lib/curl.ts";
import { isObject, parseJson } from "../../lib/json.ts";
import { claimsOf } from "../../lib/jwt.ts";
import { pastedLines } from "../../lib/pasted-lines.ts";
import { stripEnds } from "../../lib/strip-ends.ts";
import type { LangfastCredential } from "./credential.ts";
import { textIn } from "./fields.ts";

/** Where to find a session, beside the paste box and in refusals. */
export const HELP = {
  en:
    "Your own account serves best: it has its own allowance. Paste its session: sign in at langfa.st, open the developer " +
    "tools (F12), Application, Local storage, https://langfa.st, and copy the value of sb-…-auth-token (or the cookies " +
    "sb-…-auth-token.0 and .1). Or enter email:password, or a refresh token. Without an account, a guest session is used.",
  zh:
    "建议使用自己的账号，额度独立。粘贴会话：登录 langfa.st，打开开发者工具（F12）→ 应用 → 本地存储 → https://langfa.st，" +
    "复制 sb-…-auth-token 的值（或 Cookie sb-…-auth-token.0 与 .1）。也可以填写 邮箱:密码 或 refresh token。没有账号时使用访客会话。",
} as const;

/** Pieces of one session, as far as they were found. */
interface Found {
  accessToken?: string | undefined;
  refreshToken?: string | undefined;
  /** Unix seconds. */
  expiresAt?: number | undefined;
  userId?: string | undefined;
  email?: string | undefined;
  password?: string | undefined;
  guest?: boolean | undefined;
}

/** Cookies or stored keys by which the site keeps a session, wherever they stand in a text. */
const STORED = /\bsb-[\w-]{1,64}?-auth-token(?:\.(\d+))?["']?(?:\s*[=:]|\t+)\s*["']?([^\s;"']+)/g;
const STORED_NAME = /^sb-[\w-]{1,64}?-auth-token(?:\.(\d+))?$/;
const EMAIL = /^[^\s:@,{}]+@[^\s:@]+\.[^\s:@]+$/;
const TOKEN = /^[\w.~+/=-]+$/;
/** Refresh tokens have 12 characters or more; a word below half of that was not copied whole. */
const SHORTEST_TOKEN = 6;

/** @throws GatewayError invalid-request that names what is missing */
export function readPaste(text: string): LangfastCredential[] {
  const trimmed = text.trim();
  if (trimmed === "") throw refused("Nothing was pasted.");
  if (/^[[{]/.test(trimmed)) return fromJson(jsonOf(trimmed));
  const lines = pastedLines(text).map((line) => cookiesOfCurl(line.text) ?? line.text);
  const pieces = piecesIn(lines.join("\n"));
  if (pieces.some(({ index }) => index !== undefined)) return fromPieces(pieces);
  if (/^["']?(base64-|%5B|%7B)/i.test(trimmed)) return fromStored(unquote(trimmed.replace(/\s+/g, "")));
  const words = trimmed.split(/[\s,;]+/).map(labelled);
  // An access token beside its refresh token, on one line or two, is one session.
  if (words.length === 2 && words.some(isJwt) && !words.every(isJwt)) return [fromTokens(words)];
  return lines.flatMap(fromLine);
}

/** The pieces of stored sessions in a text. */
function piecesIn(text: string): Piece[] {
  return [...text.matchAll(STORED)].map(([, index, value = ""]) => ({ index, value }));
}

function fromLine(line: string): LangfastCredential[] {
  const pieces = piecesIn(line);
  if (pieces.length > 0) return fromPieces(pieces);
  if (/^[[{]/.test(line)) return fromJson(jsonOf(line));
  const colon = line.indexOf(":");
  const address = colon < 0 ? line : line.slice(0, colon).trim();
  if (EMAIL.test(address)) return [toCredential({ email: address, password: colon < 0 ? "" : line.slice(colon + 1) })];
  const words = line.split(/[\s,;]+/).map(labelled);
  if (words.length === 2 && words.some(isJwt)) return [fromTokens(words)];
  if (words.length > 1) throw refused("The text is no session, no token and no email:password.");
  return [fromTokens(words)];
}

/** `refresh_token=value`, `Bearer value`, quotes: the value alone. */
function labelled(word: string): string {
  return unquote(word.replace(/^["']?(access_token|refresh_token|bearer|authorization)["']?\s*[:=]\s*/i, ""));
}

function fromTokens(words: readonly string[]): LangfastCredential {
  for (const word of words) {
    if (!TOKEN.test(word)) throw refused("A token holds characters that tokens never have.");
    if (word.length < SHORTEST_TOKEN) throw refused("A token is too short: copy the whole of it.");
  }
  return toCredential({ accessToken: words.find(isJwt), refreshToken: words.find((word) => !isJwt(word)) });
}

function fromJson(value: unknown): LangfastCredential[] {
  if (Array.isArray(value)) {
    if (value.every((item) => isObject(item) && "name" in item && "value" in item)) {
      return fromPieces(value.flatMap((item: unknown) => (isObject(item) ? pieceOf(item["name"], item["value"]) : [])));
    }
    if (value.length > 0 && value.every((item) => isObject(item) || (typeof item === "string" && item.includes(":")))) {
      return value.flatMap((item: unknown) => (typeof item === "string" ? fromLine(item) : fromJson(item)));
    }
    // The array form of a stored session: access token, refresh token, and the tokens of an identity provider.
    const [accessToken, refreshToken] = value as unknown[];
    return [toCredential({ accessToken: textIn(accessToken), refreshToken: textIn(refreshToken) })];
  }
  if (!isObject(value)) throw refused("The pasted JSON is no session.");
  const { accounts, cookies, session, currentSession } = value;
  if (Array.isArray(accounts)) return fromJson(accounts);
  if (Array.isArray(cookies)) return fromJson(cookies);
  for (const inner of [session, currentSession]) if (isObject(inner)) return fromJson(inner);
  const pieces = Object.entries(value).flatMap(([name, stored]) => pieceOf(name, stored));
  if (pieces.length > 0) return fromPieces(pieces);
  const user = isObject(value["user"]) ? value["user"] : {};
  const expiresAt = Number(value["expires_at"]);
  return [
    toCredential({
      accessToken: textIn(value["access_token"]),
      refreshToken: textIn(value["refresh_token"]),
      expiresAt: expiresAt > 0 ? expiresAt : undefined,
      userId: textIn(user["id"]),
      email: textIn(value["email"]) ?? textIn(user["email"]),
      password: textIn(value["password"]),
      guest: user["is_anonymous"] === true,
    }),
  ];
}

interface Piece {
  readonly index: string | undefined;
  readonly value: string;
}

function pieceOf(name: unknown, value: unknown): Piece[] {
  const match = typeof name === "string" ? STORED_NAME.exec(name) : null;
  if (!match) return [];
  return [{ index: match[1], value: typeof value === "string" ? value : JSON.stringify(value) }];
}

/** A stored session that was cut into numbered cookies, in whatever order they were pasted. */
function fromPieces(pieces: readonly Piece[]): LangfastCredential[] {
  const whole = pieces.find(({ index }) => index === undefined);
  if (whole) return fromStored(whole.value);
  if (pieces.length === 0) throw refused("None of the cookies is named sb-…-auth-token.");
  const byIndex = new Map(pieces.map(({ index, value }) => [Number(index), value]));
  let joined = "";
  for (let index = 0; index < byIndex.size; index++) {
    const value = byIndex.get(index);
    if (value === undefined)
      throw refused(`The cookie sb-…-auth-token.${index} is missing: the session is cut into several.`);
    joined += decoded(value);
  }
  return fromStored(joined);
}

function fromStored(text: string): LangfastCredential[] {
  const plain = decoded(text);
  if (!plain.startsWith("base64-")) return fromJson(jsonOf(plain));
  const bytes = Buffer.from(plain.slice("base64-".length), "base64url");
  return fromJson(jsonOf(bytes.toString("utf8")));
}

function decoded(text: string): string {
  try {
    return /%[0-9a-f]{2}/i.test(text) ? decodeURIComponent(text) : text;
  } catch {
    return text; // A percent sign that encodes nothing belongs to the text.
  }
}

function jsonOf(text: string): unknown {
  const json = parseJson(text);
  if (json.ok) return json.value;
  throw refused("The pasted session is cut short or broken: copy all of it, and each of its cookies.");
}

function toCredential(found: Found): LangfastCredential {
  const { accessToken = "", refreshToken, email, password } = found;
  const claims = accessToken === "" ? undefined : claimsOf(accessToken);
  if (claims?.["role"] === "anon") {
    throw refused("This is the site's public key, which every visitor gets, and not a session.");
  }
  if (accessToken !== "" && !claims) throw refused("The access token is cut short or broken.");
  if (refreshToken === undefined && !password) {
    if (email !== undefined && accessToken === "") throw refused("The password is missing: enter email:password.");
    if (accessToken === "") throw refused("The session has neither an access_token nor a refresh_token.");
    throw refused("The refresh_token is missing: an access token alone lapses within the hour.");
  }
  const userId = textIn(claims?.["sub"]) ?? found.userId ?? "";
  const lapses = found.expiresAt ?? Number(claims?.["exp"]);
  const isGuest = found.guest === true || claims?.["is_anonymous"] === true;
  return {
    kind: isGuest ? "guest" : "own",
    origin: userId ? `user:${userId}` : email ? `email:${email.toLowerCase()}` : `token:${hashOf(refreshToken ?? "")}`,
    userId,
    accessToken,
    expiresAt: Number.isFinite(lapses) && accessToken !== "" ? lapses * 1000 : 0,
    ...(refreshToken === undefined ? {} : { refreshToken }),
    ...(email === undefined ? {} : { email }),
    ...(password ? { password } : {}),
  };
}

function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

function isJwt(word: string): boolean {
  return claimsOf(word) !== undefined;
}

function unquote(text: string): string {
  return stripEnds(text, "\"'`", "\"'`,");
}

function refused(words: string): GatewayError {
  return new GatewayError("invalid-request", `${words} ${HELP.en}`, { field: "credential" });
}
