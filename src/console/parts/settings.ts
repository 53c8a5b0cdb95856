import type { AccountChanges, AccountView } from "../../admin/admin.ts";
import { html, raw, type Html } from "../html.ts";
import type { Site } from "../layout.ts";
import type { Key, Words } from "../words.ts";
import { accountPath } from "./account.ts";
import { postsTo, sheet } from "./frame.ts";

/** What an account's owner may set, in the order of the form. */
const SETTING_NAMES = ["label", "priority", "concurrency", "requestsPerHour", "proxy", "models"] as const;
type SettingName = (typeof SETTING_NAMES)[number];

const NUMBERS = new Set<SettingName>(["priority", "concurrency", "requestsPerHour"]);

/** Everything that can be set for one account; an empty field is the default. */
export function settingsSheet(site: Site, words: Words, account: AccountView): Html {
  const { t } = words;
  const values = valuesOf(account);
  const field = (name: SettingName) => {
    const content =
      name === "models"
        ? html`<textarea id="models" name="models" rows="3" spellcheck="false" autocomplete="off" autocapitalize="off">
${values.models}</textarea>`
        : html`<input
            id="${name}"
            name="${name}"
            value="${values[name]}"
            ${NUMBERS.has(name) && raw(' inputmode="numeric"')}
            ${name === "label" && raw(' maxlength="80"')}
            autocomplete="off"
            spellcheck="false"
          />`;
    return html`<div class="field">
      <label class="field" for="${name}"><span>${t(`setting.${name}`)}</span>${content}</label>
      <small>${t(`setting.${name}.note`)}</small>
    </div>`;
  };
  return sheet(
    words,
    t("settings.title", { account: account.label }),
    html`<form
      class="field loose"
      ${postsTo(`${accountPath(site, account.id)}/settings`)}
      hx-target="#settings-said"
      hx-sync="this:drop"
      novalidate
      data-form
    >
      ${field("label")}
      <div class="split">${field("priority")}${field("concurrency")}${field("requestsPerHour")}</div>
      ${field("proxy")}${field("models")}
      <div id="settings-said" aria-live="assertive"></div>
      <div class="row">
        <button class="btn go" data-busy="${t("settings.busy")}">${t("settings.save")}</button
        ><button class="btn" type="button" data-close>${t("cancel")}</button>
      </div>
    </form>`,
  );
}

function valuesOf({ label, settings }: AccountView): Readonly<Record<SettingName, string>> {
  const { priority, concurrency, requestsPerHour, proxy, models } = settings;
  return {
    label,
    priority: priority === 0 ? "" : String(priority),
    concurrency: String(concurrency ?? ""),
    requestsPerHour: String(requestsPerHour ?? ""),
    proxy: proxy ?? "",
    models: models?.join("\n") ?? "",
  };
}

/** What the form says, or the field that cannot be read and why. */
export function changesOf(
  account: AccountView,
  field: (name: string) => string,
): { readonly changes: AccountChanges } | { readonly wrong: SettingName; readonly key: Key } {
  const known = valuesOf(account);
  const changes: { -readonly [Name in keyof AccountChanges]: AccountChanges[Name] } = {};
  for (const name of SETTING_NAMES) {
    const typed = field(name).replaceAll("\r\n", "\n").trim();
    // A proxy is shown without its password: left as it is shown, it stays as it is kept.
    if (typed === known[name]) continue;
    if (name === "label") {
      if (typed === "") return { wrong: name, key: "rename.empty" };
      changes.label = typed;
    } else if (typed === "") changes[name] = null;
    else if (name === "proxy") changes.proxy = typed;
    else if (name === "models") changes.models = typed.split(/[\n,]/);
    else {
      if (!/^-?\d{1,9}$/.test(typed)) return { wrong: name, key: "setting.not-a-number" };
      changes[name] = Number(typed);
    }
  }
  return { changes };
}

export function isAccountSetting(name: string | undefined): name is SettingName {
  return SETTING_NAMES.some((known) => known === name);
}
