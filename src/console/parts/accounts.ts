import type { AccountView, Overview, ProviderView } from "../../admin/admin.ts";
import { withoutAccounts } from "../../admin/without-accounts.ts";
import { html, type Html, Parted } from "../html.ts";
import { icon } from "../sprite.ts";
import { type AccountContext, accountCard, accountRows, type Part } from "./account.ts";
import { byTrouble, countStates, gates, isTroubled, troubles } from "./state.ts";

export interface Shown {
  readonly cards: number;
  readonly rows: number;
}

/** The overview shows the beginning of a long list, the accounts page all of it. */
export const SOME: Shown = { cards: 12, rows: 24 };
export const ALL: Shown = { cards: Infinity, rows: Infinity };

/** Cards for trouble, then a table of the rest; or the empty state with its one next step. */
export function accountSections(
  context: AccountContext,
  { accounts, providers }: Pick<Overview, "accounts" | "providers">,
  shown: Shown,
): Html {
  if (accounts.length === 0) return html`<div id="accounts">${emptyState(context, providers)}</div>`;
  const sorted = accounts.toSorted(byTrouble);
  const troubled = sorted.filter(isTroubled);
  const others = sorted.filter((account) => !isTroubled(account));
  const cards = troubled.slice(0, shown.cards).map((account) => accountCard(context, account));
  const rows = others.slice(0, shown.rows).flatMap((account) => accountRows(context, account));
  const draw = (place: (part: Part) => Html) =>
    html`<div id="accounts">
      ${troubled.length > 0 && cardSection(context, troubled.length, cards.map(place), cards.length)}
      ${others.length > 0 && tableSection(context, others.length, rows.map(place), Math.min(others.length, shown.rows))}
      <p id="no-match" class="sec pad head" hidden>${context.words.t("accounts.no-match")}</p>
    </div>`;
  const whole = draw(({ markup }) => markup);
  const frame = draw(({ id }) => html`${id} `);
  return new Parted(whole.text, frame.text, new Map([...cards, ...rows].map(({ id, markup }) => [id, markup])));
}

function cardSection(context: AccountContext, count: number, cards: readonly Html[], shown: number): Html {
  const { t, n } = context.words;
  return html`<section class="sec" id="troubled" data-group>
    <header>
      <h2>${t("accounts.troubled")}</h2>
      <small>${n("accounts.count", count)}</small>${count > shown && all(context)}
    </header>
    <div class="cards" id="cards">${cards}</div>
  </section>`;
}

function tableSection(context: AccountContext, count: number, rows: readonly Html[], shown: number): Html {
  const { t, n } = context.words;
  return html`<section class="sec" id="settled" data-group>
    <header>
      <h2>${t("accounts.settled")}</h2>
      <small>${n("accounts.count", count)}</small>${count > shown && all(context)}
    </header>
    <table>
      <thead>
        <tr>
          <th>${t("accounts.account")}</th>
          <th>${t("accounts.state")}</th>
          <th class="n">${t("fact.success")}</th>
          <th class="n">${t("fact.failures")}</th>
          <th class="n">${t("fact.in-flight")}</th>
          <th>${t("fact.last-used")}</th>
          <th>${t("fact.quota")}</th>
          <th>${t("fact.expires")}</th>
          <th><span class="vh">${t("accounts.actions")}</span></th>
        </tr>
      </thead>
      <tbody id="rows">
        ${rows}
      </tbody>
    </table>
  </section>`;
}

function all({ site, words: { t } }: AccountContext): Html {
  return html`<a class="btn end" href="${site.root}accounts">${t("accounts.all")}</a>`;
}

/** Says who answers without accounts as the verdict does. */
function emptyState({ site, words: { t, list } }: AccountContext, providers: readonly ProviderView[]): Html {
  const { guests, demo } = withoutAccounts(providers);
  const why =
    guests.length > 0
      ? t("accounts.empty.why.guests", { list: list(guests) })
      : t(demo ? "accounts.empty.why" : "accounts.empty.why.no-demo");
  return html`<section class="sec">
    <header><h2>${t("nav.accounts")}</h2></header>
    <div class="empty">
      ${icon("n-acc")}
      <div>
        <h3>${t("accounts.empty")}</h3>
        <small>${why}</small>
      </div>
      <button class="btn go" type="button" hx-get="${site.root}accounts/new" hx-target="#sheet-body">
        ${icon("plus")}${t("accounts.add")}
      </button>
    </div>
  </section>`;
}

/** All gates of all accounts, with the counts in words. */
export function accountGates({ words }: AccountContext, accounts: readonly AccountView[]): Html {
  const states = countStates(accounts);
  const label = words.series([words.n("accounts.count", accounts.length), ...troubles(words, states)]);
  return html`<div id="all-gates" class="row">
    ${accounts.length > 0 && gates(states, label)}<small>${label}</small>
  </div>`;
}
