import type { Admin, AccountView } from "../../admin/admin.ts";
import type { RequestRow } from "../feed.ts";
import { html, type Html } from "../html.ts";
import type { Site } from "../layout.ts";
import type { Words } from "../words.ts";
import { type AccountContext, accountPath, facts, reasonOf, remedyOf } from "./account.ts";
import { postsTo, sheet } from "./frame.ts";
import { outcomeOf, resultMark, tokensOf } from "./requests.ts";
import { clockTime, mark, relativeTime, stateMark } from "./state.ts";

type Attempt = Awaited<ReturnType<Admin["requests"]["attempts"]>>[number];

/** Everything about one account and everything that can be done with it. */
export function accountSheet(context: AccountContext, account: AccountView): Html {
  const { site, words, now } = context;
  const { t, number } = words;
  const path = accountPath(site, account.id);
  const totals: [string, string][] = [
    [t("sheet.attempts"), number(account.attempts)],
    [t("sheet.failures"), number(account.failures)],
    [t("sheet.rotation-failures"), number(account.rotationFailuresTotal)],
    [t("sheet.source"), t(`source.${account.source}`)],
  ];
  return sheet(
    words,
    account.label,
    html`<p class="row">${stateMark(words, account.state)}<small>${relativeTime(words, account.since, now)}</small></p>
      ${
        account.state !== "ready" &&
        html`<p>${reasonOf(words, account)}${words.gap}<b>${remedyOf(words, account)}</b></p>
          ${account.reason !== undefined && html`<p class="note mono" lang="en">${account.reason}</p>`}`
      }
      <dl class="facts">
        ${facts(context, account).map(
          ([key, value]) =>
            html`<div>
              <dt>${t(key)}</dt>
              <dd>${value}</dd>
            </div>`,
        )}${totals.map(
          ([term, value]) =>
            html`<div>
              <dt>${term}</dt>
              <dd>${value}</dd>
            </div>`,
        )}
        <div>
          <dt>${t("sheet.created")}</dt>
          <dd>${clockTime(words, account.createdAt, now)}</dd>
        </div>
        <div>
          <dt>${t("sheet.id")}</dt>
          <dd class="mono">${account.id}</dd>
        </div>
      </dl>
      ${account.source === "guest" && html`<p>${t("guest.what")}${words.gap}<b>${t("guest.better")}</b></p>`}
      <div class="row">
        <button class="btn go" type="button" hx-get="${path}/settings" hx-target="#sheet-body">
          ${t("action.settings")}</button
        ><button
          class="btn"
          type="button"
          hx-post="${path}/sync"
          hx-swap="none"
          data-busy="${t("sync.busy")}"
          title="${t("action.sync.title")}"
        >
          ${t("action.sync")}</button
        >${
          account.source !== "guest" &&
          html`<button class="btn" type="button" hx-get="${path}/renew" hx-target="#sheet-body">
            ${t("action.renew")}
          </button>`
        }<button
          class="btn"
          type="button"
          hx-post="${path}/reset"
          hx-swap="none"
          data-closes
          title="${t("action.reset.title")}"
        >
          ${t("action.reset")}</button
        ><button class="btn no end" type="button" hx-get="${path}/remove" hx-target="#sheet-body">
          ${t("action.remove")}
        </button>
      </div>`,
  );
}

/** The second click: it names what it deletes. */
export function removeSheet(site: Site, words: Words, account: AccountView): Html {
  const { t } = words;
  return sheet(
    words,
    t("remove.title", { account: account.label }),
    html`<p>
        ${t("remove.text", { provider: account.providerTitle })}
        ${account.source === "environment" && t("remove.environment")}
      </p>
      <p>${t("remove.instead")}</p>
      <div id="remove-error" aria-live="assertive"></div>
      <form class="row" ${postsTo(`${accountPath(site, account.id)}/remove`)} hx-target="#remove-error" data-form>
        <button class="btn no">${t("remove.confirm", { account: account.label })}</button
        ><button class="btn" type="button" data-close>${t("cancel")}</button>
      </form>`,
  );
}

/** One request and each of its attempts. */
export function requestSheet(
  words: Words,
  now: number,
  request: RequestRow,
  attempts: readonly Attempt[],
  labelOf: (accountId: string) => string,
): Html {
  const { t, span } = words;
  return sheet(
    words,
    t("request.title"),
    html`<p class="mono">${request.id}</p>
      <p class="row">${resultMark(words, request)}<small>${clockTime(words, request.at, now)}</small></p>
      ${request.message !== undefined && html`<p class="note mono" lang="en">${request.message}</p>`}
      <dl class="facts">
        <div>
          <dt>${t("requests.model")}</dt>
          <dd class="mono">${request.model}</dd>
        </div>
        <div>
          <dt>${t("requests.key")}</dt>
          <dd>${request.keyName ?? t("fact.none")}</dd>
        </div>
        <div>
          <dt>${t("request.dialect")}</dt>
          <dd class="mono">${request.dialect}</dd>
        </div>
        <div>
          <dt>${t("hour.first")}</dt>
          <dd>${request.firstEventMs === undefined ? t("fact.none") : span(request.firstEventMs)}</dd>
        </div>
        <div>
          <dt>${t("request.duration")}</dt>
          <dd>${span(request.durationMs)}</dd>
        </div>
        <div>
          <dt>${t("requests.tokens")}</dt>
          <dd>${tokensOf(words, request)}</dd>
        </div>
      </dl>
      <h3>${t("request.attempts")}</h3>
      ${
        attempts.length === 0
          ? html`<p class="dim">${t("request.no-attempts")}</p>`
          : html`<ol class="tries">
              ${attempts.map((attempt) => attemptLine(words, attempt, labelOf))}
            </ol>`
      }`,
  );
}

function attemptLine(words: Words, attempt: Attempt, labelOf: (accountId: string) => string): Html {
  const { t, span } = words;
  const result =
    attempt.outcome === "ok"
      ? mark("open", "s-open", t("requests.ok"))
      : mark("bad", "s-bad", outcomeOf(t, attempt.outcome));
  return html`<li>
    <div class="row">
      <b>${attempt.number}</b>${result}<span
        >${attempt.accountId === undefined ? attempt.provider : labelOf(attempt.accountId)}</span
      ><small class="end">${span(attempt.durationMs)}</small>
    </div>
    ${attempt.message !== undefined && html`<small class="mono" lang="en">${attempt.message}</small>`}
  </li>`;
}
