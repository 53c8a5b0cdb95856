import type { Snapshot } from "../feed.ts";
import { html, type Html } from "../html.ts";
import { chineseNotice } from "../locales/notices.ts";
import type { Visit } from "../visit.ts";
import type { Words } from "../words.ts";
import type { AccountContext } from "../parts/account.ts";
import { accountSections, SOME } from "../parts/accounts.ts";
import { ends, figures, providers } from "../parts/figures.ts";
import { latestRequests } from "../parts/requests.ts";
import { signInList } from "../parts/sign-in.ts";
import { mark } from "../parts/state.ts";
import { verdictBar } from "../parts/verdict.ts";

/** The regions of a page that follow the gateway's state, by element id. Nothing a person types in is in them. */
export type Regions = Readonly<Record<string, Html>>;

export function overviewRegions(context: AccountContext, visit: Visit, snapshot: Snapshot): Regions {
  const { site, words } = context;
  const { overview, keys, signIns } = snapshot;
  return {
    verdict: verdictBar(site, words, overview),
    notices: notices(words, overview.notices),
    "sign-ins": signInList(context, signIns),
    ends: ends(words, visit.client.origin, overview, keys),
    figures: figures(words, overview),
    accounts: accountSections(context, overview, SOME),
    providers: providers(words, overview),
    requests: latestRequests(site, words, snapshot),
  };
}

/** The page people open to see whether it works: verdict first, then trouble, then the rest. */
export function overviewPage(context: AccountContext, regions: Regions): Html {
  const { t } = context.words;
  return html`${regions.verdict}${regions.notices}${regions.ends}${regions.figures}
    <div class="row bare live-line">
      <span id="pulse" class="pulse" data-pulse>${mark("open", "s-open", t("live.live"))}</span
      ><button class="btn end" type="button" hx-get="${context.site.root}accounts/new" hx-target="#sheet-body">
        ${t("accounts.add")}
      </button>
    </div>
    ${regions["sign-ins"]}${regions.accounts}${regions.providers}${regions.requests}`;
}

function notices({ language, tag }: Words, texts: readonly string[]): Html {
  const note = (text: string) => {
    const chinese = language === "zh" ? chineseNotice(text) : undefined;
    return html`<p class="note notice" lang="${chinese === undefined ? "en" : tag}">${chinese ?? text}</p>`;
  };
  return html`<div id="notices">${texts.map(note)}</div>`;
}
