import type { AccountView } from "../../admin/admin.ts";
import { html, type Html } from "../html.ts";
import { icon } from "../sprite.ts";
import { type AccountContext, accountCard, accountRow } from "./account.ts";
import { byTrouble, countStates, gates, isTroubled, troubles } from "./state.ts";

export interface Shown {
  readonly cards: number;
  readonly rows: number;
}

/** The overview shows the beginning of a long list, the accounts page all of it. */
export const SOME: Shown = { cards: 12, rows: 24 };
export const ALL: Shown = { cards: Infinity, rows: Infinity };

/** Cards for trouble, then a table of the rest; or the empty state with its one next step. */
export function accountSections(context: AccountContext, accounts: readonly AccountView[], shown: Shown): Html {
  const { words } = context;
  if (accounts.length === 0) return html`<div id="accounts">${emptyState(context)}</div>`;
  const sorted = accounts.toSorted(byTrouble);
  const troubled = sorted.filter(isTroubled);
  const others = sorted.filter((account) => !isTroubled(account));
  return html`<div id="accounts">
    ${troubled.length > 0 && cards(context, troubled, shown.cards)}${others.length > 0 && table(context, others, shown.rows)}
    <p id="no-match" class="sec pad head" hidden>${words.t("accounts.no-match")}</p>
  </div>`;
}

function cards(context: AccountContext, troubled: readonly AccountView[], most: number): Html {
  const { t, n } = context.words;
  return html`<section class="sec" id="troubled" data-group>
    <header>
      <h2>${t("accounts.troubled")}</h2>
      <small>${n("accounts.count", troubled.length)}</small>${troubled.length > most && all(context)}
    </header>
    <div class="cards" id="cards">${troubled.slice(0, most).map((account) => accountCard(context, account))}</div>
  </section>`;
}

function table(context: AccountContext, others: readonly AccountView[], most: number): Html {
  const { t, n } = context.words;
  return html`<section class="sec" id="settled" data-group>
    <header>
      <h2>${t("accounts.settled")}</h2>
      <small>${n("accounts.count", others.length)}</small>${others.length > most && all(context)}
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
        ${others.slice(0, most).map((account) => accountRow(context, account))}
      </tbody>
    </table>
  </section>`;
}

function all({ site, words: { t } }: AccountContext): Html {
  return html`<a class="btn end" href="${site.root}accounts">${t("accounts.all")}</a>`;
}

function emptyState({ site, words: { t } }: AccountContext): Html {
  return html`<section class="sec">
    <header><h2>${t("nav.accounts")}</h2></header>
    <div class="empty">
      ${icon("n-acc")}
      <div>
        <h3>${t("accounts.empty")}</h3>
        <small>${t("accounts.empty.why")}</small>
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
  const label = [words.n("accounts.count", accounts.length), ...troubles(words, states)].join(", ");
  return html`<div id="all-gates" class="row">
    ${accounts.length > 0 && gates(states, label)}<small>${label}</small>
  </div>`;
}
