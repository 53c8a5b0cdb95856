import type { AccountContext, ModelInfo, Provider } from "../provider.ts";
import { chat } from "./chat.ts";
import { listModels, probeAccount, type ControlSettings } from "./control.ts";
import { dueAt, hintOf, restoreCredential, type KiroCredential } from "./credential.ts";
import { agentOf, USER_AGENT } from "./headers.ts";
import { HOST_ORDER, KIRO_URLS, type HostOrder, type KiroUrls } from "./hosts.ts";
import { parseCredentials } from "./import.ts";
import { readMemory } from "./memory.ts";
import { FALLBACK_MODELS, LISTED_MODELS, matchModel, modelInfo } from "./models.ts";
import { renewCredential } from "./refresh.ts";
import { kiroSignIn } from "./sign-in.ts";

export interface KiroOptions extends Partial<KiroUrls> {
  /** The agent of the service's own client; `{machineId}` becomes 64 hex digits of the account. */
  readonly userAgent?: string;
  /** Which hosts to try, and in which order, by kind of login. */
  readonly hostOrder?: Partial<HostOrder>;
  /** How long the first event may take, ms; the service's own client gives up at 240 s. */
  readonly firstEventMs?: number;
}

const FIRST_EVENT_MS = 240_000;
const MOST_KNOWN_MODELS = 500;

/** Kiro (AWS): accounts by sign-in, import or API key; native tools, images and thinking. */
export function createKiro(options: KiroOptions = {}): Provider<KiroCredential> {
  const { userAgent = USER_AGENT, hostOrder, firstEventMs = FIRST_EVENT_MS, ...urlOptions } = options;
  const urls: KiroUrls = { ...KIRO_URLS, ...urlOptions };
  const userAgentOf = ({ account }: AccountContext<KiroCredential>) =>
    agentOf(userAgent, account.id, account.credential.machineId);
  const settings: ControlSettings = { urls, userAgentOf };
  const chatSettings = { ...settings, hostOrder: { ...HOST_ORDER, ...hostOrder } };
  /** Ids that accounts listed, so that a new model is known by its name at once. */
  const known = new Set<string>();

  return {
    name: "kiro",
    title: "Kiro",
    capabilities: {
      history: "messages",
      tools: true,
      images: "base64",
      stop: false,
      maxOutputTokens: false,
      responseFormat: false,
    },
    credential: {
      parse: parseCredentials,
      restore: restoreCredential,
      identity: ({ origin }) => origin,
      hint: hintOf,
      expiresAt: ({ expiresAt }) => expiresAt || undefined,
      help: {
        en: "Sign in here, or paste ~/.aws/sso/cache/kiro-auth-token.json (for AWS logins also the file that its clientIdHash names), an export of another gateway, or an API key (ksk_…). A token that the IDE goes on using is renewed by both, and each renewal signs the other out: a sign-in of its own is better.",
        zh: "请在此登录，或粘贴 ~/.aws/sso/cache/kiro-auth-token.json（AWS 登录还需其 clientIdHash 所指的文件）、其他网关的导出内容，或 API 密钥（ksk_…）。若 IDE 仍在使用同一令牌，双方续期时会使对方退出登录，因此最好单独登录。",
      },
    },
    models: LISTED_MODELS,
    match: (name) => matchModel(name, known),
    chat: (request, context) => chat(chatSettings, request, context),
    probe: (context) => probeAccount(settings, context),
    refresh: {
      dueAt,
      run: (context) => renewCredential(context.account.credential, urls, userAgentOf(context), context),
    },
    signIn: kiroSignIn(urls),
    modelsOf({ memory }): readonly ModelInfo[] | undefined {
      const { models, lacking = [] } = readMemory(memory);
      for (const { id } of models ?? []) if (known.size < MOST_KNOWN_MODELS) known.add(id);
      if (!models && lacking.length === 0) return undefined;
      return (models ?? FALLBACK_MODELS).filter(({ id }) => !lacking.includes(id)).map(modelInfo);
    },
    async refreshModels(context) {
      const { lacking: _refused, ...memory } = await listModels(settings, context);
      context.remember(memory);
    },
    forgetLacks(context) {
      const { lacking, ...memory } = readMemory(context.account.memory);
      if (lacking) context.remember(memory);
    },
    firstEventMs: () => firstEventMs,
  };
}
