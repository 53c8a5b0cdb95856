import { html, type Html } from "../html.ts";
import { icon } from "../sprite.ts";
import type { Words } from "../words.ts";

/** What stands in the dialog: a title, a way out and the content. Live updates never touch it. */
export function sheet({ t }: Words, title: string, content: Html): Html {
  return html`<header class="row">
      <h2 id="sheet-title" tabindex="-1">${title}</h2>
      <button class="btn end" type="button" data-close>${icon("close")}${t("close")}</button>
    </header>
    ${content}`;
}

/** Where a form goes: to one address with scripts and without, as else what was pasted would go into the page's own. */
export function postsTo(path: string): Html {
  return html`method="post" action="${path}" hx-post="${path}"`;
}
