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

/** What a value is quoted for. */
// oxlint-disable-next-line no-control-regex -- a terminal acts on them
const UNSAFE = /[\s"=\\\u0000-\u001f\u007f-\u009f]/;

export function createLogger({ level, format, write, file, clock }: LoggerOptions): Logger {
  const style = format === "json" ? JSON_STYLE : TEXT_STYLE;
  const timeOf = isoTimes();
  const line = (at: LogLevel, event: string, fields: string) => style.line(timeOf(clock.now()), at, event, fields);
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

/** Times as text; of those in one second only the milliseconds are written anew. */
function isoTimes(): (epochMs: number) => string {
  let second = NaN;
  let begin = "";
  return (epochMs) => {
    const ms = epochMs % 1000;
    if (epochMs - ms !== second) {
      second = epochMs - ms;
      begin = new Date(second).toISOString().slice(0, -"000Z".length);
    }
    return `${begin}${String(ms).padStart(3, "0")}Z`;
  };
}

/** How a line is written. Fields are written apart, so that `with` writes its own only once. */
interface Style {
  line(time: string, level: LogLevel, event: string, fields: string): string;
  fields(fields: LogFields): string;
}

const LEVEL_WORDS = { debug: "DEBUG", info: "INFO ", warn: "WARN ", error: "ERROR" } as const;

const TEXT_STYLE: Style = {
  line: (time, level, event, fields) => `${time} ${LEVEL_WORDS[level]} ${event}${fields}\n`,
  fields: fieldsWriter((name) => ` ${name}=`, word),
};

const JSON_STYLE: Style = {
  line: (time, level, event, fields) =>
    `{"time":"${time}","level":"${level}","event":${JSON.stringify(event)}${fields}}\n`,
  fields: fieldsWriter((name) => `,${JSON.stringify(name)}:`, JSON.stringify),
};

/** What is written of a field with one name. */
interface Field {
  readonly begin: string;
  /** The text it had last and how that was written: most lines name what the one before them named. */
  value: string;
  written: string;
}

function fieldsWriter(beginOf: (name: string) => string, quote: (text: string) => string) {
  // Names stand in the code, so there is an end of them.
  const known = new Map<string, Field>();
  const write = (name: string, value: string): string => quote(redactField(name, cut(value)));
  const fieldOf = (name: string): Field => {
    let field = known.get(name);
    if (!field) known.set(name, (field = { begin: beginOf(name), value: "", written: write(name, "") }));
    return field;
  };
  return (fields: LogFields): string => {
    let text = "";
    for (const name in fields) {
      const value = fields[name];
      if (value === undefined) continue;
      const field = fieldOf(name);
      if (typeof value !== "string") text = `${text}${field.begin}${value}`;
      else {
        if (value !== field.value) {
          field.written = write(name, value);
          field.value = value;
        }
        text = `${text}${field.begin}${field.written}`;
      }
    }
    return text;
  };
}

function cut(value: string): string {
  return value.length > VALUE_CHARS ? `${value.slice(0, VALUE_CHARS)}…` : value;
}

/** A value as one word: quoted where it has spaces, quotes or control characters, so that no value can fake a line. */
function word(value: string): string {
  if (value !== "" && !UNSAFE.test(value)) return value;
  return JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
