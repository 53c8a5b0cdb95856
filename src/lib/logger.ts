import type { Clock } from "./clock.ts";
import type { Log, LogFields } from "./log.ts";
import { Outlet, type Sink } from "./outlet.ts";
import { redactField } from "./redact.ts";
import { type RotatingFile, rotatingFile } from "./rotating-file.ts";

const LEVELS = { debug: 0, info: 1, warn: 2, error: 3 } as const;
export type LogLevel = keyof typeof LEVELS;

export interface LoggerOptions {
  /** Events below it are left out. */
  readonly level: LogLevel;
  /** "text": time, level, event, then key=value; "json": one object a line. */
  readonly format: "text" | "json";
  readonly write: Sink;
  /** A file that gets the same lines. */
  readonly file?: RotatingFile | undefined;
  readonly clock: Clock;
}

/** The log of the whole process. It never throws and never waits: what cannot be written is dropped and counted. */
export interface Logger extends Log {
  setLevel(level: LogLevel): void;
  /** Lines dropped since the start, of all ways out. */
  dropped(): number;
  /** Resolves when all is written: perhaps never, so give it a deadline. */
  flush(): Promise<void>;
}

/** The longest value of a field; what is beyond it is cut off. */
const VALUE_CHARS = 4000;

export function createLogger({ level, format, write, file, clock }: LoggerOptions): Logger {
  const style = format === "json" ? JSON_STYLE : TEXT_STYLE;
  const line = (at: LogLevel, event: string, fields: string) =>
    style.line(new Date(clock.now()).toISOString(), at, event, fields);
  const notice = (lines: number) => line("warn", "log-dropped", style.fields({ lines }));
  const outlets = [write, ...(file ? [rotatingFile(file)] : [])].map((sink) => new Outlet(sink, notice));
  let threshold = LEVELS[level];

  const logOf = (context: string): Log => {
    const at = (eventLevel: LogLevel) => (event: string, fields?: LogFields) => {
      if (LEVELS[eventLevel] < threshold) return;
      const text = line(eventLevel, event, fields ? context + style.fields(fields) : context);
      for (const outlet of outlets) outlet.push(text);
    };
    return {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      with: (fields) => logOf(context + style.fields(fields)),
    };
  };

  return {
    ...logOf(""),
    setLevel: (next) => void (threshold = LEVELS[next]),
    dropped: () => outlets.reduce((sum, outlet) => sum + outlet.dropped, 0),
    flush: async () => void (await Promise.all(outlets.map((outlet) => outlet.flush()))),
  };
}

/** How a line is written. Fields are written apart, so that `with` writes its own only once. */
interface Style {
  line(time: string, level: LogLevel, event: string, fields: string): string;
  fields(fields: LogFields): string;
}

const TEXT_STYLE: Style = {
  line: (time, level, event, fields) => `${time} ${level.toUpperCase().padEnd(5)} ${event}${fields}\n`,
  fields: (fields) => written(fields, (name, value) => ` ${name}=${typeof value === "string" ? word(value) : value}`),
};

const JSON_STYLE: Style = {
  line: (time, level, event, fields) =>
    `{"time":"${time}","level":"${level}","event":${JSON.stringify(event)}${fields}}\n`,
  fields: (fields) => written(fields, (name, value) => `,${JSON.stringify(name)}:${JSON.stringify(value)}`),
};

function written(fields: LogFields, write: (name: string, value: string | number | boolean) => string): string {
  let text = "";
  for (const name in fields) {
    const value = fields[name];
    if (value !== undefined) text += write(name, typeof value === "string" ? safe(name, value) : value);
  }
  return text;
}

function safe(name: string, value: string): string {
  return redactField(name, value.length > VALUE_CHARS ? `${value.slice(0, VALUE_CHARS)}…` : value);
}

/** A value as one word: quoted where it has spaces, quotes or control characters, so that no value can fake a line. */
function word(value: string): string {
  if (value !== "" && !/[\s"=\\\p{Cc}]/u.test(value)) return value;
  return JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
