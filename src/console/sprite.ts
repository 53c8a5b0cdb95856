import { html, raw, type Html } from "./html.ts";

/** Every icon of the console: 16 units square, drawn once a page and used by id. */
const SYMBOLS = `<symbol id="brand" viewBox="0 0 24 24"><path d="M4 2v20M20 2v20M4 4h16"/><path class="fill" d="M7.5 6.5h9V12h-9z"/><path d="M4 18q2.7-3 5.3 0t5.4 0T20 18"/></symbol>
<symbol id="s-open" viewBox="0 0 16 16"><circle class="fill" cx="8" cy="8" r="6.6"/><path class="cut" d="m4.8 8.2 2.2 2.3 4.2-4.8"/></symbol>
<symbol id="s-cool" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6.6"/><path d="M8 4v4.2l2.8 1.7"/></symbol>
<symbol id="s-bad" viewBox="0 0 16 16"><path class="fill" d="M8 .9 15.1 8 8 15.1.9 8z"/><path class="cut" d="M8 4.4v4.3M8 10.4v1.5"/></symbol>
<symbol id="s-stop" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6.6"/><path d="m3.4 12.6 9.2-9.2"/></symbol>
<symbol id="s-limited" viewBox="0 0 16 16"><path class="fill" d="M8 1.5 15.2 14H.8z"/><path class="cut" d="M8 6v4M8 11.2v1.5"/></symbol>
<symbol id="s-spent" viewBox="0 0 16 16"><path d="M2 1.5V14.2h12V1.5"/><path class="fill" d="M4 11.2h8v1.2H4z"/></symbol>
<symbol id="s-off" viewBox="0 0 16 16"><path d="M2 2h12v12H2zM5 8h6"/></symbol>
<symbol id="s-wait" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6.6" stroke-dasharray="2.2 2.4"/></symbol>
<symbol id="copy" viewBox="0 0 16 16"><path d="M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3"/></symbol>
<symbol id="tick" viewBox="0 0 16 16"><path d="m3 8.5 3.4 3.5L13 4.5"/></symbol>
<symbol id="plus" viewBox="0 0 16 16"><path d="M8 2.5v11M2.5 8h11"/></symbol>
<symbol id="go" viewBox="0 0 16 16"><path d="M2.5 8h10M8.5 4l4 4-4 4"/></symbol>
<symbol id="close" viewBox="0 0 16 16"><path d="m3.5 3.5 9 9M12.5 3.5l-9 9"/></symbol>
<symbol id="turn" viewBox="0 0 16 16"><path class="fill" d="M4 3v10l8-5z"/></symbol>
<symbol id="theme" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6"/><path class="fill" d="M8 2a6 6 0 0 1 0 12z"/></symbol>
<symbol id="n-over" viewBox="0 0 16 16"><path d="M2 14V2M14 14V2M2 9.5q2-2 4 0t4 0 4 0M2 13h12"/></symbol>
<symbol id="n-acc" viewBox="0 0 16 16"><path d="M2.5 2v12M6.2 2v12M9.8 8v6M13.5 2v12"/></symbol>
<symbol id="n-more" viewBox="0 0 16 16"><path d="M3 7v2M8 7v2M13 7v2" stroke-width="2.4"/></symbol>
<symbol id="lock" viewBox="0 0 16 16"><path d="M3 7h10v7H3zM5 7V5a3 3 0 0 1 6 0v2M8 9.5v2"/></symbol>`;

export type IconName =
  | "brand"
  | "s-open"
  | "s-cool"
  | "s-bad"
  | "s-stop"
  | "s-limited"
  | "s-spent"
  | "s-off"
  | "s-wait"
  | "copy"
  | "tick"
  | "plus"
  | "go"
  | "close"
  | "turn"
  | "theme"
  | "n-over"
  | "n-acc"
  | "n-more"
  | "lock";

export const sprite: Html = html`<svg class="sprite" aria-hidden="true">${raw(SYMBOLS)}</svg>`;

/** An icon beside words; readers skip it. `tone` is a state's class where the icon alone carries its colour. */
export function icon(name: IconName, tone = ""): Html {
  return html`<svg class="i ${tone}" aria-hidden="true"><use href="#${name}" /></svg>`;
}
