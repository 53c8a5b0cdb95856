import type { Overview, SignInMethodView, SignInView } from "../../admin/admin.ts";
import { html, type Html } from "../html.ts";
import type { Site } from "../layout.ts";
import { MIN_PASSWORD_LENGTH } from "../login.ts";
import { copyButton, copyTile } from "../parts/copy.ts";
import { modelToTry } from "../parts/figures.ts";
import { addForm, fieldError, OPERATOR_NAME } from "../parts/forms.ts";
import { signInPanel } from "../parts/sign-in.ts";
import { mark } from "../parts/state.ts";
import { icon } from "../sprite.ts";
import { prose, type Words } from "../words.ts";

export interface SetupView {
  /** The step that is open now. */
  readonly step: 1 | 2 | 3;
  /** The one-time token, in step 1. */
  readonly token?: string;
  readonly error?: { readonly field: "password" | "again"; readonly text: string };
  /** Known from step 2 on. */
  readonly overview?: Overview;
  /** In step 2: the ways to sign in, and the sign-in that is under way. */
  readonly methods?: readonly SignInMethodView[];
  readonly signIn?: SignInView | undefined;
  /** The new key, shown on the very page that made it. */
  readonly key?: { readonly secret: string; readonly id: string };
  readonly origin: string;
}

/** The first run: password, first account, first key, in one page whose water rises with each step. */
export function setupPage(site: Site, words: Words, view: SetupView): Html {
  const { t } = words;
  return html`<div class="steps">
    <div class="intro">
      <h1>${t("setup.title")}</h1>
      <p class="dim">
        ${t("setup.intro")}${words.gap}${view.overview !== undefined && html`<code>${view.overview.dataDir}</code>`}
      </p>
    </div>
    <ol>
      ${step(words, 1, view.step, passwordStep(site, words, view))}${step(words, 2, view.step, accountStep(site, words, view))}${step(words, 3, view.step, keyStep(site, words, view))}
    </ol>
  </div>`;
}

function step({ t }: Words, number: 1 | 2 | 3, open: number, content: Html): Html {
  const done = number < open;
  return html`<li
    class="step ${done ? "done" : number > open ? "later" : ""}"
    ${number === open && html` aria-current="step"`}
  >
    <div class="mark"><b>${done ? html`${icon("tick")}<span class="vh">${t("setup.done")}</span>` : number}</b></div>
    <section class="box">${content}</section>
  </li>`;
}

function passwordStep(site: Site, words: Words, { step, token, error }: SetupView): Html {
  const { t } = words;
  const title = html`<h2>${t("login.password")}</h2>`;
  if (step > 1)
    return html`<div class="row">${title}${mark("open", "s-open", t("setup.set"))}</div>
      <small>${prose(t("login.lost"))}</small>`;
  const field = (name: "password" | "again", label: string, note: Html) =>
    html`<label class="field" for="${name}"
      ><span>${label}</span
      ><input
        id="${name}"
        name="${name}"
        type="password"
        required
        minlength="${MIN_PASSWORD_LENGTH}"
        autocomplete="new-password"
        ${error?.field === name && html` aria-invalid="true" aria-describedby="${name}-error" autofocus`}
      /><small>${note}</small></label
    >`;
  return html`${title}
    <form class="field loose" method="post" action="${site.root}setup" novalidate data-form>
      <input type="hidden" name="token" value="${token}" />${OPERATOR_NAME}
      <div class="split">
        ${field("password", t("setup.new-password"), html`${t("setup.password.note", { n: MIN_PASSWORD_LENGTH })}`)}${field("again", t("setup.again"), prose(t("login.lost")))}
      </div>
      ${error !== undefined && fieldError(error.field, error.text)}
      <div class="row"><button class="btn go" data-busy="${t("login.busy")}">${t("setup.set-password")}</button></div>
    </form>`;
}

function accountStep(site: Site, words: Words, { step, overview, methods = [], signIn }: SetupView): Html {
  const { t, n } = words;
  const title = html`<h2>${t("setup.account")}</h2>`;
  if (step < 2) return html`${title}<small>${t("setup.account.later")}</small>`;
  const count = overview?.accounts.length ?? 0;
  if (step > 2) {
    return html`<div class="row">
      ${title}${count > 0 ? mark("open", "s-open", n("accounts.count", count)) : mark("wait", "s-wait", t("setup.demo-only"))}
    </div>`;
  }
  if (signIn !== undefined) {
    const context = { site, words, now: overview?.at ?? signIn.createdAt, methods };
    return html`${title}
      <div id="add-body" class="field loose">${signInPanel(context, signIn, "setup")}</div>`;
  }
  return html`${title}${addForm(site, words, { providers: overview?.providers ?? [], methods, leadsTo: "setup" })}`;
}

function keyStep(site: Site, words: Words, view: SetupView): Html {
  const { t } = words;
  const title = html`<h2>${t("setup.key")}</h2>`;
  if (view.step < 3) return html`${title}<small>${t("setup.key.later")}</small>`;
  if (view.key === undefined) {
    return html`${title}
      <p>${t("setup.key.why")}</p>
      <form class="row" method="post" action="${site.root}setup/key" data-form>
        <button class="btn go">${t("setup.key.create")}</button
        ><a class="btn" href="${site.root}">${t("setup.skip")}</a>
      </form>`;
  }
  const { secret, id } = view.key;
  return html`<div class="row">${title}<small>${t("setup.key.once")}</small></div>
    ${copyTile(words, t("setup.key.label"), secret, "note")}
    <div class="field">
      <div class="row">
        <span class="label">${t("setup.try")}</span>${copyButton(words, t("setup.try"), "#curl", "end")}
      </div>
      <pre id="curl" tabindex="0">curl <span data-origin>${view.origin}</span>/v1/chat/completions \\
  -H "Authorization: Bearer ${secret}" \\
  -H "Content-Type: application/json" \\
  -d '{"model":"${modelToTry(view.overview) ?? "demo"}","messages":[{"role":"user","content":"Hi"}]}'</pre>
    </div>
    <div class="row">
      ${firstAnswer(site, words, id, false)}<a class="btn go end" href="${site.root}"
        >${t("back-to-overview")}${icon("go")}</a
      >
    </div>`;
}

/** Asks again every two seconds until the new key was used. */
export function firstAnswer(site: Site, { t }: Words, keyId: string, came: boolean): Html {
  if (came) return html`<span id="first-answer" role="status">${mark("open", "s-open", t("setup.answered"))}</span>`;
  return html`<span
    id="first-answer"
    role="status"
    hx-get="${site.root}setup/first-answer?key=${encodeURIComponent(keyId)}"
    hx-trigger="every 2s"
    hx-swap="outerHTML"
    >${mark("wait", "s-wait", t("setup.waiting"))}</span
  >`;
}
