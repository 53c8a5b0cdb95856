import type { KiroRequest } from "./wire.ts";

/** About four letters a token, or one and a half characters of scripts beyond Latin. Whole only when rounded up. */
export function tokenWeight(text: string): number {
  let wide = 0;
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0x7ff) wide++;
  return (text.length - wide) / 4 + wide / 1.5;
}

/** A rough count of the prompt: its JSON without image bytes. */
export function promptTokens(body: KiroRequest): number {
  const text = JSON.stringify(body, (key, value: unknown) => (key === "images" ? undefined : value));
  return Math.ceil(tokenWeight(text));
}
