/** What a mock upstream answers: the loader writes it into the prompt, so that it passes through any gateway. */
export interface Plan {
  /** "packed": all at once; "paced": a token every so many ms; "hold": one token, then nothing more. */
  readonly kind: "packed" | "paced" | "hold";
  readonly tokens: number;
  readonly everyMs: number;
}

export function promptOf({ kind, tokens, everyMs }: Plan): string {
  return `plan=${kind} tokens=${tokens} everyMs=${everyMs}`;
}

/** The plan in a request's body, whatever its format. */
export function planIn(body: string): Plan {
  const [, kind = "packed", tokens = "20", everyMs = "0"] =
    /plan=(packed|paced|hold) tokens=(\d+) everyMs=(\d+)/.exec(body) ?? [];
  return { kind: kind as Plan["kind"], tokens: Number(tokens), everyMs: Number(everyMs) };
}

/** Epoch µs, comparable between processes of one machine. */
export function nowUs(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1000);
}
