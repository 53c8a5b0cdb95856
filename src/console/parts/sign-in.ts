import type { SignInMethodView, SignInView } from "../../admin/admin.ts";
import { html, raw, type Html } from "../html.ts";
import type { Site } from "../layout.ts";
import { icon } from "../sprite.ts";
import type { Words } from "../words.ts";
import { copyButton } from "./copy.ts";
import { postsTo, sheet } from "./frame.ts";
import { ring } from "./spark.ts";
import { mark } from "./state.ts";

/** Where a finished sign-in leads: back to the page below the sheet, or on to the next step of the first run. */
export type LeadsTo = "close" | "setup";

/** What a sign-in is for. */
export interface Purpose {
  readonly leadsTo: LeadsTo;
  /** The account that gets the new login; undefined for a new one. */
  readonly accountId?: string | undefined;
  readonly label?: string | undefined;
  /** The sign-in that this one takes the place of. */
  readonly replaces?: string;
}

/** The name of a form's field for what a method asks; a prefix keeps it apart from our own fields. */
export const ASKED = "in-";

/** The ways to sign in at one provider: one click each, or a short form where the service must know something first. */
export function signInChoices(
  site: Site,
  words: Words,
  methods: readonly SignInMethodView[],
  purpose: Purpose,
): Html | false {
  const [first] = methods;
  if (first === undefined) return false;
  const { t, language } = words;
  const errors = `begin-error-${first.provider}`;
  const direct = methods.filter(({ fields }) => fields.length === 0);
  const asking = methods.filter(({ fields }) => fields.length > 0);
  return html`<div class="field">
    <span class="label">${t("sign-in.with")}</span>
    <div class="row">
      ${direct.map((method) =>
        beginForm(
          site,
          words,
          method,
          purpose,
          errors,
          html`<button class="btn" data-busy="${t("sign-in.busy")}">${method.title[language]}</button>`,
        ),
      )}
    </div>
    <div id="${errors}" aria-live="assertive"></div>
    ${asking.map(
      (method) =>
        html`<details class="way">
          <summary class="btn">${method.title[language]}</summary>
          ${askingForm(site, words, method, purpose)}
        </details>`,
    )}
  </div>`;
}

function askingForm(site: Site, words: Words, method: SignInMethodView, purpose: Purpose): Html {
  const { t, language } = words;
  const errors = `begin-error-${method.provider}-${method.id}`;
  const content = html`${method.fields.map(
      ({ name, label, required, initial }) =>
        html`<label class="field"
          ><span>${label[language]}${!required && html` <small>${t("add.label.note")}</small>`}</span
          ><input
            name="${ASKED}${name}"
            value="${initial}"
            ${required && raw(" required")}
            autocomplete="off"
            spellcheck="false"
        /></label>`,
    )}
    <div id="${errors}" aria-live="assertive"></div>
    <div class="row">
      <button class="btn go" data-busy="${t("sign-in.busy")}">
        ${t(purpose.replaces === undefined ? "sign-in.begin" : "sign-in.again")}
      </button>
    </div>`;
  return beginForm(site, words, method, purpose, errors, content);
}

function beginForm(
  site: Site,
  { language }: Words,
  method: SignInMethodView,
  { leadsTo, accountId, label, replaces }: Purpose,
  errors: string,
  content: Html,
): Html {
  const hidden = (name: string, value: string | undefined) =>
    value !== undefined && html`<input type="hidden" name="${name}" value="${value}" />`;
  return html`<form
    class="field loose"
    ${postsTo(`${site.root}sign-ins`)}
    hx-target="#${errors}"
    hx-sync="this:drop"
    aria-label="${method.providerTitle}: ${method.title[language]}"
    ${label === undefined && accountId === undefined && raw(' hx-include="#label"')}
  >
    ${hidden("provider", method.provider)}${hidden("method", method.id)}${hidden("after", leadsTo)}${hidden("account", accountId)}${hidden("label", label)}${hidden("replaces", replaces)}
    ${content}
  </form>`;
}

/** What is drawn of a sign-in besides itself. */
export interface PanelContext {
  readonly site: Site;
  readonly words: Words;
  /** Epoch ms. */
  readonly now: number;
  readonly methods: readonly SignInMethodView[];
}

/** A sign-in in the sheet. */
export function signInSheet(context: PanelContext, view: SignInView): Html {
  const { words } = context;
  const title = words.t("sign-in.title", { provider: view.providerTitle });
  return sheet(words, title, html`<div id="add-body" class="field loose">${signInPanel(context, view, "close")}</div>`);
}

/** What the user does now, for how long, and how it stands. It asks every two seconds whether that has changed. */
export function signInPanel(context: PanelContext, view: SignInView, leadsTo: LeadsTo): Html {
  const { site, words } = context;
  const { t } = words;
  if (view.status === "done") return mark("open", "s-open", t("sign-in.done"));
  if (view.status === "failed" || view.prompt === undefined) return failedPanel(context, view, leadsTo);
  const path = signInPath(site, view.id);
  const state = `${path}/state?${new URLSearchParams([
    ["after", leadsTo],
    ["seen", fingerprint(view)],
  ])}`;
  return html`<p class="dim">${methodOf(words, view)}</p>
    ${view.prompt.kind === "code" ? codeSteps(words, view.prompt) : browserSteps(site, words, view, view.prompt, leadsTo)}
    <p class="row">
      ${ring(view.createdAt, view.expiresAt, context.now)}<span
        >${t("sign-in.left")}${words.gap}${timeLeft(view.expiresAt, context.now)}</span
      >
    </p>
    <p class="row" id="sign-in-state" role="status" hx-get="${state}" hx-trigger="every 2s" hx-swap="none">
      ${mark("wait", "s-wait", t("sign-in.waiting"))}${view.reason !== undefined && html`<small>${reasonOf(words, view)}</small>`}
    </p>
    <form class="row" ${postsTo(`${path}/cancel`)} hx-swap="none">
      <input type="hidden" name="after" value="${leadsTo}" /><button class="btn">${t("sign-in.cancel")}</button>
    </form>`;
}

type CodePrompt = Extract<NonNullable<SignInView["prompt"]>, { kind: "code" }>;
type BrowserPrompt = Extract<NonNullable<SignInView["prompt"]>, { kind: "browser" }>;

function codeSteps(words: Words, { userCode, url }: CodePrompt): Html {
  const { t } = words;
  return html`<p>${t("sign-in.code")}</p>
    <div class="note row">
      <span class="code" id="user-code">${userCode}</span>${copyButton(words, t("sign-in.code.name"), "#user-code")}
    </div>
    <div class="row">${openLink(words, url)}<small class="mono">${url}</small></div>`;
}

function browserSteps(
  site: Site,
  words: Words,
  { id }: SignInView,
  { url, listens }: BrowserPrompt,
  leadsTo: LeadsTo,
): Html {
  const { t } = words;
  return html`<p>${t(listens ? "sign-in.browser.listens" : "sign-in.browser")}</p>
    <div class="row">
      ${openLink(words, url)}<span id="sign-in-url" hidden>${url}</span
      >${copyButton(words, "", "#sign-in-url", "", t("sign-in.url"))}
    </div>
    <form
      class="field loose"
      ${postsTo(`${signInPath(site, id)}/complete`)}
      hx-target="#address-said"
      hx-sync="this:drop"
    >
      <input type="hidden" name="after" value="${leadsTo}" />
      <label class="field" for="address"
        ><span>${t("sign-in.address")}</span
        ><textarea id="address" name="address" rows="2" required spellcheck="false" autocomplete="off"></textarea>
      </label>
      <div id="address-said" aria-live="assertive"></div>
      <div class="row"><button class="btn" data-busy="${t("sign-in.busy")}">${t("sign-in.complete")}</button></div>
    </form>`;
}

/** A link of the service's own; anything that is no web address is shown as text and leads nowhere. */
function openLink({ t }: Words, url: string): Html | false {
  if (!/^https?:\/\//i.test(url)) return false;
  return html`<a class="btn go" href="${url}" target="_blank" rel="noopener noreferrer"
    >${t("sign-in.open")}${icon("go")}</a
  >`;
}

function failedPanel({ site, words, now, methods }: PanelContext, view: SignInView, leadsTo: LeadsTo): Html {
  const { t } = words;
  const { id, accountId, label } = view;
  const method = methods.find((known) => known.provider === view.provider && known.id === view.method);
  const purpose: Purpose = { leadsTo, accountId, label: label ?? "", replaces: id };
  return html`<p class="dim">${methodOf(words, view)}</p>
    <p class="note err">${icon("s-bad")}<span>${whyNot(words, view, now)}</span></p>
    ${method !== undefined && askingForm(site, words, method, purpose)}
    <form class="row" ${postsTo(`${signInPath(site, id)}/cancel`)} hx-swap="none">
      <input type="hidden" name="after" value="${leadsTo}" /><button class="btn">${t("sign-in.dismiss")}</button>
    </form>`;
}

function whyNot(words: Words, view: SignInView, now: number): Html | string {
  return view.expiresAt <= now || view.reason === undefined ? words.t("sign-in.expired") : reasonOf(words, view);
}

/** In the page's language; our exact words, which are English, only where they tell more than the kind of failure. */
function reasonOf({ t, language, gap }: Words, { reason, reasonKind }: SignInView): Html | string {
  const exact = html`<span lang="en">${reason}</span>`;
  if (language === "en") return exact;
  switch (reasonKind) {
    case "auth-rejected":
    case "store-unavailable":
      return t(`sign-in.why.${reasonKind}`);
    case "upstream-timeout":
    case "upstream-broken":
    case "upstream-changed":
      return html`${t("add.error.upstream")}${gap}${exact}`;
    default:
      return html`${t("error.refused")}${gap}${exact}`;
  }
}

/** Sign-ins that are not over, on the page itself: they outlive the sheet and a reload. */
export function signInList({ site, words, now }: Omit<PanelContext, "methods">, views: readonly SignInView[]): Html {
  const { t } = words;
  const shown = views.filter(({ status }) => status !== "done");
  if (shown.length === 0) return html`<div id="sign-ins"></div>`;
  const line = (view: SignInView) => {
    const path = signInPath(site, view.id);
    const open = view.status === "open";
    return html`<li class="row" id="line-${view.id}" data-sign-in="${view.status}">
      ${open ? mark("wait", "s-wait", t("sign-in.waiting")) : mark("bad", "s-bad", t("sign-in.failed"))}
      <span><b>${view.providerTitle}</b> <small>${methodOf(words, view)}</small></span>
      ${view.prompt?.kind === "code" && html`<span class="mono">${view.prompt.userCode}</span>`}
      ${open ? html`<small>${t("sign-in.left")}${words.gap}${timeLeft(view.expiresAt, now)}</small>` : html`<small>${whyNot(words, view, now)}</small>`}
      <span class="acts end"
        ><button class="btn go" type="button" id="act-go-${view.id}" hx-get="${path}" hx-target="#sheet-body">
          ${t(open ? "sign-in.continue" : "sign-in.again")}</button
        ><button class="btn" type="button" id="act-cancel-${view.id}" hx-post="${path}/cancel" hx-swap="none">
          ${t(open ? "sign-in.cancel" : "sign-in.dismiss")}
        </button></span
      >
    </li>`;
  };
  return html`<div id="sign-ins">
    <section class="sec">
      <header><h2>${t("sign-ins")}</h2></header>
      <ul class="pad tries">
        ${shown.map(line)}
      </ul>
    </section>
  </div>`;
}

/** Differs whenever a panel that is open must be drawn anew. */
export function fingerprint({ status, reason, prompt }: SignInView): string {
  return Bun.hash(JSON.stringify([status, reason, prompt])).toString(36);
}

function methodOf({ language, t }: Words, { methodTitle, label }: SignInView): string {
  const title = methodTitle[language];
  return label === undefined ? title : t("sign-in.for", { method: title, account: label });
}

/** Minutes and seconds that the page counts down. Epoch ms. */
function timeLeft(until: number, now: number): Html {
  const seconds = Math.max(0, Math.floor((until - now) / 1000));
  const text = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  return html`<time class="left" data-left="${until}">${text}</time>`;
}

function signInPath(site: Site, id: string): string {
  return `${site.root}sign-ins/${encodeURIComponent(id)}`;
}
