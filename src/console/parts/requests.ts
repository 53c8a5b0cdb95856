import type { AccountView } from "../../admin/admin.ts";
import { FAILURES, type FailureKind } from "../../chat/error.ts";
import type { RequestRow, Snapshot } from "../feed.ts";
import { html, type Html } from "../html.ts";
import type { Site } from "../layout.ts";
import type { Key, Words } from "../words.ts";
import { clockTime, mark } from "./state.ts";

/** The last 50 requests, newest first; a request's id opens its attempts. */
export function latestRequests(site: Site, words: Words, { overview, requests }: Snapshot): Html {
  const { t } = words;
  if (requests.length === 0) {
    return html`<section id="requests" class="sec">
      <header><h2>${t("requests")}</h2></header>
      <div class="empty">
        <div>
          <h3>${t("requests.empty")}</h3>
          <small>${t("requests.empty.why")}</small>
        </div>
      </div>
    </section>`;
  }
  const accounts = new Map(overview.accounts.map((account) => [account.id, account]));
  const titles = new Map(overview.providers.map(({ name, title }) => [name, title]));
  const row = (request: RequestRow) => {
    const served = servedBy(words, request, accounts, titles);
    return html`<tr id="${request.id}">
      <td class="mono whole">${clockTime(words, request.at, overview.at)}</td>
      <td class="w2">${resultMark(words, request)}</td>
      <td class="w2" data-l="${t("requests.model")}"><code>${shortened(request.model)}</code></td>
      <td class="w2" data-l="${t("requests.account")}">${shortened(served)}</td>
      <td class="wide" data-l="${t("requests.key")}">${shortened(request.keyName ?? t("fact.none"))}</td>
      <td class="n wide" data-l="${t("hour.first")}">
        ${request.firstEventMs === undefined ? t("fact.none") : words.span(request.firstEventMs)}
      </td>
      <td class="n" data-l="${t("requests.tokens")}">${tokensOf(words, request)}</td>
      <td class="w2" data-l="${t("requests.id")}">
        <button
          class="link mono whole"
          type="button"
          id="open-${request.id}"
          hx-get="${site.root}requests/${encodeURIComponent(request.id)}"
          hx-target="#sheet-body"
          aria-label="${t("requests.open", { id: request.id })}"
        >
          ${shortId(request.id)}
        </button>
      </td>
    </tr>`;
  };
  return html`<section id="requests" class="sec">
    <header><h2>${t("requests")}</h2></header>
    <table>
      <thead>
        <tr>
          <th>${t("requests.time")}</th>
          <th>${t("requests.result")}</th>
          <th>${t("requests.model")}</th>
          <th>${t("requests.account")}</th>
          <th>${t("requests.key")}</th>
          <th class="n">${t("hour.first")}</th>
          <th class="n">${t("requests.tokens")}</th>
          <th>${t("requests.id")}</th>
        </tr>
      </thead>
      <tbody id="request-rows">
        ${requests.map(row)}
      </tbody>
    </table>
  </section>`;
}

const MOST_LETTERS = 40;
const MOST_TITLE_CHARS = 300;
const LETTERS = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** A caller may name a model by any text: of a long one the beginning, and more of it where the pointer rests. */
function shortened(text: string): Html {
  if (text.length <= MOST_LETTERS) return html`${text}`;
  const title = text.slice(0, MOST_TITLE_CHARS);
  const letters = Array.from(LETTERS.segment(title), ({ segment }) => segment);
  if (letters.length <= MOST_LETTERS) return html`${text}`;
  return html`<span title="${title}">${letters.slice(0, MOST_LETTERS - 1).join("")}…</span>`;
}

function shortId(id: string): string {
  return id.length > 14 ? `${id.slice(0, 12)}…` : id;
}

function servedBy(
  { t }: Words,
  { provider, accountId }: RequestRow,
  accounts: ReadonlyMap<string, AccountView>,
  titles: ReadonlyMap<string, string>,
): string {
  if (provider === undefined) return t("requests.nobody");
  const title = titles.get(provider) ?? provider;
  const account = accountId === undefined ? undefined : (accounts.get(accountId)?.label ?? accountId);
  return account === undefined ? title : `${title} · ${account}`;
}

/** Result by word, shape and colour: answered, answered after failover, or the failure and the status the client saw. */
export function resultMark(
  { t }: Words,
  { outcome, attempts, status }: Pick<RequestRow, "outcome" | "attempts" | "status">,
): Html {
  if (outcome === "ok" && attempts <= 1) return mark("open", "s-open", t("requests.ok"));
  if (outcome === "ok") return mark("cool", "s-cool", t("requests.ok-on-try", { n: attempts }));
  if (outcome === "cancelled") return mark("off", "s-off", t("outcome.cancelled"));
  return mark("bad", "s-bad", t("requests.failed", { status: String(status), why: outcomeOf(t, outcome) }));
}

/** A failure kind in a word or two. */
export function outcomeOf(t: (key: Key) => string, outcome: string): string {
  return Object.hasOwn(FAILURES, outcome) ? t(`outcome.${outcome as FailureKind}`) : outcome;
}

/** All tokens of a request, with a sign where they are an estimate. */
export function tokensOf(
  { t, number }: Words,
  request: Pick<RequestRow, "inputTokens" | "outputTokens" | "usageEstimated">,
): Html {
  const sum = number(request.inputTokens + request.outputTokens);
  return request.usageEstimated && request.inputTokens + request.outputTokens > 0
    ? html`<span title="${t("requests.estimated")}">≈ ${sum}</span>`
    : html`${sum}`;
}
