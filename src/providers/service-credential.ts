/** The login at a service of the user's own choosing, as its providers take it. */
import { GatewayError } from "../chat/error.ts";
import {
  parseServiceLogins,
  restoreServiceLogin,
  serviceHint,
  serviceIdentity,
  ServiceLoginRefused,
  serviceSettings,
  type BaseRules,
  type ServiceLogin,
} from "../lib/service-login.ts";
import type { CredentialKind } from "./provider.ts";

/** @param example a login as JSON, shown to users */
export function serviceCredential(rules: BaseRules, example: string): CredentialKind<ServiceLogin> {
  const help = {
    en: `Paste JSON such as ${example}, or an array of such objects. Address and key stand in the service's own console. "models" lists names to use in place of the service's list, each a name or {"id": "LongCat", "upstream": "LongCat-Flash-Chat"}; "priority" orders services, lower first; "allowPrivate": true lets the address be this machine or your network.`,
    zh: `粘贴 JSON，例如 ${example}，也可以是这样的数组。地址和密钥在该服务的控制台里。"models" 可列出要使用的模型，每项为名称或 {"id": "LongCat", "upstream": "LongCat-Flash-Chat"}；"priority" 越小越优先；"allowPrivate": true 允许本机或内网地址。`,
  };
  const inWords = <T>(read: () => T): T => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ServiceLoginRefused)) throw error;
      throw new GatewayError("invalid-request", `${error.message} ${help.en}`, { field: "credential", cause: error });
    }
  };
  return {
    parse: (text) => inWords(() => parseServiceLogins(text, rules)),
    restore: (stored) => inWords(() => restoreServiceLogin(stored, rules)),
    identity: serviceIdentity,
    hint: serviceHint,
    settings: serviceSettings,
    help,
  };
}
