import { Html } from "./html.ts";

/**
 * Markup for an element that the page did not name as its target. htmx finds the end of it only when the closing tag is
 * written without any white space, so no template spells it out.
 */
export function partial(selector: string, swap: "innerHTML" | "outerMorph", markup: Html): Html {
  const target = Bun.escapeHTML(selector);
  return new Html(`<hx-partial hx-target="${target}" hx-swap="${swap}">${markup.text}</hx-partial>`);
}
