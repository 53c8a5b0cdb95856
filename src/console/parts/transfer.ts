import type { Admin, ProviderView } from "../../admin/admin.ts";
import { html, type Html } from "../html.ts";
import type { Site } from "../layout.ts";
import { icon } from "../sprite.ts";
import { prose, type Words } from "../words.ts";
import { postsTo, sheet } from "./frame.ts";
import { mark } from "./state.ts";

type Transfer = Admin["transfer"];
export type Report = Awaited<ReturnType<Transfer["importFiles"]>>;
export type Exported = Awaited<ReturnType<Transfer["exportAccounts"]>>;
type Line = Report["took"][number];

/** Of a long list only so many lines are written out; the counts are of all. */
const MOST_LINES = 200;

/** Files or pasted text of this or another program; a preview changes nothing. */
export function importSheet(site: Site, words: Words): Html {
  const { t } = words;
  return sheet(
    words,
    t("import.title"),
    html`<p>${t("import.what")}</p>
      <form
        class="field loose"
        ${postsTo(`${site.root}import`)}
        enctype="multipart/form-data"
        hx-encoding="multipart/form-data"
        hx-target="#import-said"
        hx-sync="this:drop"
        data-form
      >
        <label class="field" for="files"
          ><span>${t("import.files")}</span><input id="files" type="file" name="files" multiple
        /></label>
        <label class="field" for="text"
          ><span>${t("import.text")}</span
          ><textarea
            id="text"
            name="text"
            rows="4"
            spellcheck="false"
            autocomplete="off"
            autocapitalize="off"
          ></textarea>
        </label>
        <label class="field" for="passphrase"
          ><span>${t("import.passphrase")} <small>${t("import.passphrase.note")}</small></span
          ><input id="passphrase" name="passphrase" type="password" autocomplete="off"
        /></label>
        <div class="row">
          <button class="btn" name="dry" value="yes">${t("import.preview")}</button
          ><button class="btn go">${t("import.submit")}</button>
        </div>
        <div id="import-said" aria-live="polite"></div>
      </form>`,
  );
}

/** What was taken, what was there already and what was refused, each with its count and its reason. */
export function importReport(words: Words, { dryRun, took, skipped, refused, notes, differences }: Report): Html {
  const { t, n } = words;
  const nothing = took.length + skipped.length + refused.length === 0;
  return html`<div class="field loose" id="import-report" data-dry="${dryRun ? "yes" : "no"}">
    <p class="row">
      ${dryRun && mark("wait", "s-wait", t("import.nothing-changed"))}${nothing && mark("off", "s-off", t("import.nothing"))}
      ${took.length > 0 && mark("open", "s-open", n(dryRun ? "import.would-take" : "import.took", took.length))}
      ${skipped.length > 0 && mark("off", "s-off", n("import.skipped", skipped.length))}
      ${refused.length > 0 && mark("bad", "s-bad", n("import.refused", refused.length))}
    </p>
    ${list(
      t("import.list.refused"),
      refused.map(({ from, reason }) => html`<b>${from}</b> <small lang="en">${reason}</small>`),
      true,
    )}
    ${list(t("import.list.took"), took.map(lineOf))}${list(t("import.list.skipped"), skipped.map(lineOf))}
    ${list(t("import.list.notes"), [...notes, ...differences].map(english))}
  </div>`;
}

function lineOf({ provider, name, from, reason }: Line): Html {
  return html`<b>${name}</b>
    <small>${provider} ${from}</small>${reason !== undefined && html` <small lang="en">${reason}</small>`}`;
}

const english = (text: string) => html`<small lang="en">${text}</small>`;

/** A list that folds open; false for an empty one. */
export function list(title: string, items: readonly Html[], open = false): Html | false {
  if (items.length === 0) return false;
  const rest = items.length - MOST_LINES;
  return html`<details ${open && html` open`}>
    <summary>${title} (${items.length})</summary>
    <ul class="tries">
      ${items.slice(0, MOST_LINES).map((item) => html`<li>${item}</li>`)}${rest > 0 && html`<li>+ ${rest}</li>`}
    </ul>
  </details>`;
}

/** All accounts in one file, sealed unless a person asks for it twice. */
export function exportSheet(site: Site, words: Words, providers: readonly ProviderView[]): Html {
  const { t } = words;
  const secret = (id: string, text: string) =>
    html`<div class="field">
      <label class="field" for="${id}"
        ><span>${text}</span><input id="${id}" name="${id}" type="password" autocomplete="new-password"
      /></label>
    </div>`;
  return sheet(
    words,
    t("export.title"),
    html`<p>${t("export.what")}</p>
      <form class="field loose" ${postsTo(`${site.root}export`)} hx-target="#export-said" hx-sync="this:drop" data-form>
        <div class="split">${secret("passphrase", t("export.passphrase"))}${secret("again", t("setup.again"))}</div>
        <label class="field" for="only"
          ><span>${t("providers.name")}</span
          ><select id="only" name="only">
            <option value="">${t("filter.all-providers")}</option>
            ${providers
              .filter(({ needsAccounts }) => needsAccounts)
              .map(({ name, title }) => html`<option value="${name}">${title}</option>`)}
          </select></label
        >
        <label class="pick"><input type="checkbox" name="settings" value="yes" />${t("export.settings")}</label>
        <label class="pick"><input type="checkbox" name="clear" value="yes" />${t("export.clear")}</label>
        <div class="row"><button class="btn go">${t("export.submit")}</button></div>
        <div id="export-said" aria-live="polite"></div>
      </form>`,
  );
}

/** The second question before every login leaves in clear: it stands in the form, so that its answer goes with it. */
export function clearQuestion({ t }: Words, error: Html | false = false): Html {
  return html`<div class="note err">${icon("s-bad")}<span>${t("export.clear.warning")}</span></div>
    <label class="field" for="password"
      ><span>${t("export.clear.password")}</span
      ><input id="password" name="password" type="password" autocomplete="current-password"
    /></label>
    ${error}
    <div class="row"><button class="btn no">${t("export.clear.confirm")}</button></div>`;
}

/** The finished file, for the page to save. */
export function exportReady(words: Words, { document, accounts, leftOut }: Exported, fileName: string): Html {
  const { t, n } = words;
  return html`<p>${mark("open", "s-open", n("export.ready", accounts))}</p>
    ${leftOut.map((text) => html`<p class="note" lang="en">${text}</p>`)}
    <div class="row">
      <button class="btn go" type="button" data-save="#export-text" data-name="${fileName}">${t("export.save")}</button
      ><small>${prose(t("export.back"))}</small>
    </div>
    <pre id="export-text" hidden>${JSON.stringify(document, undefined, 2)}</pre>`;
}
