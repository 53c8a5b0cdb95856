import type { UpstreamHeaders } from "./fetch.ts";

/**
 * Whether an answer is Cloudflare's check for browsers, which only a browser can pass.
 * @param page the answer's text, when that is neither JSON nor events
 */
export function isBrowserCheck(headers: UpstreamHeaders, page: string): boolean {
  return headers.get("cf-mitigated") === "challenge" || /just a moment|_cf_chl_opt/i.test(page);
}
