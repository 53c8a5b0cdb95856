import type { AccountView, ProviderView } from "../../admin/admin.ts";
import { GatewayError, toGatewayError } from "../../chat/error.ts";
import { html, raw, type Html } from "../html.ts";
import type { Site } from "../layout.ts";
import { icon } from "../sprite.ts";
import type { Words } from "../words.ts";
import { accountPath } from "./account.ts";

/** The paste form. What was typed stays in the browser: an answer only ever replaces the error below the field. */
export function addForm(site: Site, words: Words, providers: readonly ProviderView[], then: "close" | "setup"): Html {
  const { t } = words;
  const choices = providers.filter(({ needsAccounts }) => needsAccounts);
  if (choices.length === 0) return html`<p>${t("add.no-provider")}</p>`;
  return html`<form
    class="field loose"
    id="add-form"
    hx-post="${site.root}accounts"
    hx-target="#add-error"
    hx-sync="this:drop"
    data-form
  >
    <input type="hidden" name="then" value="${then}" />
    <fieldset class="split">
      <legend class="vh">${t("add.provider")}</legend>
      ${choices.map(
        ({ name, title }, index) =>
          html`<label class="opt"
            ><input
              type="radio"
              name="provider"
              value="${name}"
              ${index === 0 && raw(" checked")}
              data-help-choice
            /><span><b>${title}</b></span></label
          >`,
      )}
    </fieldset>
    ${choices.map(
      ({ name, help }, index) =>
        help !== undefined &&
        html`<p class="note" data-help="${name}" ${index > 0 && raw(" hidden")}>${help[words.language]}</p>`,
    )}
    ${pasteField(words)}
    <div id="add-error" aria-live="assertive"></div>
    <label class="field" for="label"
      ><span>${t("add.label")} <small>${t("add.label.note")}</small></span
      ><input id="label" name="label" maxlength="80" autocomplete="off"
    /></label>
    <div class="row">
      <button class="btn go" data-busy="${t("add.busy")}">${t("add.submit")}</button
      >${then === "setup" && html`<a class="btn" href="${site.root}setup?step=3">${t("setup.use-demo")}</a>`}
    </div>
    <small>${t(then === "setup" ? "setup.demo.note" : "add.check.note")}</small>
  </form>`;
}

function pasteField({ t }: Words): Html {
  return html`<label class="field" for="text"
    ><span>${t("add.text")}</span
    ><textarea
      id="text"
      name="text"
      rows="4"
      required
      spellcheck="false"
      autocomplete="off"
      autocapitalize="off"
    ></textarea>
  </label>`;
}

/** A new credential for an account that is there already. */
export function renewForm(site: Site, words: Words, account: AccountView, help: string | undefined): Html {
  const { t } = words;
  return html`<form
    class="field loose"
    hx-post="${accountPath(site, account.id)}/renew"
    hx-target="#renew-error"
    hx-sync="this:drop"
    data-form
  >
    ${help !== undefined && html`<p class="note">${help}</p>`} ${pasteField(words)}
    <div id="renew-error" aria-live="assertive"></div>
    <div class="row"><button class="btn go" data-busy="${t("add.busy")}">${t("renew.submit")}</button></div>
  </form>`;
}

/** An error below its field. The page marks the field, describes it with this text and moves there. */
export function fieldError(field: string, text: Html | string): Html {
  return html`<p class="err" id="${field}-error" data-field="${field}">${icon("s-bad")}<span>${text}</span></p>`;
}

/** Why a pasted credential was not taken: in the page's language, then the exact words. */
export function credentialError({ t, language }: Words, error: unknown): { status: number; text: Html } {
  const failure = toGatewayError(error);
  const exact = html`<span lang="en">${failure.message}</span>`;
  const status = failure.status === 401 ? 422 : failure.status;
  if (failure.kind === "invalid-request") {
    return { status: 422, text: language === "en" ? exact : html`${t("add.error.invalid-request")} ${exact}` };
  }
  return { status, text: html`${t(leadOf(failure))} ${exact}` };
}

function leadOf(failure: GatewayError) {
  switch (failure.kind) {
    case "auth-rejected":
    case "suspended":
    case "challenge":
    case "rate-limited":
    case "quota-exhausted":
      return `why.${failure.kind}` as const;
    case "upstream-timeout":
    case "upstream-broken":
    case "upstream-changed":
      return "add.error.upstream";
    default:
      return "add.error.refused";
  }
}
