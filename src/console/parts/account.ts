import type { AccountView, TestResult } from "../../admin/admin.ts";
import { FAILURES, type FailureKind } from "../../chat/error.ts";
import { html, type Html } from "../html.ts";
import type { Site } from "../layout.ts";
import { icon } from "../sprite.ts";
import type { Key, Words } from "../words.ts";
import { bar, ring } from "./spark.ts";
import { relativeTime, STATE_LOOKS, stateMark } from "./state.ts";

/** The failure kinds that blame an account: each has a text and a remedy in the locales. */
export type AccountFailure = {
  [Kind in FailureKind]: (typeof FAILURES)[Kind]["blames"] extends "account" ? Kind : never;
}[FailureKind];

/** What an account's cards and rows are drawn from. */
export interface AccountContext {
  readonly site: Site;
  readonly words: Words;
  /** Epoch ms. */
  readonly now: number;
  /** The latest test of an account that was asked for on a page. */
  readonly testOf: (id: string) => TestResult | undefined;
}

function isAccountFailure(kind: string | undefined): kind is AccountFailure {
  return kind !== undefined && Object.hasOwn(FAILURES, kind) && FAILURES[kind as FailureKind].blames === "account";
}

/** Why an account is out, in the page's language; the exact words of the upstream only where no text of ours fits. */
export function reasonOf({ t }: Words, account: AccountView): string {
  if (account.state === "disabled_by_user") return t("why.disabled_by_user");
  if (isAccountFailure(account.reasonKind)) return t(`why.${account.reasonKind}`);
  return account.reason ?? t(`why.${account.state}`);
}

/** Whether only a new credential helps; a test would fail once more. */
export function wantsLogin({ state, reasonKind }: AccountView): boolean {
  return state === "needs_login" || (state === "disabled_auto" && reasonKind === "auth-rejected");
}

/** What to do about it. */
export function remedyOf({ t }: Words, account: AccountView): string {
  const { state, reasonKind } = account;
  if (wantsLogin(account)) return t("do.needs_login");
  const byKind = state === "cooling" || reasonKind === "suspended";
  return byKind && isAccountFailure(reasonKind) ? t(`do.${reasonKind}`) : t(`do.${state}`);
}

/** An element of a long region, with its id. */
export interface Part {
  readonly id: string;
  readonly markup: Html;
}

/** An account in trouble: what, since when, why, what to do, the figures, the buttons. */
export function accountCard(context: AccountContext, account: AccountView): Part {
  const { words, now } = context;
  const look = STATE_LOOKS[account.state];
  const id = `card-${account.id}`;
  const markup = html`<article
    class="card ${look.tone}"
    id="${id}"
    data-account="${account.id}"
    data-state="${account.state}"
    data-provider="${account.provider}"
    data-find="${findable(account)}"
  >
    <div class="row">
      ${name(context, account)}<small
        >${account.providerTitle} · <span class="mono">${account.hint}</span>${guestMark(context, account)}</small
      >
    </div>
    <div class="row st ${look.tone}">
      ${icon(look.icon)}${words.t(`state.${account.state}`)}<small class="end"
        >${relativeTime(words, account.since, now)}</small
      >
    </div>
    <p>${reasonOf(words, account)}${words.gap}<b>${remedyOf(words, account)}</b></p>
    ${nextStep(context, account)} ${testNote(context, account)}
    <dl class="facts">
      ${facts(context, account).map(
        ([key, value]) =>
          html`<div>
            <dt>${words.t(key)}</dt>
            <dd>${value}</dd>
          </div>`,
      )}
    </dl>
    <div class="row">${actions(context, account)}</div>
  </article>`;
  return { id, markup };
}

function name(context: AccountContext, account: AccountView): Html {
  return html`<h3>${account.label}</h3>
    ${turnMark(context, account)}`;
}

/** The rotation may stand at an account that rests: the next request then goes to another. */
function turnMark({ words: { t } }: AccountContext, { current, state }: AccountView): Html | false {
  return (
    current &&
    state === "ready" &&
    html`<span class="turn" title="${t("account.current.title")}">${icon("turn")}${t("account.current")}</span>`
  );
}

function findable({ label, hint, providerTitle, id }: AccountView): string {
  return `${label} ${hint} ${providerTitle} ${id}`.toLowerCase();
}

/** When it is back, or when it is tried next: never a question that the card leaves open. */
function nextStep({ words, now }: AccountContext, account: AccountView): Html | false {
  const { state, since, until, nextTryAt } = account;
  if ((state === "cooling" || state === "exhausted") && until !== undefined) {
    return html`<p class="row">
      ${ring(since, until, now)}<span>${words.t("account.back")} ${relativeTime(words, until, now)}</span>
    </p>`;
  }
  if (state === "ready" || state === "disabled_by_user") return false;
  // The time of the first probe is set a few seconds after an account went out of rotation.
  const untimed = account.reasonKind === "suspended" ? words.t("account.no-try") : words.t("account.will-try");
  return html`<p class="row dim">
    ${icon("s-wait")}<span
      >${nextTryAt === undefined ? untimed : html`${words.t("next-try")}${words.gap}${relativeTime(words, nextTryAt, now)}`}</span
    >
  </p>`;
}

/** Every figure of an account, as its card and its sheet show them. */
export function facts({ words, now }: AccountContext, account: AccountView): [Key, Html | string][] {
  const { t } = words;
  const time = (at: number | undefined, none: Key) => (at === undefined ? t(none) : relativeTime(words, at, now));
  return [
    ["fact.last-used", time(account.lastUsedAt, "fact.never")],
    ["fact.success", successOf(words, account)],
    ["fact.failures", failuresOf(words, account)],
    ["fact.in-flight", t("fact.of", { n: account.inFlight, most: account.concurrency })],
    ["fact.quota", quotaOf(words, account)],
    ["fact.expires", time(account.credentialExpiresAt, "fact.unknown")],
  ];
}

function successOf({ percent, t }: Words, { successRate }: AccountView): string {
  return successRate === undefined ? t("fact.none") : percent(successRate);
}

function failuresOf({ t }: Words, { rotationFailures, rotationMaxFailures }: AccountView): string {
  return t("fact.of", { n: rotationFailures, most: rotationMaxFailures });
}

function quotaOf(words: Words, { quota }: AccountView): Html | string {
  if (quota === undefined) return words.t("fact.unknown");
  const used = words.number(quota.used);
  if (quota.limit === undefined) return `${used} ${quota.unit}`;
  return html`${bar(quota.used / Math.max(1, quota.limit))}${used} / ${words.number(quota.limit)} ${quota.unit}`;
}

function testNote({ words: { t, span, gap }, testOf }: AccountContext, { id }: AccountView): Html | false {
  const result = testOf(id);
  if (result === undefined) return false;
  const { durationMs, model, text } = result;
  return html`<p class="note ${result.ok ? "ok" : "err"}" data-test="${result.ok ? "ok" : "failed"}">
    ${icon(result.ok ? "tick" : "s-bad")}<span
      >${t(result.ok ? "test.ok" : "test.failed", { time: span(durationMs), model })}${gap}<q>${text}</q></span
    >
  </p>`;
}

/** The buttons of a card; the one that helps most first. */
function actions(context: AccountContext, account: AccountView): Html[] {
  const test = testButton(context, account, account.state === "disabled_auto" && !wantsLogin(account));
  const toggle = toggleButton(context, account);
  const more = moreButton(context, account);
  if (wantsLogin(account)) return [renewButton(context, account), test, toggle, more];
  if (account.state === "disabled_auto") return [test, resetButton(context, account), toggle, more];
  return [test, toggle, more];
}

/** A healthy account: one line. The test's result is a line of its own below it. */
export function accountRows(context: AccountContext, account: AccountView): Part[] {
  const { words, now } = context;
  const { t } = words;
  const note = testNote(context, account);
  const cell = (key: Key, value: Html | string, style = "") =>
    html`<td class="${style}" data-l="${t(key)}">${value}</td>`;
  const part = (kind: "row" | "test", content: Html): Part => {
    const id = `${kind}-${account.id}`;
    return {
      id,
      markup: html`<tr
        id="${id}"
        data-account="${account.id}"
        data-state="${account.state}"
        data-provider="${account.provider}"
        data-find="${findable(account)}"
      >
        ${content}
      </tr>`,
    };
  };
  const row = part(
    "row",
    html`<td class="w2">${nameCell(context, account)}</td>
      <td class="w2">${stateMark(words, account.state)} <small>${relativeTime(words, account.since, now)}</small></td>
      ${cell("fact.success", successOf(words, account), "n")}${cell("fact.failures", failuresOf(words, account), "n")}${cell("fact.in-flight", t("fact.of", { n: account.inFlight, most: account.concurrency }), "n")}
      ${cell("fact.last-used", account.lastUsedAt === undefined ? t("fact.never") : relativeTime(words, account.lastUsedAt, now))}
      ${cell("fact.quota", quotaOf(words, account))}
      ${cell("fact.expires", account.credentialExpiresAt === undefined ? t("fact.unknown") : relativeTime(words, account.credentialExpiresAt, now))}
      <td class="n all">
        <span class="acts"
          >${account.state === "ready" && testButton(context, account, false)}${toggleButton(context, account)}${moreButton(context, account)}</span
        >
      </td>`,
  );
  return note === false ? [row] : [row, part("test", html`<td class="all" colspan="9">${note}</td>`)];
}

function nameCell(context: AccountContext, account: AccountView): Html {
  const { label, providerTitle, hint } = account;
  return html`<b>${label}</b> ${turnMark(context, account)}<small class="sub"
      >${providerTitle} · <span class="mono">${hint}</span>${guestMark(context, account)}</small
    >`;
}

/** Says that a session is nobody's own, and what is better. */
function guestMark({ words: { t } }: AccountContext, { source }: AccountView): Html | false {
  return source === "guest" && html` · <span class="guest" title="${t("guest.better")}">${t("guest")}</span>`;
}

/** A button that acts on one account at once. Its name for readers says on which. */
function actionButton(
  { site, words: { t } }: AccountContext,
  { id, label }: AccountView,
  verb: "test" | "enable" | "disable" | "reset",
  style: string,
): Html {
  const busy = verb === "test" && html` data-busy="${t("test.busy")}"`;
  const title = t(`action.${verb}.title`);
  return html`<button
    class="btn ${style}"
    type="button"
    id="act-${verb === "enable" || verb === "disable" ? "toggle" : verb}-${id}"
    hx-post="${accountPath(site, id)}/${verb}"
    hx-swap="none"
    hx-sync="this:drop"
    aria-label="${t("action.on", { action: t(`action.${verb}`), account: label })}"
    title="${title}"
    ${busy}
  >
    ${t(`action.${verb}`)}
  </button>`;
}

const testButton = (context: AccountContext, account: AccountView, first: boolean) =>
  actionButton(context, account, "test", first ? "go" : "");
const resetButton = (context: AccountContext, account: AccountView) => actionButton(context, account, "reset", "");
const toggleButton = (context: AccountContext, account: AccountView) =>
  actionButton(context, account, account.state === "disabled_by_user" ? "enable" : "disable", "");

function renewButton({ site, words: { t } }: AccountContext, { id, label }: AccountView): Html {
  return html`<button
    class="btn go"
    type="button"
    id="act-renew-${id}"
    hx-get="${accountPath(site, id)}/renew"
    hx-target="#sheet-body"
    aria-label="${t("action.on", { action: t("action.renew"), account: label })}"
  >
    ${t("action.renew")}
  </button>`;
}

function moreButton({ site, words: { t } }: AccountContext, { id, label }: AccountView): Html {
  return html`<button
    class="btn more"
    type="button"
    id="act-more-${id}"
    hx-get="${accountPath(site, id)}"
    hx-target="#sheet-body"
    aria-label="${t("action.on", { action: t("action.more"), account: label })}"
    title="${t("action.more")}"
  >
    ${icon("n-more")}
  </button>`;
}

export function accountPath(site: Site, id: string): string {
  return `${site.root}accounts/${encodeURIComponent(id)}`;
}
