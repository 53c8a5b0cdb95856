import type { KiroSim } from "../sims/kiro.ts";

/** The environment of a gateway whose Kiro is the sim. */
export function kiroEnv({ urls }: KiroSim): Record<string, string> {
  const entries = Object.entries(urls);
  return Object.fromEntries(entries.map(([name, url]) => [`KIRO_${name.replace(/Url$/, "").toUpperCase()}_URL`, url]));
}
