import type { SignInView } from "../admin/admin.ts";
import { moment } from "./table.ts";

/** What the user does now, with the address and the code on lines of their own, so that they are seen and copied. */
export function promptText({ prompt, providerTitle, methodTitle, expiresAt }: SignInView): string {
  if (!prompt) return "";
  const { url } = prompt;
  return paragraphs(
    `Sign in at ${providerTitle} (${methodTitle.en}). Open this address:`,
    `    ${plain(url)}`,
    ...(prompt.kind === "code"
      ? ["It shows this code or asks for it:", framed(plain(prompt.userCode))]
      : [prompt.listens ? COMES_BACK : IS_PASTED]),
    `Waiting until ${moment(expiresAt)}; Ctrl-C gives up.`,
  );
}

const COMES_BACK =
  "A browser on this machine comes back by itself. From another one, paste the address that it ends on, then Enter.";
const IS_PASTED =
  "The browser ends on an address that it perhaps cannot show. Copy it from there, paste it here, then Enter.";

/** Without control characters: what a service sends must not steer the terminal. */
export function plain(text: string): string {
  return text.replace(/\p{Cc}+/gu, " ");
}

function framed(text: string): string {
  const line = `    +${"-".repeat(Bun.stringWidth(text) + 6)}+`;
  return `${line}\n    |   ${text}   |\n${line}`;
}

function paragraphs(...all: string[]): string {
  return `\n${all.join("\n\n")}\n\n`;
}
