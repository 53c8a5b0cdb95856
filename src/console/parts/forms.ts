import type { AccountView, ProviderView, SignInMethodView } from "../../admin/admin.ts";
import { GatewayError, toGatewayError } from "../../chat/error.ts";
import { html, raw, type Html } from "../html.ts";
import type { Site } from "../layout.ts";
import { icon } from "../sprite.ts";
import type { Key, Words } from "../words.ts";
import { accountPath } from "./account.ts";
import { postsTo } from "./frame.ts";
import { signInChoices, type LeadsTo } from "./sign-in.ts";

export interface AddView {
  readonly providers: readonly ProviderView[];
  readonly methods: readonly SignInMethodView[];
  readonly leadsTo: LeadsTo;
}

/**
 * All ways to add an account: a provider first, then its sign-ins and the paste box. What was typed stays in the
 * browser: an answer only ever replaces the error below the field, or everything once a sign-in has begun.
 */
export function addForm(site: Site, words: Words, { providers, methods, leadsTo }: AddView): Html {
  const { t } = words;
  const choices = providers.filter(({ needsAccounts }) => needsAccounts);
  if (choices.length === 0) return html`<p>${t("add.no-provider")}</p>`;
  const methodsOf = (name: string) => methods.filter(({ provider }) => provider === name);
  return html`<div id="add-body" class="field loose">
    <fieldset class="split">
      <legend class="vh">${t("add.provider")}</legend>
      ${choices.map(
        (provider, index) =>
          html`<label class="opt"
            ><input
              type="radio"
              name="provider"
              value="${provider.name}"
              form="add-form"
              ${index === 0 && raw(" checked")}
              data-help-choice
            /><span><b>${provider.title}</b><small>${t(wayOf(provider, methodsOf(provider.name)))}</small></span></label
          >`,
      )}
    </fieldset>
    ${choices.map(
      (provider, index) =>
        html`<div class="field loose" data-help="${provider.name}" ${index > 0 && raw(" hidden")}>
          ${provider.guests !== undefined && html`<p>${t("guest.works")}${words.gap}<b>${t("guest.better")}</b></p>`}
          ${ways(site, words, methodsOf(provider.name), { leadsTo })}${provider.help && html`<p class="note">${provider.help[words.language]}</p>`}
        </div>`,
    )}
    <form
      class="field loose"
      id="add-form"
      ${postsTo(`${site.root}accounts`)}
      hx-target="#add-error"
      hx-sync="this:drop"
      data-form
    >
      <input type="hidden" name="after" value="${leadsTo}" />
      ${pasteField(words)}
      <div id="add-error" aria-live="assertive"></div>
      <label class="field" for="label"
        ><span>${t("add.label")} <small>${t("add.label.note")}</small></span
        ><input id="label" name="label" maxlength="80" autocomplete="off"
      /></label>
      <div class="row">
        <button class="btn go" data-busy="${t("add.busy")}">${t("add.submit")}</button
        >${leadsTo === "setup" && html`<a class="btn" href="${site.root}setup?step=3">${t("setup.use-demo")}</a>`}
      </div>
      <small>${t(leadsTo === "setup" ? "setup.demo.note" : "add.check.note")}</small>
    </form>
  </div>`;
}

/** How one gets into a provider, in a few words. */
function wayOf({ guests }: ProviderView, methods: readonly SignInMethodView[]): Key {
  if (guests !== undefined) return "way.guest";
  return methods.length > 0 ? "way.sign-in" : "way.paste";
}

function ways(
  site: Site,
  words: Words,
  methods: readonly SignInMethodView[],
  purpose: { leadsTo: LeadsTo; accountId?: string },
): Html | false {
  const choices = signInChoices(site, words, methods, purpose);
  return choices && html`${choices}<span class="label">${words.t("sign-in.or-paste")}</span>`;
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

/** A new login for an account that is there already. */
export function renewForm(
  site: Site,
  words: Words,
  account: AccountView,
  help: string | undefined,
  methods: readonly SignInMethodView[],
): Html {
  const { t } = words;
  return html`<div id="add-body" class="field loose">
    ${ways(site, words, methods, { leadsTo: "close", accountId: account.id })}${help !== undefined && html`<p class="note">${help}</p>`}
    <form
      class="field loose"
      ${postsTo(`${accountPath(site, account.id)}/renew`)}
      hx-target="#renew-error"
      hx-sync="this:drop"
      data-form
    >
      ${pasteField(words)}
      <div id="renew-error" aria-live="assertive"></div>
      <div class="row"><button class="btn go" data-busy="${t("add.busy")}">${t("renew.submit")}</button></div>
    </form>
  </div>`;
}

/** The name beside the one password: password managers keep none without it. */
export const OPERATOR_NAME = html`<input
  class="vh"
  name="username"
  value="admin"
  autocomplete="username"
  tabindex="-1"
  aria-hidden="true"
  readonly
/>`;

/** An error below its field. The page marks the field, describes it with this text and moves there. */
export function fieldError(field: string, text: Html | string): Html {
  return html`<p class="err" id="${field}-error" data-field="${field}">${icon("s-bad")}<span>${text}</span></p>`;
}

/**
 * Why something typed was not taken: in the page's language, then the exact words. `lead` is what to say before words
 * that are in English only.
 */
export function credentialError(
  { t, language, gap }: Words,
  error: unknown,
  lead: Key = "add.error.invalid-request",
): { status: number; text: Html } {
  const failure = toGatewayError(error);
  const exact = html`<span lang="en">${failure.message}</span>`;
  const status = failure.status === 401 ? 422 : failure.status;
  if (failure.kind === "invalid-request") {
    return { status: 422, text: language === "en" ? exact : html`${t(lead)}${gap}${exact}` };
  }
  return { status, text: html`${t(leadOf(failure))}${gap}${exact}` };
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
