import { GatewayError } from "../../chat/error.ts";
import { isObject, parseJson } from "../../lib/json.ts";
import {
  BUILDER_ID_START,
  DEFAULT_REGION,
  isRegion,
  originOf,
  type KiroCredential,
  type LoginKind,
} from "./credential.ts";
import { epochMs } from "./limits.ts";

type Fields = Record<string, unknown>;

const LEAST_TOKEN_LENGTH = 100;
const WHERE = "It stands in ~/.aws/sso/cache/kiro-auth-token.json of the Kiro IDE, or sign in here instead.";

/**
 * Reads every form that users have (protocol.md, "Import"): the token files of the IDE and of other gateways, alone, in
 * arrays, in wrappers or one after another, as base64, kiro-cli's rows as an object, a folder as an object from file names
 * to their texts, API keys and bare refresh tokens by line.
 * @throws GatewayError invalid-request that names the entry and what it lacks; then nothing is taken
 */
export function parseCredentials(text: string): KiroCredential[] {
  const trimmed = text.trim();
  if (trimmed === "") throw wrong("Nothing was pasted.");
  const documents = documentsOf(trimmed);
  const folder = documents?.length === 1 ? folderOf(documents[0]) : undefined;
  if (folder) return credentialsOfFiles(folder);
  if (!documents) return trimmed.split(/\s+/).map(credentialOfWord);
  const entries = documents.flatMap(entriesOf);
  const registrations = entries.filter(isRegistration);
  const logins = entries.filter((entry) => !isRegistration(entry));
  if (logins.length === 0) throw wrong(`This JSON holds no \`refreshToken\`. ${WHERE}`);
  // Two logins beside one registration could be two users': only a single one surely belongs to it.
  const registration = logins.length === 1 && registrations.length === 1 ? registrations[0] : undefined;
  return logins.map((login, index) => {
    const place = logins.length === 1 ? "" : `Entry ${index + 1}: `;
    return credentialOf({ ...registrationFields(registration), ...login }, place);
  });
}

/** The files of a folder that was handed in as one object; undefined for any other document. */
function folderOf(document: unknown): NamedText[] | undefined {
  if (!isObject(document)) return undefined;
  const files = Object.entries(document);
  if (files.length === 0 || !files.every(([name, text]) => name.endsWith(".json") && typeof text === "string")) {
    return undefined;
  }
  return files.map(([name, text]) => ({ name, text: text as string }));
}

/** A file of a folder: its name without the folder, and its text. */
interface NamedText {
  readonly name: string;
  readonly text: string;
}

/**
 * The logins of a folder such as `~/.aws/sso/cache`: each token file with exactly the registration that its
 * `clientIdHash` names. Files that hold no login are passed over.
 * @throws GatewayError invalid-request as `parseCredentials` does
 */
function credentialsOfFiles(files: readonly NamedText[]): KiroCredential[] {
  const byName = new Map(files.map((file) => [file.name, file]));
  const found = files.flatMap(({ text }) => {
    const entries = (documentsOf(text.trim()) ?? []).flatMap(entriesOf);
    return entries.filter(isLogin).map((entry) => {
      const hash = textAt(entry, "clientIdHash");
      const beside = hash === undefined ? undefined : parseJson(byName.get(`${hash}.json`)?.text ?? "");
      const registration = beside?.ok && isObject(beside.value) ? beside.value : undefined;
      return credentialOf({ ...registrationFields(registration), ...entry }, "");
    });
  });
  if (found.length === 0) throw wrong(`No file of this folder holds a login. ${WHERE}`);
  return found;
}

/** JSON documents in the text: one, several after another, or base64 of one. Undefined when there is no JSON. */
function documentsOf(text: string): unknown[] | undefined {
  const whole = parseJson(text);
  if (whole.ok && typeof whole.value === "object") return [whole.value];
  if (/^[{[]/.test(text)) {
    const parts = splitDocuments(text).map(parseJson);
    const bad = parts.find((part) => !part.ok);
    if (bad && !bad.ok) throw wrong(`The JSON cannot be read: ${bad.reason.slice(0, 80)}.`);
    return parts.map((part) => (part.ok ? part.value : undefined));
  }
  if (!/^[A-Za-z0-9+/_=\s-]+$/.test(text)) return undefined;
  const decoded = parseJson(Buffer.from(text, "base64").toString("utf8"));
  return decoded.ok && typeof decoded.value === "object" && decoded.value !== null ? [decoded.value] : undefined;
}

/** Cuts `{…} {…}` between its documents; braces inside strings do not count. */
function splitDocuments(text: string): string[] {
  const documents: string[] = [];
  let depth = 0;
  let start = 0;
  for (const match of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]]/g)) {
    const [mark] = match;
    if (mark === "{" || mark === "[") {
      if (depth++ === 0) start = match.index;
    } else if ((mark === "}" || mark === "]") && --depth === 0) documents.push(text.slice(start, match.index + 1));
  }
  return depth === 0 && documents.length > 0 ? documents : [text];
}

/** The objects that may be a login, out of arrays and the wrappers of other tools. */
function entriesOf(document: unknown): Fields[] {
  if (Array.isArray(document)) return document.flatMap(entriesOf);
  if (!isObject(document)) return [];
  if (Object.keys(document).some((key) => key.startsWith("kirocli:"))) return entriesOfRows(document);
  for (const wrapper of ["accounts", "providers", "data"]) {
    if (Array.isArray(document[wrapper])) return entriesOf(document[wrapper]);
  }
  const { credentials, ...outer } = document;
  if (Array.isArray(credentials)) return entriesOf(credentials);
  return [isObject(credentials) ? { ...outer, ...credentials } : document];
}

/** The logins in the rows of kiro-cli's table `auth_kv`: from a row's key to its JSON text, or to what that parses to. */
function entriesOfRows(rows: Fields): Fields[] {
  const values = new Map<string, Fields>();
  for (const [key, value] of Object.entries(rows)) {
    const parsed = typeof value === "string" ? parseJson(value) : { ok: true as const, value };
    if (parsed.ok && isObject(parsed.value)) values.set(key, parsed.value);
  }
  const social = values.get("kirocli:social:token");
  const device = values.get("kirocli:odic:token");
  const external = values.get("kirocli:external-idp:token");
  return [
    ...(social ? [{ ...social, authMethod: "social" }] : []),
    ...(device
      ? [{ ...registrationFields(values.get("kirocli:odic:device-registration")), ...device, authMethod: "idc" }]
      : []),
    ...(external ? [{ ...external, authMethod: "external_idp" }] : []),
  ];
}

function isLogin(entry: Fields): boolean {
  return ["refreshToken", "kiroApiKey"].some((name) => textAt(entry, name) !== undefined);
}

function isRegistration(entry: Fields): boolean {
  return !isLogin(entry) && textAt(entry, "clientId") !== undefined && textAt(entry, "clientSecret") !== undefined;
}

function registrationFields(registration: Fields | undefined): Fields {
  if (!registration) return {};
  const ends = valueAt(registration, "clientSecretExpiresAt") ?? valueAt(registration, "expiresAt");
  return {
    clientId: textAt(registration, "clientId"),
    clientSecret: textAt(registration, "clientSecret"),
    ...(ends === undefined ? {} : { clientSecretExpiresAt: ends }),
  };
}

function credentialOfWord(word: string): KiroCredential {
  if (word.startsWith("ksk_")) return apiKey(word, {});
  return credentialOf({ refreshToken: word, authMethod: "social" }, "");
}

function apiKey(key: string, entry: Fields): KiroCredential {
  if (key.includes("...") || key.length < 12) throw wrong("The API key is cut short: copy all of it.");
  const region = regionAt(entry, "apiRegion", "region") ?? DEFAULT_REGION;
  return { kind: "api-key", origin: originOf(key), accessToken: key, region };
}

function credentialOf(entry: Fields, place: string): KiroCredential {
  const key = textAt(entry, "kiroApiKey");
  if (key !== undefined) return apiKey(key, entry);
  const refreshToken = textAt(entry, "refreshToken");
  if (refreshToken === undefined) throw wrong(`${place}\`refreshToken\` is missing. ${WHERE}`);
  if (refreshToken.length < LEAST_TOKEN_LENGTH || refreshToken.includes("...")) {
    throw wrong(`${place}\`refreshToken\` is cut short, as the IDE shows it: copy the whole token. ${WHERE}`);
  }
  const kind = kindOf(entry);
  const clientId = textAt(entry, "clientId");
  const clientSecret = textAt(entry, "clientSecret");
  if ((kind === "idc" || kind === "builder-id") && (clientId === undefined || clientSecret === undefined)) {
    const hash = textAt(entry, "clientIdHash");
    const file = hash === undefined ? "the file named by its `clientIdHash`" : `${hash}.json`;
    throw wrong(
      `${place}\`clientId\` and \`clientSecret\` are missing: they stand in ${file} in the same folder. Paste both files.`,
    );
  }
  const tokenEndpoint = textAt(entry, "tokenEndpoint");
  if (kind === "external-idp" && (clientId === undefined || URL.parse(tokenEndpoint ?? "")?.protocol !== "https:")) {
    throw wrong(`${place}\`clientId\` or an https \`tokenEndpoint\` of the identity provider is missing.`);
  }
  const signIn = regionAt(entry, "authRegion", "ssoRegion", "idcRegion");
  const accessToken = textAt(entry, "accessToken") ?? "";
  const secretEnds = epochMs(valueAt(entry, "clientSecretExpiresAt"));
  const calls = regionAt(entry, "apiRegion") ?? (signIn === undefined ? undefined : regionAt(entry, "region"));
  const optional = {
    apiRegion: calls,
    profileArn: arnAt(entry),
    clientId,
    clientSecret,
    clientSecretExpiresAt: secretEnds,
    startUrl: textAt(entry, "startUrl"),
    tokenEndpoint,
    machineId: textAt(entry, "machineId"),
    email: textAt(entry, "email"),
  };
  return {
    kind,
    origin: originOf(refreshToken),
    accessToken,
    refreshToken,
    expiresAt: accessToken === "" ? 0 : (zonedTime(valueAt(entry, "expiresAt")) ?? 0),
    region: signIn ?? regionAt(entry, "region") ?? DEFAULT_REGION,
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
  };
}

function kindOf(entry: Fields): LoginKind {
  const method = (textAt(entry, "authMethod") ?? "").toLowerCase().replaceAll(/[-_ ]/g, "");
  const provider = (textAt(entry, "provider") ?? "").toLowerCase();
  if (method === "externalidp" || textAt(entry, "tokenEndpoint") !== undefined) return "external-idp";
  const isDevice = ["idc", "iam", "builderid", "awsidc", "identitycenter", "enterprise"].includes(method);
  const isSocial = method === "social" || ["google", "github"].includes(method || provider);
  if (isSocial && !isDevice) return "social";
  if (!isDevice && (textAt(entry, "clientId") === undefined || textAt(entry, "clientSecret") === undefined))
    return "social";
  const builder = method === "builderid" || provider === "builderid";
  return builder || textAt(entry, "startUrl")?.replace(/\/+$/, "") === BUILDER_ID_START ? "builder-id" : "idc";
}

/** Epoch ms; undefined for a time without its zone, which would be some other machine's local time. */
function zonedTime(value: unknown): number | undefined {
  if (typeof value === "string" && !/(?:Z|[+-]\d\d:?\d\d|^[\d.eE+]+)$/.test(value.trim())) return undefined;
  return epochMs(value);
}

function arnAt(entry: Fields): string | undefined {
  const arn = textAt(entry, "profileArn");
  return arn !== undefined && /^arn:aws[\w-]*:codewhisperer:[a-z0-9-]+:\d+:profile\/\w+$/.test(arn) ? arn : undefined;
}

function regionAt(entry: Fields, ...names: readonly string[]): string | undefined {
  return names.map((name) => textAt(entry, name)).find((region) => region !== undefined && isRegion(region));
}

/** A field in camelCase or snake_case. */
function valueAt(entry: Fields, name: string): unknown {
  return entry[name] ?? entry[name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)];
}

function textAt(entry: Fields, name: string): string | undefined {
  const value = valueAt(entry, name);
  return typeof value === "string" && value.trim() !== "" ? value.trim() : undefined;
}

function wrong(message: string): GatewayError {
  return new GatewayError("invalid-request", message);
}
