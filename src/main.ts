import { relaunch } from "./relaunch.ts";

relaunch();
const { start } = await import("./start.ts");

// Started by npm, this is a grandchild: a SIGTERM ends npm and its shell but comes no further. Their end is taken as ours.
if (process.env["npm_lifecycle_event"] !== undefined) {
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && process.kill(process.pid, "SIGTERM"), 500).unref();
}

await start(process.argv.slice(2));
