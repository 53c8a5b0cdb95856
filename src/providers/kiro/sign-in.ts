import { GatewayError } from "../../chat/error.ts";
import type { SignIn } from "../provider.ts";
import { beginBrowser, completeBrowser, type BrowserMethod } from "./browser-flow.ts";
import { DEFAULT_REGION, type KiroCredential } from "./credential.ts";
import { beginDevice, pollDevice } from "./device-flow.ts";
import type { KiroUrls } from "./hosts.ts";

const REGION = {
  name: "region",
  label: { en: "Region of the sign-in", zh: "登录所在区域" },
  required: false,
  initial: DEFAULT_REGION,
} as const;
const START_URL = {
  name: "startUrl",
  label: { en: "Start URL of your organisation", zh: "组织的起始网址" },
  required: true,
} as const;

const METHODS: SignIn<KiroCredential>["methods"] = [
  { id: "builder-id", title: { en: "AWS Builder ID", zh: "AWS Builder ID" }, fields: [] },
  { id: "idc", title: { en: "IAM Identity Center", zh: "IAM Identity Center" }, fields: [START_URL, REGION] },
  { id: "google", title: { en: "Google", zh: "Google" }, fields: [] },
  { id: "github", title: { en: "GitHub", zh: "GitHub" }, fields: [] },
  { id: "google-ide", title: { en: "Google, as the Kiro IDE does", zh: "Google（Kiro IDE 方式）" }, fields: [] },
  { id: "github-ide", title: { en: "GitHub, as the Kiro IDE does", zh: "GitHub（Kiro IDE 方式）" }, fields: [] },
];

/** Every way to sign in; each state is plain JSON, so that it survives a restart. */
export function kiroSignIn(urls: KiroUrls): Required<SignIn<KiroCredential>> {
  return {
    methods: METHODS,
    async begin(method, input, context) {
      switch (method) {
        case "builder-id":
        case "idc":
          return beginDevice(method, input, urls, context);
        case "google":
        case "github":
        case "google-ide":
        case "github-ide":
          return beginBrowser(method satisfies BrowserMethod, urls, context);
        default:
          throw new GatewayError("invalid-request", "Kiro has no such way to sign in.", { field: "method" });
      }
    },
    async poll(state, context) {
      return state.prompt.kind === "code" ? pollDevice(state, urls, context) : { state };
    },
    async complete(state, address, context) {
      if (state.prompt.kind !== "browser") {
        throw new GatewayError("invalid-request", "This sign-in waits for a code, not for an address.");
      }
      return completeBrowser(state, address, urls, context);
    },
  };
}
