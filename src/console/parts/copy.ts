import { html, type Html } from "../html.ts";
import { icon } from "../sprite.ts";
import type { Words } from "../words.ts";

/**
 * A button that copies the text at `selector`, or beside itself without one, and says so. `label` names that text for
 * readers; with `text` the button shows its own words.
 */
export function copyButton({ t }: Words, label: string, selector = "", style = "", text?: string): Html {
  return html`<button
    class="btn ${style}"
    type="button"
    data-copy="${selector}"
    aria-label="${text ?? t("copy.label", { label })}"
  >
    ${icon("copy")}<span>${text ?? t("copy")}</span>
  </button>`;
}

/** A value with a button that copies it. */
export function copyTile(words: Words, label: string, value: Html | string, style = ""): Html {
  return html`<div class="copy ${style}">
    <div><small>${label}</small><code data-copy-text>${value}</code></div>
    ${copyButton(words, label)}
  </div>`;
}
