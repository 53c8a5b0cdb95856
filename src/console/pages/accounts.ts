import type { AccountView, Overview } from "../../admin/admin.ts";
import type { Snapshot } from "../feed.ts";
import { html, type Html } from "../html.ts";
import type { AccountContext } from "../parts/account.ts";
import { accountGates, accountSections, ALL } from "../parts/accounts.ts";
import { signInList } from "../parts/sign-in.ts";
import { countStates, mark, STATE_LOOKS, STATES_BY_TROUBLE } from "../parts/state.ts";
import { icon } from "../sprite.ts";
import type { Regions } from "./overview.ts";

export function accountsRegions(context: AccountContext, { overview, signIns }: Snapshot): Regions {
  return {
    "all-gates": accountGates(context, overview.accounts),
    chips: chips(context, overview.accounts),
    "sign-ins": signInList(context, signIns),
    accounts: accountSections(context, overview, ALL),
  };
}

/** Every account, with a filter that works in the browser and so survives each live update. */
export function accountsPage(context: AccountContext, overview: Overview, regions: Regions): Html {
  const { site, words } = context;
  const { t } = words;
  return html`<div class="row head">
      <h1>${t("nav.accounts")}</h1>
      <span id="pulse" class="pulse" data-pulse>${mark("open", "s-open", t("live.live"))}</span>
      <div class="row end bare">
        <button class="btn" type="button" hx-get="${site.root}import" hx-target="#sheet-body">${t("import")}</button
        ><button class="btn" type="button" hx-get="${site.root}export" hx-target="#sheet-body">${t("export")}</button
        ><button class="btn go" type="button" hx-get="${site.root}accounts/new" hx-target="#sheet-body">
          ${icon("plus")}${t("accounts.add")}
        </button>
      </div>
    </div>
    <section class="sec">
      <header>${regions["all-gates"]}</header>
      <form class="pad split filter" role="search" id="filter">
        ${regions.chips}
        <label class="field"
          ><span>${t("filter.search")}</span
          ><input type="search" id="find" placeholder="${t("filter.search.note")}" autocomplete="off"
        /></label>
        <label class="field"
          ><span>${t("providers.name")}</span
          ><select id="filter-provider">
            <option value="">${t("filter.all-providers")}</option>
            ${overview.providers
              .filter(({ needsAccounts }) => needsAccounts)
              .map(({ name, title }) => html`<option value="${name}">${title}</option>`)}
          </select></label
        >
      </form>
    </section>
    ${regions["sign-ins"]}${regions.accounts}`;
}

function chips({ words }: AccountContext, accounts: readonly AccountView[]): Html {
  const { t, number } = words;
  const counts = countStates(accounts);
  const chip = (state: string, content: Html | string, count: number) =>
    html`<button class="btn chip" type="button" data-chip="${state}" id="chip-${state || "all"}">
      ${content} <b>${number(count)}</b>
    </button>`;
  return html`<div class="row chips" id="chips" role="group" aria-label="${t("accounts.state")}">
    ${chip("", t("filter.all"), accounts.length)}${STATES_BY_TROUBLE.map((state) =>
      chip(state, html`${icon(STATE_LOOKS[state].icon, STATE_LOOKS[state].tone)}${t(`state.${state}`)}`, counts[state]),
    )}
  </div>`;
}
