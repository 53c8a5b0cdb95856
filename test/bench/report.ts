/** Figures by target, goals beside them, and the two tables that are printed. */

/** What one scenario found of one target. */
export type Figures = Record<string, number | string>;

/** One goal of the project: `measured` in `unit`; at most `bar` for the first release, at most `goal` in the end. */
export interface Goal {
  readonly number: number;
  readonly what: string;
  readonly measured: number;
  readonly bar: number;
  readonly goal: number;
  readonly unit: string;
}

export class Report {
  readonly #targets = new Map<string, Figures>();
  readonly #goals: Goal[] = [];
  readonly #notes: string[] = [];

  set(target: string, figures: Figures): void {
    this.#targets.set(target, { ...this.#targets.get(target), ...figures });
  }

  goal(number: number, what: string, measured: number, bar: number, goal: number, unit = ""): void {
    this.#goals.push({ number, what, measured, bar, goal, unit });
  }

  note(text: string): void {
    this.#notes.push(text);
  }

  /** Whether every goal that was measured is within its bar. */
  get passed(): boolean {
    return this.#goals.every(({ measured, bar }) => measured <= bar);
  }

  text(): string {
    const columns = [...new Set([...this.#targets.values()].flatMap((figures) => Object.keys(figures)))];
    // Columns by the line: a terminal has room for five and a name.
    const parts: string[] = [];
    for (let at = 0; at < columns.length; at += 5) {
      const names = columns.slice(at, at + 5);
      const rows = [...this.#targets].filter(([, figures]) => names.some((name) => figures[name] !== undefined));
      parts.push(
        table([
          ["target", ...names],
          ...rows.map(([target, figures]) => [target, ...names.map((n) => shown(figures[n]))]),
        ]),
      );
    }
    const goals = this.#goals
      .toSorted((a, b) => a.number - b.number)
      .map(({ number, what, measured, bar, goal, unit }) => [
        String(number),
        what,
        `${shown(measured)}${unit}`,
        `${shown(bar)}${unit}`,
        `${shown(goal)}${unit}`,
        measured <= goal ? "goal" : measured <= bar ? "pass" : "SHORT",
      ]);
    if (goals.length > 0) parts.push(table([["#", "goal", "measured", "bar", "goal", ""], ...goals]));
    return [...parts, ...this.#notes.map((note) => `${note}\n`)].join("\n");
  }
}

function shown(value: number | string | undefined): string {
  if (typeof value !== "number") return value ?? "-";
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd();
  return `${rows.map(line).join("\n")}\n`;
}
