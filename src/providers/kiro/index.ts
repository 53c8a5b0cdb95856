import type { AccountContext, ModelInfo, Provider } from "../provider.ts";
import { chat } from "./chat.ts";
import { listModels, probeAccount, type ControlSettings } from "./control.ts";
import { dueAt, hintOf, restoreCredential, type KiroCredential } from "./credential.ts";
import { agentOf } from "./headers.ts";
import { KIRO_URLS, type KiroUrls } from "./hosts.ts";
import { parseCredentials } from "./import.ts";
import { readMemory } from "./memory.ts";
import { FALLBACK_MODELS, LISTED_MODELS, matchModel, modelInfo } from "./models.ts";
import { renewCredential } from "./refresh.ts";
import { kiroSignIn } from "./sign-in.ts";

export type { KiroUrls } from "./hosts.ts";

/** The service's own client gives up after so long. */
const FIRST_EVENT_MS = 240_000;
const MOST_KNOWN_MODELS = 500;

/**
 * Kiro (AWS): accounts by sign-in, import or API key; native tools, images and thinking.
 * @param given addresses that replace the usual ones
 */
export function createKiro(given: Partial<KiroUrls> = {}): Provider<KiroCredential> {
  const urls: KiroUrls = { ...KIRO_URLS, ...given };
  const userAgentOf = ({ account }: AccountContext<KiroCredential>) =>
    agentOf(account.id, account.credential.machineId);
  const settings: ControlSettings = { urls, userAgentOf };
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
    chat: (request, context) => chat(settings, request, context),
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
    firstEventMs: () => FIRST_EVENT_MS,
  };
}
