import { GatewayError, toGatewayError } from "../chat/error.ts";
import { parseJson } from "../lib/json.ts";
import { type PastedLine, pastedLines } from "../lib/pasted-lines.ts";
import type { CredentialKind, Provider } from "../providers/provider.ts";

/** A credential of a pasted text, and the line that it stands on where every line is one. */
export interface PastedCredential {
  readonly credential: unknown;
  readonly line: number | undefined;
}

export interface Pasted {
  /** Each login once. */
  readonly credentials: readonly PastedCredential[];
  /** Lines that hold none, and what is wrong with them; no secret is in it. */
  readonly refused: readonly { readonly line: number; readonly reason: string }[];
}

/**
 * Reads what a person pasted: as one text, and where that is refused line by line, so that a bad line takes no other
 * with it.
 * @throws GatewayError invalid-request when there is no credential in it
 */
export function readPaste({ title, credential: kind }: Provider, text: string): Pasted {
  if (!kind) {
    throw new GatewayError("invalid-request", `${title} answers by itself and takes no accounts.`, {
      field: "provider",
    });
  }
  try {
    const credentials = kind.parse(text);
    if (credentials.length === 0) {
      throw new GatewayError("invalid-request", `There is no ${title} credential in this text.`, {
        field: "credential",
      });
    }
    const lineOf = new Map(
      byLine(kind, text).credentials.map(({ credential, line }) => [kind.identity(credential), line]),
    );
    return {
      credentials: credentials.map((credential) => ({ credential, line: lineOf.get(kind.identity(credential)) })),
      refused: [],
    };
  } catch (error) {
    const pasted = byLine(kind, text);
    if (pasted.credentials.length === 0) throw error;
    return pasted;
  }
}

/** Each line for itself; nothing of a text whose lines are parts of one thing. */
function byLine(kind: CredentialKind<unknown>, text: string): Pasted {
  const found = new Map<string, PastedCredential>();
  const refused: { line: number; reason: string }[] = [];
  for (const { number: line, text: one } of linesOf(text)) {
    try {
      for (const credential of kind.parse(one)) {
        const identity = kind.identity(credential);
        if (!found.has(identity)) found.set(identity, { credential, line });
      }
    } catch (error) {
      // Where to find one need not be said of each line.
      refused.push({ line, reason: toGatewayError(error).message.replace(kind.help.en, "").trim() });
    }
  }
  return { credentials: [...found.values()], refused };
}

/** JSON over several lines is one thing; so is a single line. */
function linesOf(text: string): PastedLine[] {
  const lines = pastedLines(text);
  const [first] = lines;
  const isWhole = first === undefined || (/^[[{]/.test(first.text) && !parseJson(first.text).ok);
  return isWhole || lines.length === 1 ? [] : lines;
}
