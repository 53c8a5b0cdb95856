interface Flag {
  readonly type: "string" | "boolean";
  /** May be given several times. */
  readonly multiple?: boolean;
  readonly short?: string;
  /** Of its value, for the help. */
  readonly value?: string;
  readonly help: string;
}

/** Every flag of every command. */
export const FLAGS: Readonly<Record<string, Flag>> = {
  port: { type: "string", value: "PORT", help: "port to listen on, or several with commas" },
  host: { type: "string", value: "ADDRESS", help: "address to listen on; 0.0.0.0 opens it to the network" },
  open: { type: "boolean", help: "open the page in the browser" },
  data: { type: "string", value: "FOLDER", help: "data folder instead of ./data" },
  "env-file": { type: "string", value: "FILE", help: "settings file instead of ./.env" },
  label: { type: "string", value: "TEXT", help: "a name for the account" },
  field: { type: "string", multiple: true, value: "NAME=VALUE", help: "what the way to sign in asks for; repeat it" },
  account: { type: "string", value: "ID", help: "give the new login to this account" },
  priority: { type: "string", value: "NUMBER", help: "lower is tried first; below zero it is written --priority=-1" },
  concurrency: { type: "string", value: "NUMBER", help: "turns at once" },
  "requests-per-hour": { type: "string", value: "NUMBER", help: "turns an hour, begun at even distances" },
  proxy: { type: "boolean", help: "read its http or https proxy from standard input: it may hold a password" },
  models: { type: "string", value: "A,B", help: "the only models it may serve; * stands for any letters" },
  "no-check": { type: "boolean", help: "add without asking the service whether it works" },
  admin: { type: "boolean", help: "a key that may also reload and manage" },
  "dry-run": { type: "boolean", help: "say what would be done and do nothing" },
  clear: { type: "boolean", help: "write credentials readable, after a second question" },
  yes: { type: "boolean", help: "answer that question" },
  provider: { type: "string", value: "NAME", help: "the accounts of this provider alone" },
  settings: { type: "boolean", help: "also what was set in the console" },
  output: { type: "string", value: "FILE", help: "write there, for you alone (0600), and not to standard output" },
  json: { type: "boolean", help: "print the result as JSON" },
  help: { type: "boolean", short: "h", help: "show help" },
  version: { type: "boolean", short: "v", help: "show the version" },
};

/** Flags that every command takes: they say which gateway is meant. */
export const COMMON_FLAGS: readonly string[] = ["port", "host", "data", "env-file", "help"];
