import { html, raw, type Html } from "../html.ts";
import type { Site } from "../layout.ts";
import { fieldError, OPERATOR_NAME } from "../parts/forms.ts";
import { icon } from "../sprite.ts";
import { prose, type Words } from "../words.ts";

export interface LoginForm {
  /** The console's page to go on to. */
  readonly next: string;
  readonly error?: string;
  readonly remember?: boolean;
}

export function loginPage(site: Site, { t }: Words, { next, error, remember }: LoginForm): Html {
  const invalid = error !== undefined && raw(' aria-invalid="true" aria-describedby="password-error"');
  return html`<div class="gate">
    <section class="box">
      <h1>${icon("lock")}${t("login.title")}</h1>
      <p class="dim">${t("login.why")}</p>
      <form class="field loose" method="post" action="${site.root}login" data-form>
        <input type="hidden" name="next" value="${next}" />${OPERATOR_NAME}
        <label class="field" for="password"
          ><span>${t("login.password")}</span
          ><input
            id="password"
            type="password"
            name="password"
            required
            autofocus
            autocomplete="current-password"
            ${invalid}
        /></label>
        ${error !== undefined && fieldError("password", error)}
        <label class="pick"
          ><input
            type="checkbox"
            name="remember"
            value="yes"
            ${remember === true && raw(" checked")}
          />${t("login.remember")}</label
        >
        <div class="row"><button class="btn go" data-busy="${t("login.busy")}">${t("login.submit")}</button></div>
        <small>${prose(t("login.lost"))}</small>
      </form>
    </section>
  </div>`;
}

/** Shown on every route while there is no password: why the page is locked and how to unlock it. */
export function lockedPage({ t }: Words, problem?: "link"): Html {
  return html`<div class="gate">
    <section class="box">
      <h1>${icon("lock")}${t("locked.title")}</h1>
      ${problem === "link" && html`<p class="err">${icon("s-bad")}<span>${t("locked.link")}</span></p>`}
      <p>${t("locked.terminal")}</p>
      <p>${prose(t("locked.again"))}</p>
      <p class="dim">${t("locked.api")}</p>
    </section>
  </div>`;
}

/** An address that leads nowhere, or a failure, in words. */
export function messagePage(site: Site, { t }: Words, title: string, text: string): Html {
  return html`<div class="gate">
    <section class="box">
      <h1>${title}</h1>
      <p>${text}</p>
      <div class="row"><a class="btn go" href="${site.root}">${t("back-to-overview")}</a></div>
    </section>
  </div>`;
}

/** What a form came to, for a browser that runs no scripts: its page could not show it in place. */
export function resultPage(site: Site, { t }: Words, markup: Html): Html {
  return html`<div class="gate">
    <section class="box">
      ${markup}
      <div class="row"><a class="btn" href="${site.root}">${t("back-to-overview")}</a></div>
    </section>
  </div>`;
}
