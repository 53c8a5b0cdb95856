import { toGatewayError } from "../chat/error.ts";
import type { Config } from "../config.ts";
import type { Pool } from "../pool/pool.ts";

/**
 * Makes the accounts of the environment those that its variables name now. One entry that cannot be read must not keep
 * the others, and the page, from working: it is told to `notice` in words.
 */
export async function syncEnvironment(
  { longcat, cto }: Config,
  pool: Pool,
  notice: (sentence: string) => void,
): Promise<void> {
  const variables = [
    { provider: "longcat", name: "AUTH_COOKIES", entries: longcat.cookies },
    { provider: "cto", name: "CLERK_COOKIE", entries: entriesOf(pool, "cto", cto.cookies ?? "") },
  ];
  for (const { provider, name, entries } of variables) {
    const { credential } = pool.provider(provider);
    const named = entries.flatMap((entry, index) => {
      try {
        return credential?.parse(entry) ?? [];
      } catch (error) {
        notice(`${name}, entry ${index + 1}: ${toGatewayError(error).message}`);
        return [];
      }
    });
    await pool.roster.syncEnvironment(provider, named);
  }
}

/** A text is one whole where its provider can read it so; else its parts stand on lines or between `||`. */
function entriesOf(pool: Pool, provider: string, text: string): readonly string[] {
  if (text === "") return [];
  try {
    pool.provider(provider).credential?.parse(text);
    return [text];
  } catch {
    return text.split(/\r?\n|\|\|/).filter((entry) => entry.trim() !== "");
  }
}
