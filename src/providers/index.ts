import { createAnthropic } from "./anthropic/index.ts";
import { createCto } from "./cto/index.ts";
import { createDemo } from "./demo/index.ts";
import { createKiro, type KiroUrls } from "./kiro/index.ts";
import { createLangfast } from "./langfast/index.ts";
import { createLongcat } from "./longcat/index.ts";
import { createOpenaiCompatible } from "./openai-compatible/index.ts";
import type { Provider } from "./provider.ts";

/** What the providers' settings are, each group for the provider of its name. Read anew where a setting may change. */
export interface ProviderSettings {
  readonly longcat: {
    readonly url: string;
    readonly sessionDeleteDelayMs: readonly [number, number];
    readonly sessions: "ephemeral" | "reuse";
  };
  readonly cto: {
    readonly clerkUrl: string;
    readonly apiUrl: string;
    readonly socketUrl: string;
    readonly protocol: "auto" | "v1" | "v2";
    readonly deleteChats: boolean;
    readonly maxPromptBytes: number;
  };
  readonly langfast: {
    readonly supabaseUrl: string;
    readonly anonKey: string | undefined;
    readonly socketUrl: string;
    readonly guests: number;
    readonly modelsPath: string | undefined;
  };
  readonly kiro: KiroUrls;
  readonly demo: { readonly enabled: boolean };
  /** The router keeps this deadline for every provider; LangFast watches for a run's first chunk itself as well. */
  readonly router: { readonly firstEventMs: number | undefined };
}

/** The services of this gateway, in the order in which pages name them. A new one is a folder here and a line below. */
export function buildProviders(settings: () => ProviderSettings): readonly Provider[] {
  const { longcat, cto, langfast, kiro, demo } = settings();
  return [
    createLongcat({
      url: longcat.url,
      get sessionDeleteDelayMs() {
        return settings().longcat.sessionDeleteDelayMs;
      },
      get keep() {
        return settings().longcat.sessions;
      },
    }),
    createLangfast({
      url: langfast.supabaseUrl,
      anonKey: langfast.anonKey,
      socketUrl: langfast.socketUrl,
      modelsPath: langfast.modelsPath,
      get guests() {
        return settings().langfast.guests;
      },
      get firstEventMs() {
        return settings().router.firstEventMs;
      },
    }),
    createCto({
      clerkUrl: cto.clerkUrl,
      apiUrl: cto.apiUrl,
      socketUrl: cto.socketUrl,
      get protocol() {
        return settings().cto.protocol;
      },
      get deleteChats() {
        return settings().cto.deleteChats;
      },
      get maxPromptBytes() {
        return settings().cto.maxPromptBytes;
      },
    }),
    createKiro(kiro),
    createOpenaiCompatible(),
    createAnthropic(),
    ...(demo.enabled ? [createDemo()] : []),
  ];
}
