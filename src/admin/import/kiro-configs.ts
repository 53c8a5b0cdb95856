import { isObject } from "../../lib/json.ts";
import { hashOf } from "../keys.ts";
import { type Meaning, readConfigKeys } from "./config-keys.ts";
import { type Fields, textAt } from "./documents.ts";
import { type ImportItem, NOTHING, type Predecessor, type Reading, together } from "./reading.ts";

const STRATEGIES: Readonly<Record<string, string>> = { balanced: "lru", priority: "oldest_first" };
const OWN_AGENT: Meaning = { without: "each account has its own, chosen here" };
const PROXY: Meaning = { without: "put the proxy into the environment as HTTPS_PROXY, or give it to single accounts" };
const ESTIMATE: Meaning = { without: "tokens are counted here when the service does not tell them" };

/** Every key of kiro.rs' `config.json`. */
const KIRO_RS: Readonly<Record<string, Meaning>> = {
  host: { environment: "HOST" },
  port: { environment: "PORT" },
  region: { without: "each account names its own region" },
  authRegion: { without: "each account names its own region" },
  apiRegion: { without: "each account names its own region" },
  kiroVersion: OWN_AGENT,
  machineId: OWN_AGENT,
  systemVersion: OWN_AGENT,
  nodeVersion: OWN_AGENT,
  tlsBackend: { without: "there is one TLS library here" },
  adminApiKey: { without: "make an admin key with `sluice key add NAME --admin`" },
  loadBalancingMode: {
    setting: "ROTATION_STRATEGY",
    provider: "kiro",
    value: (given) => STRATEGIES[given.toLowerCase()],
  },
  proxyUrl: PROXY,
  proxyUsername: PROXY,
  proxyPassword: PROXY,
  countTokensApiUrl: ESTIMATE,
  countTokensApiKey: ESTIMATE,
  countTokensAuthType: ESTIMATE,
  extractThinking: { without: "thinking is told apart from the answer always" },
  defaultEndpoint: { without: "what worked is remembered for each account" },
  credentialsPath: { without: "import that file itself" },
};

/** kiro.rs' `config.json`; undefined for any other document. */
export function readKiroRsConfig(path: string, document: unknown): Reading | undefined {
  if (!isObject(document)) return undefined;
  const marks = ["kiroVersion", "loadBalancingMode", "adminApiKey", "countTokensApiUrl"];
  const isIt = marks.some((key) => key in document) || ["apiKey", "region", "port"].every((key) => key in document);
  if (!isIt || textAt(document, "refreshToken") !== undefined) return undefined;
  const { apiKey, ...rest } = document;
  const reading = readConfigKeys(path, rest, KIRO_RS, "kiro.rs");
  return together([keyReading(path, "apiKey", "kiro.rs", apiKey), reading]);
}

/** AIClient-2-API's `config.json` and its list of pools, which name login files; undefined for any other document. */
export function readAiClientConfig(path: string, document: unknown): Reading | undefined {
  if (!isObject(document)) return undefined;
  const pools = Object.entries(document).filter(([name, pool]) => /-oauth$|-custom$/.test(name) && Array.isArray(pool));
  const isConfig = "MODEL_PROVIDER" in document || "REQUIRED_API_KEY" in document;
  if (pools.length === 0 && !isConfig) return undefined;
  const entries = [document, ...pools.flatMap(([, pool]) => (Array.isArray(pool) ? pool.filter(isObject) : []))];
  const files = entries.flatMap((entry: Fields) => textAt(entry, "KIRO_OAUTH_CREDS_FILE_PATH") ?? []);
  const others = Object.keys(document).filter(
    (key) => !["REQUIRED_API_KEY", "KIRO_OAUTH_CREDS_FILE_PATH"].includes(key),
  );
  return together([
    keyReading(path, "REQUIRED_API_KEY", "AIClient-2-API", document["REQUIRED_API_KEY"]),
    {
      items: [],
      refused: [],
      notes: [
        ...files.map((file) => `${path}: its Kiro login stands in ${file}; import that file.`),
        ...(isConfig ? [`${path}: without effect here: ${others.join(", ") || "nothing else"}.`] : []),
      ],
      predecessors: ["AIClient-2-API"],
    },
  ]);
}

const SHORTEST_KEY_CHARS = 8;

function keyReading(path: string, field: string, name: Predecessor, key: unknown): Reading {
  if (typeof key !== "string" || key.trim() === "") return NOTHING;
  if (key.trim().length >= SHORTEST_KEY_CHARS) return { ...NOTHING, items: [keyItem(path, field, name, key)] };
  const reason = `This key has fewer than ${SHORTEST_KEY_CHARS} characters and can be guessed: make one with \`sluice key add NAME\`.`;
  return { ...NOTHING, refused: [{ from: `${path}, ${field}`, reason }] };
}

const SHOWN_CHARS = 4;

/** A client key that stands in clear in a file, as its hash. */
export function keyItem(path: string, field: string, name: string, key: string): ImportItem {
  const text = key.trim();
  const prefix = `${text.slice(0, Math.min(SHOWN_CHARS, text.length / 2))}…`;
  return { kind: "key", from: `${path}, ${field}`, name, hash: hashOf(text), prefix };
}
