import type { Admin } from "../admin/admin.ts";
import { causeOf, GatewayError, toGatewayError } from "../chat/error.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Feed } from "./feed.ts";
import { isForeign } from "./guard.ts";
import { html, type Html } from "./html.ts";
import { layout, type Page, type Site } from "./layout.ts";
import type { ConsoleAuth } from "./login.ts";
import { lockedPage, messagePage, resultPage } from "./pages/login.ts";
import type { AccountContext } from "./parts/account.ts";
import { partial } from "./partial.ts";
import { redirect, respond, type ResponseOptions } from "./respond.ts";
import { type Client, isFragment, type Visit, visitOf } from "./visit.ts";

/** What every handler of the console has at hand. */
export interface Desk {
  readonly admin: Admin;
  readonly auth: ConsoleAuth;
  readonly feed: Feed;
  readonly clock: Clock;
  readonly log: Log;
  readonly site: Site;
  /** Aborts when the program stops: open pages let go of their streams. */
  readonly stopping: AbortSignal;
  client(request: Request): Client;
}

export type Handler = (visit: Visit) => Promise<Response> | Response;
/** "anyone": also without a password or a session; "operator": only for who is signed in. */
export type Audience = "anyone" | "operator";

interface RouteContext {
  readonly request: Request;
  readonly params?: Record<string, string>;
}

/** A route: refuses foreign origins, asks for setup or sign-in, and turns whatever is thrown into words. */
export function route(desk: Desk, audience: Audience, handler: Handler): (context: RouteContext) => Promise<Response> {
  return async ({ request, params = {} }) => {
    const visit = visitOf(request, desk.client(request), params, desk.clock.now());
    try {
      if (isForeign(visit)) return await refuse(desk, visit);
      const refusal = audience === "operator" ? await turnAway(desk, visit) : undefined;
      return refusal ?? asAsked(desk, visit, await handler(visit));
    } catch (error) {
      return failed(desk, visit, error);
    }
  };
}

/** What fragments are made of, for browsers that run no scripts. */
const markups = new WeakMap<Response, Html>();

/** A fragment as it is for htmx; as a page, or as the way to one, for a browser that sent a form or opened a link by itself. */
function asAsked(desk: Desk, visit: Visit, answer: Response): Response {
  const markup = markups.get(answer);
  const { headers } = visit.request;
  const isBrowser = headers.get("accept")?.includes("text/html") === true;
  if (markup === undefined || isFragment(visit) || !isBrowser) return answer;
  const leadsTo = answer.headers.get("hx-redirect");
  if (leadsTo !== null) return redirect(leadsTo);
  const title = visit.words.t(answer.ok ? "nav.accounts" : "error.title");
  return show(desk, visit, { title, main: resultPage(desk.site, visit.words, markup) }, { status: answer.status });
}

async function refuse(desk: Desk, visit: Visit): Promise<Response> {
  const { t } = visit.words;
  return show(
    desk,
    visit,
    {
      title: t("error.foreign"),
      main: messagePage(desk.site, visit.words, t("error.foreign"), t("error.foreign.text")),
    },
    { status: 403 },
  );
}

/** Why this visit may not go on; undefined when it may. */
async function turnAway(desk: Desk, visit: Visit): Promise<Response | undefined> {
  const { auth, site } = desk;
  const reads = visit.request.method === "GET" && !isFragment(visit) && visit.path !== "live";
  if (!(await auth.isSetUp())) {
    const page = { title: visit.words.t("locked.title"), main: lockedPage(visit.words) };
    return show(desk, visit, page, { status: reads ? 200 : 403 });
  }
  if (await auth.isSignedIn(visit.token)) return undefined;
  const next = reads ? visit.path + visit.url.search : "";
  const login = `${site.root}login${next === "" ? "" : `?${new URLSearchParams({ next })}`}`;
  if (reads) return redirect(login);
  return respond(visit.request, html`${visit.words.t("login.ended")}`, {
    status: 401,
    headers: { "hx-redirect": login },
  });
}

function failed(desk: Desk, visit: Visit, error: unknown): Response {
  const failure = toGatewayError(error);
  if (failure.kind === "internal") desk.log.error("console-failed", { path: visit.path, cause: causeOf(failure) });
  const { t, language, gap } = visit.words;
  const known = failure.kind === "internal" || failure.kind === "store-unavailable" || failure.kind === "unknown-path";
  const text = known
    ? t(`error.${failure.kind}`)
    : `${language === "en" ? "" : t("error.refused") + gap}${failure.message}`;
  if (isFragment(visit)) return say(visit, text, { status: failure.status, tone: "bad" });
  const main = messagePage(desk.site, visit.words, t("error.title"), text);
  return show(desk, visit, { title: t("error.title"), main }, { status: failure.status });
}

/** Tells the page to close the sheet. */
export const CLOSES = { "hx-trigger": "sheet-close" };

/** A whole page. */
export function show(desk: Desk, visit: Visit, page: Page, options?: ResponseOptions): Response {
  return respond(visit.request, layout(desk.site, visit, page), options);
}

/** A sentence in the page's status line, which readers announce; nothing else on the page changes. */
export function say(
  visit: Visit,
  text: string,
  {
    status = 200,
    tone = "open",
    headers,
  }: { status?: number; tone?: "open" | "bad"; headers?: Record<string, string> } = {},
): Response {
  const said = html`<span class="${tone}">${text}</span>`;
  const options = { status, ...(headers !== undefined && { headers }) };
  return remembering(said, respond(visit.request, partial("#say", "innerHTML", said), options));
}

/** A fragment for the target that the page named. */
export function fragment(visit: Visit, markup: Html, status = 200): Response {
  return remembering(markup, respond(visit.request, markup, { status }));
}

function remembering(markup: Html, answer: Response): Response {
  markups.set(answer, markup);
  return answer;
}

/** What cards, rows and sheets of this visit are drawn from. */
export function contextOf(desk: Desk, visit: Visit): AccountContext {
  return { site: desk.site, words: visit.words, now: visit.now, testOf: (id) => desk.feed.testOf(id) };
}

/** A posted form. @throws GatewayError invalid-request when the body is none */
export async function formOf({ request }: Visit): Promise<FormData> {
  try {
    return await request.formData();
  } catch (error) {
    if (request.signal.aborted) throw error;
    throw new GatewayError(
      "invalid-request",
      "The form could not be read: it must come whole, as a browser sends it.",
      {
        cause: error,
      },
    );
  }
}

/** A field of a posted form; "" for one that is missing or a file. */
export function textIn(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === "string" ? value : "";
}

/** The fields of a posted form by name, as `textIn` reads them. @throws GatewayError as `formOf` */
export async function fieldsOf(visit: Visit): Promise<(name: string) => string> {
  const form = await formOf(visit);
  return (name) => textIn(form, name);
}
