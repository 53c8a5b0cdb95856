/** LangFast, the prompt playground at langfa.st, through the user's own session or guests. protocol.md says how it speaks. */
import { nextUtcDay } from "../../lib/utc-day.ts";
import type { AccountContext, Provider } from "../provider.ts";
import type { Service } from "./calls.ts";
import { credential, dueAt, type LangfastCredential } from "./credential.ts";
import { GuestDesk } from "./guest-desk.ts";
import { loadModels } from "./models.ts";
import { Desks, readNotes } from "./notes.ts";
import { runTurn } from "./run.ts";
import { checkSession, renewSession } from "./session.ts";

export type { LangfastCredential } from "./credential.ts";

/** Read at each use, apart from the model table: getters make a setting live. */
export interface LangfastOptions {
  /** The Supabase project: sign-in, prompts and functions. */
  readonly url?: string | undefined;
  /** The project's public key, which the page gives to every visitor. */
  readonly anonKey?: string | undefined;
  /** The prompt runner: http, https, ws or wss. */
  readonly socketUrl?: string | undefined;
  /** Guest sessions to keep; default 1, 0 for none. */
  readonly guests?: number | undefined;
  /** A file that replaces the built-in model table; read once. */
  readonly modelsPath?: string | undefined;
  /** A model table as JSON text; wins over `modelsPath`. */
  readonly modelsJson?: string | undefined;
  /** The longest wait for the first chunk, ms; default 120 s. */
  readonly firstEventMs?: number | undefined;
}

const DEFAULT_URL = "https://yzaaxwkjukajpwqflndu.supabase.co";
const DEFAULT_SOCKET_URL = "https://langfast-prompt-runner-35808038077.us-central1.run.app";
/** Public: the site sends it to everybody who opens the page. */
const DEFAULT_ANON_KEY = [
  "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9",
  "eyJpc3MiOiJzdXBhYmFzZSIsInJlZiI6Inl6YWF4d2tqdWthanB3cWZsbmR1Iiwicm9sZSI6ImFub24iLCJpYXQiOjE3NDMxNTgzNzUsImV4cCI6MjA1ODczNDM3NX0",
  "tDu7BsFUOV4aPo8U-dsokQJSRw29LQWT8JfDqQe5MoI",
].join(".");
const FIRST_EVENT_MS = 120_000;

/** @throws GatewayError invalid-request when a replaced model table cannot be read */
export function createLangfast(options: LangfastOptions = {}): Provider<LangfastCredential> {
  const service: Service = {
    get url() {
      return (options.url || DEFAULT_URL).replace(/\/+$/, "");
    },
    get anonKey() {
      return options.anonKey || DEFAULT_ANON_KEY;
    },
    get socketUrl() {
      return options.socketUrl || DEFAULT_SOCKET_URL;
    },
  };
  const table = loadModels({ json: options.modelsJson, path: options.modelsPath });
  const desks = new Desks();
  const guests = new GuestDesk(service);
  const firstEventMs = (): number => options.firstEventMs ?? FIRST_EVENT_MS;
  const deps = { service, table: () => table, desks, guests, firstChunkMs: firstEventMs };
  return {
    name: "langfast",
    title: "LangFast",
    capabilities: {
      history: "messages",
      tools: false,
      images: "none",
      stop: false,
      maxOutputTokens: true,
      responseFormat: true,
    },
    credential,
    models: table.models,
    match: table.match,
    chat: (request, context) => runTurn(deps, request, context),
    async probe(context) {
      await checkSession(service, context);
      const now = context.clock.now();
      return { quota: { used: desks.of(context).runsOn(now), unit: "requests", resetsAt: nextUtcDay(now) } };
    },
    refresh: { dueAt, run: (context) => renewSession(service, context) },
    guests: {
      get count() {
        return options.guests ?? 1;
      },
      create: (context) => guests.create(context),
    },
    modelsOf({ credential: { kind }, memory }) {
      const { lacking } = readNotes(memory);
      if (kind === "own" && lacking.length === 0) return undefined;
      const isServed = ({ slug, premium }: (typeof table.rows)[number]): boolean =>
        !lacking.includes(slug) && !(premium && kind === "guest");
      const served = new Set(table.rows.filter(isServed).map(({ slug }) => slug));
      return table.models.filter(({ id }) => served.has(id));
    },
    /** There is no list to ask for. What a plan was found to lack is tried again: the plan may have grown. */
    refreshModels(context) {
      forgetLacks(desks, context);
      return Promise.resolve();
    },
    forgetLacks: (context) => forgetLacks(desks, context),
    firstEventMs,
  };
}

function forgetLacks(desks: Desks, context: AccountContext<LangfastCredential>): void {
  const desk = desks.of(context);
  if (desk.notes.lacking.length > 0) desk.note(context, { lacking: [] });
}
