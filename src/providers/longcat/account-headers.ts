import { StandingHeaders } from "../../lib/http-client/header-lines.ts";
import { cookieHeader, type LongcatCredential } from "./credential.ts";

/** How calls present themselves. */
export interface Manner {
  /** Scheme, host and port of the service. */
  readonly origin: string;
  readonly language: "zh" | "en";
  readonly userAgent: string;
}

/** The headers that all calls of an account have in common (protocol.md, "Endpoints"), made once for each account. */
export class AccountHeaders {
  readonly #made = new WeakMap<LongcatCredential, Manner & { readonly headers: StandingHeaders }>();

  of(credential: LongcatCredential, { origin, language, userAgent }: Manner): StandingHeaders {
    const made = this.#made.get(credential);
    if (made?.userAgent === userAgent && made.language === language && made.origin === origin) return made.headers;
    const headers = new StandingHeaders({
      "content-type": "application/json",
      "x-requested-with": "XMLHttpRequest",
      "x-client-language": language,
      origin,
      "user-agent": userAgent,
      cookie: cookieHeader(credential),
      "m-appkey": "fe_com.sankuai.friday.fe.longcat",
    });
    this.#made.set(credential, { origin, language, userAgent, headers });
    return headers;
  }
}
