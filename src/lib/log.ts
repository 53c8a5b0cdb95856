/** Values a log line may carry; the log masks secrets in strings all the same. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** One event a line. `event` is noun-action: `attempt-failed`. */
export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** A log that adds these fields to each line. */
  with(fields: LogFields): Log;
}
