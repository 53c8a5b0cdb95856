interface Flag {
  readonly type: "string" | "boolean";
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
  "no-check": { type: "boolean", help: "add without asking the service whether it works" },
  admin: { type: "boolean", help: "a key that may also reload and manage" },
  json: { type: "boolean", help: "print the result as JSON" },
  help: { type: "boolean", short: "h", help: "show help" },
  version: { type: "boolean", short: "v", help: "show the version" },
};

/** Flags that every command takes: they say which gateway is meant. */
export const COMMON_FLAGS: readonly string[] = ["port", "host", "data", "env-file", "help"];
