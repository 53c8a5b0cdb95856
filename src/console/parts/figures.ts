import type { ApiKeyView, Overview, ProviderView } from "../../admin/admin.ts";
import { html, type Html } from "../html.ts";
import type { Words } from "../words.ts";
import { copyTile } from "./copy.ts";
import { spark } from "./spark.ts";
import { gates, mark, relativeTime, troubles } from "./state.ts";
import { totalOf, wantedOf } from "./verdict.ts";

/** The last hour in four figures. */
export function figures(words: Words, { hour }: Overview): Html {
  const { t, n, number, compact, percent, span } = words;
  const failed = hour.requests - hour.answered;
  return html`<section id="figures" class="figs" aria-label="${t("hour")}">
    <div>
      <small>${t("hour.requests")}</small
      ><b data-v="requests">${number(hour.requests)}</b>${spark(hour.spark, n("hour.requests.label", hour.requests))}
    </div>
    <div>
      <small>${t("hour.answered")}</small
      ><b data-v="answered">${hour.requests === 0 ? t("fact.none") : percent(hour.answered / hour.requests)}</b
      ><small
        >${hour.requests === 0 ? t("hour.quiet") : failed === 0 ? t("hour.no-failure") : n("hour.failed", failed)}</small
      >
    </div>
    <div>
      <small>${t("hour.first")}</small
      ><b data-v="first">${hour.firstEventMedianMs === undefined ? t("fact.none") : span(hour.firstEventMedianMs)}</b
      ><small>${t("hour.first.note")}</small>
    </div>
    <div>
      <small>${t("hour.tokens")}</small><b data-v="tokens">${compact(hour.tokensToday)}</b
      ><small
        >${
          hour.tokensTodayEstimated > 0
            ? t("hour.estimated", { share: percent(hour.tokensTodayEstimated / Math.max(1, hour.tokensToday)) })
            : t("hour.measured")
        }</small
      >
    </div>
  </section>`;
}

/** A model that answers now: of accounts that are ready, else of a provider that needs none. */
export function modelToTry(overview: Overview | undefined): string | undefined {
  const providers = overview?.providers ?? [];
  const usable = providers.find(({ states, needsAccounts }) => needsAccounts && states.ready > 0);
  return usable?.models[0] ?? providers.find(({ needsAccounts }) => !needsAccounts)?.models[0];
}

/** What a client needs, to copy: the address as the browser knows it, a model, and which key is in use. */
export function ends(words: Words, origin: string, overview: Overview, keys: readonly ApiKeyView[]): Html {
  const { t } = words;
  const model = modelToTry(overview);
  const [key] = keys
    .filter(({ revokedAt }) => revokedAt === undefined)
    .toSorted((a, b) => (b.lastUsedAt ?? b.createdAt) - (a.lastUsedAt ?? a.createdAt));
  return html`<section id="ends" class="ends" aria-label="${t("ends")}">
    ${copyTile(words, t("ends.openai"), html`<span data-origin>${origin}</span>/v1`)}
    ${model !== undefined && copyTile(words, t("ends.model"), model)}
    <div class="copy">
      <div>
        <small>${t("ends.key")}</small
        ><code>${key === undefined ? t("ends.no-key") : `${key.prefix} (${key.name})`}</code>
      </div>
    </div>
  </section>`;
}

/** A line per provider: works or not, its gates, its last hour. */
export function providers(words: Words, overview: Overview): Html {
  const { t } = words;
  if (overview.providers.length === 0) return html`<div id="providers"></div>`;
  return html`<section id="providers" class="sec">
    <header><h2>${t("providers")}</h2></header>
    <table>
      <thead>
        <tr>
          <th>${t("providers.name")}</th>
          <th>${t("providers.state")}</th>
          <th>${t("providers.accounts")}</th>
          <th>${t("hour")}</th>
          <th class="n">${t("providers.requests")}</th>
          <th class="n">${t("hour.answered")}</th>
          <th class="n">${t("hour.first")}</th>
        </tr>
      </thead>
      <tbody>
        ${overview.providers.map((provider) => providerRow(words, provider, overview.at))}
      </tbody>
    </table>
  </section>`;
}

function providerRow(words: Words, provider: ProviderView, now: number): Html {
  const { t, n, number, percent, span } = words;
  const { name, title, models, hour } = provider;
  return html`<tr id="provider-${name}">
    <td class="w2"><b>${title}</b> <small>${n("providers.models", models.length)}</small></td>
    <td class="w2">${providerState(words, provider, now)}</td>
    <td class="all">${providerGates(words, provider)}</td>
    <td class="wide">${spark(hour.spark, n("hour.requests.label", hour.requests))}</td>
    <td class="n" data-l="${t("providers.requests")}">${number(hour.requests)}</td>
    <td class="n" data-l="${t("hour.answered")}">
      ${hour.requests === 0 ? t("fact.none") : percent(hour.answered / hour.requests)}
    </td>
    <td class="n" data-l="${t("hour.first")}">
      ${hour.firstEventMedianMs === undefined ? t("fact.none") : span(hour.firstEventMedianMs)}
    </td>
  </tr>`;
}

function providerState(
  words: Words,
  { breaker, breakerUntil, needsAccounts, guests, states, waiting }: ProviderView,
  now: number,
): Html {
  const { t, n } = words;
  const queue = waiting > 0 && html` <small>${n("providers.waiting", waiting)}</small>`;
  if (breaker === "open") {
    return html`${mark("bad", "s-bad", t("provider.open"))}${breakerUntil !== undefined && html` <small>${t("next-try")}${words.gap}${relativeTime(words, breakerUntil, now)}</small>`}${queue}`;
  }
  if (breaker === "trial") return html`${mark("cool", "s-cool", t("provider.trial"))}${queue}`;
  if (!needsAccounts) return html`${mark("open", "s-open", t("provider.working"))}${queue}`;
  const total = totalOf(states);
  if (total === 0) return mark("wait", "s-wait", t(guests ? "provider.on-demand" : "provider.empty"));
  if (states.ready === 0) return html`${mark("bad", "s-bad", t("provider.down"))}${queue}`;
  const wanted = wantedOf(states);
  return html`${states.ready * 2 < wanted ? mark("cool", "s-limited", t("provider.limited")) : mark("open", "s-open", t("provider.working"))}${queue}`;
}

function providerGates(words: Words, { title, needsAccounts, states, guests }: ProviderView): Html {
  const { t, n, series, gap } = words;
  if (!needsAccounts) return html`<small>${t("provider.no-accounts-needed")}</small>`;
  const total = totalOf(states);
  const trouble =
    guests?.failure !== undefined &&
    html`<small class="bad">${t("guest.failed")}${gap}<span lang="en">${guests.failure}</span></small>`;
  if (total === 0) return html`<small>${t(guests ? "guest.first" : "provider.no-accounts")}</small>${trouble}`;
  const share = n("provider.ready", wantedOf(states), { ready: states.ready });
  const others = troubles(words, states);
  return html`${gates(states, series([`${title}: ${share}`, ...others]))}<small
      ><b>${share}</b>${others.length > 0 && ` · ${series(others)}`}</small
    >${trouble}`;
}
