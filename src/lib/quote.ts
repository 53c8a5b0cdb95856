import { redact } from "./redact.ts";

const LONGEST_QUOTE = 200;

/** A service's own words for an error text: short, on one line, without `secret` and what looks like one. May be "". */
export function quote(text: string, secret = ""): string {
  return redact(secret === "" ? text : text.replaceAll(secret, "…"))
    .replace(/\bsk-[\w*.-]+/g, "…")
    .replace(/[\p{Cc}\s]+/gu, " ")
    .trim()
    .slice(0, LONGEST_QUOTE);
}
