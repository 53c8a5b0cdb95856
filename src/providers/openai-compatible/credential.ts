/** The login at an OpenAI-compatible service. */
import { GatewayError } from "../../chat/error.ts";
import {
  parseServiceLogins,
  restoreServiceLogin,
  serviceHint,
  serviceIdentity,
  ServiceLoginRefused,
  serviceSettings,
  type BaseRules,
  type ServiceLogin,
} from "../../lib/service-login.ts";
import type { CredentialKind } from "../provider.ts";

const RULES: BaseRules = {
  endpoints: ["/chat/completions", "/completions", "/responses", "/models"],
  pathOn: { "api.longcat.chat": "/openai" },
};

const EXAMPLE = '{"name": "My service", "baseUrl": "https://api.example.com/v1", "apiKey": "sk-..."}';

const help = {
  en: `Paste JSON such as ${EXAMPLE}, or an array of such objects. Address and key stand in the service's own console. "models" lists names to use in place of the service's list, each a name or {"id": "LongCat", "upstream": "LongCat-Flash-Chat"}; "priority" orders services, lower first; "allowPrivate": true lets the address be this machine or your network.`,
  zh: `粘贴 JSON，例如 ${EXAMPLE}，也可以是这样的数组。地址和密钥在该服务的控制台里。"models" 可列出要使用的模型，每项为名称或 {"id": "LongCat", "upstream": "LongCat-Flash-Chat"}；"priority" 越小越优先；"allowPrivate": true 允许本机或内网地址。`,
} as const;

export const credential: CredentialKind<ServiceLogin> = {
  parse: (text) => inWords(() => parseServiceLogins(text, RULES)),
  restore: (stored) => inWords(() => restoreServiceLogin(stored, RULES)),
  identity: serviceIdentity,
  hint: serviceHint,
  settings: serviceSettings,
  help,
};

function inWords<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ServiceLoginRefused)) throw error;
    throw new GatewayError("invalid-request", `${error.message} ${help.en}`, { field: "credential", cause: error });
  }
}
