import { Elysia } from "elysia";
import { GatewayError } from "../chat/error.ts";
import { ANY_HOST } from "../lib/any-host.ts";
import { accountRoutes } from "./account-routes.ts";
import { createAssets } from "./assets.ts";
import { entryRoutes } from "./entry-routes.ts";
import { createFeed, type Snapshot } from "./feed.ts";
import { liveStream } from "./live.ts";
import type { ConsoleOptions } from "./index.ts";
import { accountsPage, accountsRegions } from "./pages/accounts.ts";
import { messagePage } from "./pages/login.ts";
import { overviewPage, overviewRegions, type Regions } from "./pages/overview.ts";
import { requestSheet } from "./parts/sheet.ts";
import { contextOf, type Desk, fragment, type Handler, route, show } from "./routes.ts";
import { signInRoutes } from "./sign-in-routes.ts";
import { transferRoutes } from "./transfer-routes.ts";
import type { Visit } from "./visit.ts";

/** The pages under `/console/`: sign-in, setup, overview and accounts, with their live updates and assets. */
export function createPages(options: ConsoleOptions) {
  const { admin, auth, clock, log, client, stopping, version } = options;
  const desk: Desk = {
    admin,
    auth,
    clock,
    log,
    client,
    stopping,
    feed: createFeed(admin, () => clock.monotonic()),
    site: { root: `${options.basePath.replace(/\/*$/, "/")}console/`, version },
  };
  const operator = (handler: Handler) => route(desk, "operator", handler);
  const notFound = operator((visit) => {
    const { t } = visit.words;
    const main = messagePage(desk.site, visit.words, t("error.unknown-path"), t("error.unknown-path.text"));
    return show(desk, visit, { title: t("error.unknown-path"), main }, { status: 404 });
  });

  return new Elysia({ name: "console-pages", handler: ANY_HOST })
    .use(createAssets(options.assetRoot))
    .get(
      "/console/",
      operator((visit) => showOverview(desk, visit)),
    )
    .get(
      "/console/accounts",
      operator((visit) => showAccounts(desk, visit)),
    )
    .get(
      "/console/requests/:id",
      operator((visit) => showRequest(desk, visit)),
    )
    .get(
      "/console/live",
      operator((visit) => live(desk, visit)),
    )
    .use(entryRoutes(desk))
    .use(accountRoutes(desk))
    .use(signInRoutes(desk))
    .use(transferRoutes(desk))
    .all("/console/*", notFound, { parse: "none" });
}

function draw(desk: Desk, visit: Visit, page: string | null, snapshot: Snapshot): Regions {
  const context = contextOf(desk, { ...visit, now: desk.clock.now() });
  return page === "accounts" ? accountsRegions(context, snapshot) : overviewRegions(context, visit, snapshot);
}

async function showOverview(desk: Desk, visit: Visit): Promise<Response> {
  const snapshot = await desk.feed.snapshot();
  const main = overviewPage(contextOf(desk, visit), draw(desk, visit, "overview", snapshot));
  const { overview } = snapshot;
  const title = visit.words.t(`verdict.title.${overview.verdict.state}`);
  return show(desk, visit, { title, main, section: "overview", live: "page=overview", dataDir: overview.dataDir });
}

async function showAccounts(desk: Desk, visit: Visit): Promise<Response> {
  const snapshot = await desk.feed.snapshot();
  const { overview } = snapshot;
  const main = accountsPage(contextOf(desk, visit), overview, draw(desk, visit, "accounts", snapshot));
  const title = visit.words.t("nav.accounts");
  return show(desk, visit, { title, main, section: "accounts", live: "page=accounts", dataDir: overview.dataDir });
}

async function showRequest(desk: Desk, visit: Visit): Promise<Response> {
  const id = visit.params.id ?? "";
  const [request] = await desk.admin.requests.list({ limit: 1, id });
  if (request === undefined) throw new GatewayError("unknown-path", "There is no such request.");
  const [attempts, accounts] = await Promise.all([desk.admin.requests.attempts(id), desk.admin.accounts.list()]);
  const labelOf = (accountId: string) => accounts.find((account) => account.id === accountId)?.label ?? accountId;
  return fragment(visit, requestSheet(visit.words, visit.now, request, attempts, labelOf));
}

function live(desk: Desk, visit: Visit): Response {
  const page = visit.url.searchParams.get("page");
  return liveStream({
    feed: desk.feed,
    clock: desk.clock,
    regions: async () => draw(desk, visit, page, await desk.feed.snapshot()),
    isSignedIn: () => desk.auth.isSignedIn(visit.token),
    signal: AbortSignal.any([visit.request.signal, desk.stopping]),
  });
}
