/**
 * The tiny entry. Bun lets at most 256 fetches run at once and reads a larger number only from the environment a process
 * began with, so before anything else is imported a serving process replaces itself (same pid, same arguments) with one
 * that has it. The variable marks that this was done. Windows has no execve: there the limit stays, and calls queue.
 */
const FETCH_LIMIT = "BUN_CONFIG_MAX_HTTP_REQUESTS";

const argv = process.argv.slice(2);
const serves = argv[0] === undefined || argv[0] === "serve" || argv[0].startsWith("-");

if (serves && process.env[FETCH_LIMIT] === undefined && process.platform !== "win32" && process.execve) {
  const script = Bun.isStandaloneExecutable ? [] : [...process.execArgv, Bun.main];
  process.execve(process.execPath, [process.execPath, ...script, ...argv], { ...process.env, [FETCH_LIMIT]: "8192" });
}

const { start } = await import("./start.ts");
await start(argv);
