import { html, raw, type Html } from "./html.ts";
import { icon, sprite, type IconName } from "./sprite.ts";
import type { Visit } from "./visit.ts";
import { type Key, prose } from "./words.ts";

/** What all pages share. `root` is the console's path with its last slash: `/console/`. */
export interface Site {
  readonly root: string;
  readonly version: string;
}

export interface Page {
  readonly title: string;
  readonly main: Html;
  /** The page in the navigation; undefined while nobody is signed in: no navigation then. */
  readonly section?: Section;
  /** The live stream's query, without it the page stands still. */
  readonly live?: string;
  readonly dataDir?: string;
}

export type Section = "overview" | "accounts";

const NAVIGATION: readonly { section: Section; path: string; key: Key; icon: IconName }[] = [
  { section: "overview", path: "", key: "nav.overview", icon: "n-over" },
  { section: "accounts", path: "accounts", key: "nav.accounts", icon: "n-acc" },
];

/** htmx without eval, inline styles, other servers or a grip on the browser's history. */
const HTMX_CONFIG = JSON.stringify({
  includeIndicatorCSS: false,
  history: false,
  mode: "same-origin",
  extensions: "sse",
  sse: { reconnectDelay: 500, reconnectMaxDelay: 4000 },
  morphIgnore: ["data-htmx-powered", "hidden", "data-copied"],
});

/**
 * In this order, at the end of the body and not deferred: a deferred htmx starts on a timer, and would start without its
 * extension whenever that comes a moment later.
 */
const SCRIPTS: readonly string[] = ["htmx/htmx.min.js", "htmx/hx-sse.min.js", "app.js"];

/** A whole document. */
export function layout(site: Site, visit: Visit, page: Page): Html {
  const { words } = visit;
  const { t } = words;
  const asset = (path: string) => `${site.root}assets/${path}`;
  return html`${raw("<!doctype html>")}
    <html
      lang="${words.tag}"
      ${visit.theme !== undefined && html` data-theme="${visit.theme}"`}
      data-now="${visit.now}"
    >
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${page.title} · Sluice</title>
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <meta name="htmx-config" content="${HTMX_CONFIG}" />
        <link rel="icon" type="image/svg+xml" href="${asset("favicon.svg")}" />
        <link rel="stylesheet" href="${asset("app.css")}" />
      </head>
      <body
        data-copied-word="${t("copy.done")}"
        data-stale-word="${t("live.stale")}"
        data-live-word="${t("live.live")}"
        data-failed-word="${t("error.unreachable")}"
        data-root="${site.root}"
      >
        <a class="skip btn" href="#main">${t("nav.skip")}</a>
        ${sprite}
        <div class="page">
          <header class="top">
            <a class="brand" href="${site.root}">${html`<svg aria-hidden="true"><use href="#brand" /></svg>`}Sluice</a>
            ${page.section !== undefined && navigation(site, visit, page.section)}
            <div class="row end bare">${languageSwitch(site, visit)}${themeSwitch(site, visit)}</div>
          </header>
          <main id="main" tabindex="-1">${page.section !== undefined && noScript(visit)}${page.main}</main>
          ${page.section !== undefined && footer(site, visit, page.dataDir)}
        </div>
        <p id="say" class="say" role="status"></p>
        ${page.section !== undefined && html`<dialog id="sheet" class="sheet" aria-labelledby="sheet-title"><div id="sheet-body"></div></dialog>`}
        ${page.live !== undefined && html`<div id="live" hidden hx-sse:connect="${site.root}live?${page.live}" hx-swap="none"></div>`}
        ${SCRIPTS.map((path) => html`<script src="${asset(path)}"></script>`)}
      </body>
    </html>`;
}

/** What a page with buttons is without scripts. */
function noScript({ words: { t } }: Pick<Visit, "words">): Html {
  return html`<noscript><p class="note notice">${prose(t("no-script"))}</p></noscript>`;
}

function navigation(site: Site, { words: { t } }: Visit, current: Section): Html {
  return html`<nav class="nav" aria-label="${t("nav.main")}">
    ${NAVIGATION.map(
      (entry) =>
        html`<a href="${site.root}${entry.path}" ${entry.section === current && raw(' aria-current="page"')}
          >${icon(entry.icon)}${t(entry.key)}</a
        >`,
    )}<a class="phone" href="#foot">${icon("n-more")}${t("nav.more")}</a>
  </nav>`;
}

function footer(site: Site, { words: { t } }: Visit, dataDir: string | undefined): Html {
  return html`<footer id="foot" class="row foot">
    <small>Sluice ${site.version}${dataDir !== undefined && html` · <span class="mono">${dataDir}</span>`}</small>
    <form class="row end bare" method="post" action="${site.root}logout">
      <button class="tool">${t("nav.sign-out")}</button
      ><button class="tool" name="everywhere" value="yes">${t("nav.sign-out-everywhere")}</button>
    </form>
  </footer>`;
}

function languageSwitch(site: Site, visit: Visit): Html {
  const other =
    visit.words.language === "en"
      ? { code: "zh", tag: "zh-CN", name: "中文" }
      : { code: "en", tag: "en", name: "English" };
  return html`<a
    class="tool"
    lang="${other.tag}"
    hreflang="${other.tag}"
    href="${preference(site, visit, "language", other.code)}"
    >${other.name}</a
  >`;
}

/** Names the other theme. Without a choice only the style sheet knows which one that is, so both words are there. */
function themeSwitch(site: Site, visit: Visit): Html {
  const { t } = visit.words;
  const choice = (theme: "dark" | "light") =>
    html`<a class="tool to-${theme}" data-theme-choice="${theme}" href="${preference(site, visit, "theme", theme)}"
      >${icon("theme")}${t(`theme.${theme}`)}</a
    >`;
  return html`${choice("dark")}${choice("light")}`;
}

function preference(site: Site, visit: Visit, name: "language" | "theme", value: string): string {
  // What a POST answered has no address to come back to: its page's own address is the same one.
  return `${site.root}preference?${new URLSearchParams({ [name]: value, back: visit.path + visit.url.search })}`;
}
