import { type Language, type Words, wordsOf } from "./words.ts";

/** Who is at the other end, as the HTTP side knows it: it alone reads proxy headers, and only of trusted proxies. */
export interface Client {
  /** The client's network address. */
  readonly address: string;
  /** Whether the browser speaks TLS, to us or to a trusted proxy. */
  readonly secure: boolean;
  /** Scheme, host and port as the browser's address bar has them: `http://nas.local:8000`. */
  readonly origin: string;
}

export type Theme = "light" | "dark";

/** One request to the console and all that its answer depends on. */
export interface Visit {
  readonly request: Request;
  readonly url: URL;
  /** The path below `/console/`: `accounts`. */
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly client: Client;
  readonly words: Words;
  /** Undefined: as the system has it. */
  readonly theme: Theme | undefined;
  /** The session's token, whether valid or not. */
  readonly token: string | undefined;
  /** Epoch ms, the same throughout one answer. */
  readonly now: number;
}

export const COOKIES = { session: "sluice_session", language: "sluice_lang", theme: "sluice_theme" } as const;

/** Reads cookies and languages of a request. */
export function visitOf(request: Request, client: Client, params: Visit["params"], now: number): Visit {
  const cookies = new Bun.CookieMap(request.headers.get("cookie") ?? "");
  const theme = cookies.get(COOKIES.theme);
  const url = new URL(request.url);
  return {
    request,
    url,
    path: url.pathname.replace(/^\/console\/?/, ""),
    params,
    client,
    words: wordsOf(languageOf(cookies.get(COOKIES.language), request.headers.get("accept-language"))),
    theme: theme === "light" || theme === "dark" ? theme : undefined,
    token: cookies.get(COOKIES.session) ?? undefined,
    now,
  };
}

/** The chosen language, else the one of ours that the browser likes best, else English. */
export function languageOf(chosen: string | null | undefined, acceptLanguage: string | null): Language {
  if (chosen === "en" || chosen === "zh") return chosen;
  const liked = (acceptLanguage ?? "")
    .split(",")
    .map((entry) => {
      const [tag = "", ...parameters] = entry.trim().toLowerCase().split(";");
      const quality = parameters.find((parameter) => parameter.trim().startsWith("q="));
      return { tag, quality: quality === undefined ? 1 : Number(quality.trim().slice(2)) };
    })
    .filter(({ quality }) => quality > 0)
    .toSorted((a, b) => b.quality - a.quality);
  for (const { tag } of liked) {
    if (tag === "zh" || tag.startsWith("zh-")) return "zh";
    if (tag === "en" || tag.startsWith("en-")) return "en";
  }
  return "en";
}

/** Whether htmx asks, which swaps a fragment, and not the address bar. */
export function isFragment(visit: Visit): boolean {
  return visit.request.headers.get("hx-request") === "true";
}
