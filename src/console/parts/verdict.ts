import type { Overview, ProviderView, Verdict } from "../../admin/admin.ts";
import { withoutAccounts } from "../../admin/without-accounts.ts";
import { html, raw, type Html } from "../html.ts";
import type { Site } from "../layout.ts";
import { icon, type IconName } from "../sprite.ts";
import { sentences, type Words } from "../words.ts";
import { wantsLogin } from "./account.ts";
import { relativeTime } from "./state.ts";
import { chamber } from "./spark.ts";

const LOOKS: Readonly<Record<Verdict["state"], { tone: string; icon: IconName }>> = {
  fine: { tone: "fine", icon: "s-open" },
  limited: { tone: "limited", icon: "s-limited" },
  degraded: { tone: "limited", icon: "s-limited" },
  down: { tone: "down", icon: "s-bad" },
  empty: { tone: "still", icon: "s-wait" },
  starting: { tone: "still", icon: "s-cool" },
};

/** The answer to "is it working?": one sentence, the reason, the remedy, and at the right a level per provider. */
export function verdictBar(site: Site, words: Words, overview: Overview): Html {
  const { verdict } = overview;
  const look = LOOKS[verdict.state];
  return html`<section id="verdict" class="verdict ${look.tone}" data-verdict="${verdict.state}">
    <div>
      <h1 aria-live="polite">${icon(look.icon)}<span>${sentence(words, overview)}</span></h1>
      <p>${reasons(words, overview)}</p>
      <div class="row">${remedies(site, words, overview)}</div>
    </div>
    ${locks(words, overview.providers)}
  </section>`;
}

function titleOf(overview: Overview): string | undefined {
  const { provider } = overview.verdict;
  return provider === undefined
    ? undefined
    : (overview.providers.find(({ name }) => name === provider)?.title ?? provider);
}

function sentence({ t, n, list }: Words, overview: Overview): string {
  const { state, usable, total } = overview.verdict;
  const provider = titleOf(overview);
  if (state === "empty" || hasGuestsAlone(overview)) {
    const { guests, demo } = withoutAccounts(overview.providers);
    if (guests.length > 0) return t("verdict.empty.guests", { list: list(guests) });
    return t(demo ? "verdict.empty" : "verdict.empty.no-demo");
  }
  if (state === "degraded" || state === "starting") return t(`verdict.${state}`);
  if (state === "limited") {
    return provider === undefined
      ? n("verdict.limited", total, { usable })
      : n("verdict.limited.provider", total, { usable, provider });
  }
  return provider === undefined ? t(`verdict.${state}`) : t(`verdict.${state}.provider`, { provider });
}

/** There is no account yet, and guest sessions answer. */
function hasGuestsAlone({ verdict: { state, total } }: Overview): boolean {
  return state === "fine" && total === 0;
}

/** Why it is so, and what will change by itself. */
function reasons(words: Words, overview: Overview): Html {
  const { t, n, list, gap } = words;
  const { verdict, at } = overview;
  if (verdict.state === "empty" || hasGuestsAlone(overview)) return html`${t("verdict.empty.reason")}`;
  if (verdict.state === "starting") return html`${t("verdict.starting.reason")}`;
  if (verdict.state === "degraded") {
    const { trouble } = verdict;
    return sentences(words, [
      t("verdict.degraded.reason"),
      trouble !== undefined && html`<span class="mono">${trouble}</span>`,
    ]);
  }

  const counted = [
    verdict.needsLogin > 0 && n("states.needs_login", verdict.needsLogin),
    verdict.disabledAuto > 0 && n("states.disabled_auto", verdict.disabledAuto),
    verdict.exhausted > 0 && n("states.exhausted", verdict.exhausted),
    verdict.cooling > 0 && n("states.cooling", verdict.cooling),
  ].filter((text) => text !== false);
  const closed = overview.providers.filter(({ breaker }) => breaker !== "closed");
  const breaker = ({ title, breakerUntil }: ProviderView) =>
    sentences(words, [
      t("verdict.breaker", { provider: title }),
      breakerUntil !== undefined && html`${t("next-try")}${gap}${relativeTime(words, breakerUntil, at)}${t("stop")}`,
    ]);
  return sentences(words, [
    verdict.state === "fine" && n("verdict.fine.reason", verdict.total, { usable: verdict.usable }),
    counted.length > 0 && t("verdict.because", { list: list(counted) }),
    ...closed.map(breaker),
    verdict.nextBackAt !== undefined &&
      html`${t("verdict.back")} ${relativeTime(words, verdict.nextBackAt, at)}${t("stop")}`,
    verdict.state === "down" && counted.length === 0 && closed.length === 0 && t("verdict.down.reason"),
  ]);
}

/** What the operator can do now; the most useful thing first. */
function remedies(site: Site, { t, n }: Words, overview: Overview): Html[] {
  const { verdict } = overview;
  const link = (query: string, text: string, first: boolean) =>
    html`<a class="btn${first && raw(" go")}" href="${site.root}accounts${query}">${text}${icon("go")}</a>`;
  const add = html`<button class="btn go" type="button" hx-get="${site.root}accounts/new" hx-target="#sheet-body">
    ${icon("plus")}${t("accounts.add")}
  </button>`;
  if (verdict.state === "empty" || hasGuestsAlone(overview)) return [add];
  if (verdict.state === "starting") return [];
  if (verdict.state === "degraded") return [html`<span>${t("verdict.degraded.remedy")}</span>`];
  if (verdict.state === "fine") return [link("", t("verdict.show"), false)];
  const own = overview.accounts.filter(({ source }) => source !== "guest");
  const refused = own.filter((account) => account.state === "disabled_auto" && wantsLogin(account)).length;
  const failed = verdict.disabledAuto - refused;
  const links = [
    verdict.needsLogin > 0 && { query: "?state=needs_login", text: n("remedy.sign-in", verdict.needsLogin) },
    refused > 0 && { query: "?state=disabled_auto", text: n("remedy.sign-in", refused) },
    failed > 0 && { query: "?state=disabled_auto", text: n("remedy.test", failed) },
  ].filter((remedy) => remedy !== false);
  if (links.length > 0) return links.map(({ query, text }, index) => link(query, text, index === 0));
  const isChallenged = own.some(({ state, reasonKind }) => state === "cooling" && reasonKind === "challenge");
  const wait = isChallenged ? t("do.challenge") : t("remedy.wait");
  return [html`<span>${verdict.nextBackAt === undefined ? t("remedy.add-or-wait") : wait}</span>`, add];
}

function locks({ t, series }: Words, providers: readonly ProviderView[]): Html | false {
  const shown = providers.filter(({ needsAccounts, states }) => needsAccounts && wantedOf(states) > 0);
  if (shown.length === 0) return false;
  const share = ({ title, states }: ProviderView) =>
    t("locks.provider", { provider: title, ready: states.ready, total: wantedOf(states) });
  return html`<div class="locks" role="img" aria-label="${t("locks", { list: series(shown.map(share)) })}">
    ${shown.map(
      ({ title, states }) =>
        html`<div>${chamber(states.ready / wantedOf(states))}<b>${states.ready}/${wantedOf(states)}</b>${title}</div>`,
    )}
  </div>`;
}

/** With those that a person switched off. */
export function totalOf(states: ProviderView["states"]): number {
  return Object.values(states).reduce((sum, count) => sum + count, 0);
}

/** Without those that a person switched off, as the verdict counts. */
export function wantedOf(states: ProviderView["states"]): number {
  return totalOf(states) - states.disabled_by_user;
}
