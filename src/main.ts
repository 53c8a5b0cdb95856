/**
 * The tiny entry. Bun lets at most 256 fetches run at once and reads a larger number only from the environment a process
 * began with, so before anything else is imported a serving process replaces itself (same pid, same arguments) with one
 * that has it. The variable marks that this was done. Where it cannot be done the lower limit stays, and calls queue.
 */
const FETCH_LIMIT = "BUN_CONFIG_MAX_HTTP_REQUESTS";

const argv = process.argv.slice(2);
const serves = argv[0] === undefined || argv[0] === "serve" || argv[0].startsWith("-");

if (serves && process.env[FETCH_LIMIT] === undefined && process.platform !== "win32" && process.execve) {
  const script = Bun.isStandaloneExecutable ? [] : [...process.execArgv, Bun.main];
  const environment = { ...process.env, [FETCH_LIMIT]: "8192" };
  try {
    process.execve(process.execPath, [process.execPath, ...script, ...argv], environment);
  } catch {
    // A host that may not start this file again, such as one that emulates another processor: serve with the lower limit.
  }
}

// Started by npm, this is a grandchild: a SIGTERM ends npm and its shell but comes no further. Their end is taken as ours.
if (process.env["npm_lifecycle_event"] !== undefined) {
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && process.kill(process.pid, "SIGTERM"), 500).unref();
}

const { start } = await import("./start.ts");
await start(argv);
