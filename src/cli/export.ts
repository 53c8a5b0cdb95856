import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { type Call, type Command, EXIT, UsageError } from "./command.ts";
import { readAnswer, readSecrets } from "./input.ts";

const CLEAR_WARNING =
  "Whoever opens this file can use every account in it. Type yes to write it without a passphrase: ";

export const EXPORT_COMMAND: Command = {
  name: "export",
  summary: "write accounts into a file, sealed by a passphrase",
  details:
    "The passphrase is asked twice at a terminal; else it is the first line of standard input. `sluice import FILE` takes\n" +
    "the file back. Labels, priorities, proxies and what is switched off go with the accounts.\n\n" +
    "  sluice export --output accounts.json",
  flags: ["clear", "yes", "provider", "settings", "output"],
  json: "{ accounts, leftOut: [text], output } with --output; else the document itself, as without --json",
  async run(call) {
    const { provider, settings, output } = call.flags;
    const clear = call.flags["clear"] === true;
    if (!clear && call.flags["yes"] === true) throw new UsageError("--yes answers the question of --clear");
    const secret = clear ? await confirmed(call) : { passphrase: await newPassphrase(call) };
    const { document, accounts, leftOut } = await call.look(({ transfer }) =>
      transfer.exportAccounts({
        ...secret,
        ...(typeof provider === "string" ? { provider } : {}),
        ...(settings === true ? { settings } : {}),
      }),
    );
    const text = `${JSON.stringify(document, undefined, 2)}\n`;
    for (const sentence of leftOut) call.io.stderr.write(`${sentence}\n`);
    if (typeof output !== "string") {
      call.io.stdout.write(text);
      call.io.stderr.write(`${countOf(accounts)} written\n`);
      return EXIT.done;
    }
    writePrivately(resolve(call.io.cwd, output), text);
    call.answer({ accounts, leftOut, output }, [`${countOf(accounts)} written to ${output}`]);
    return EXIT.done;
  },
};

async function confirmed({ io, flags }: Call): Promise<{ clear: true }> {
  if (flags["yes"] === true) return { clear: true };
  const answer = await readAnswer(io, CLEAR_WARNING);
  if (answer.trim().toLowerCase() === "yes") return { clear: true };
  throw new UsageError("nothing was written: type yes, or add --yes, or leave --clear out for a sealed file");
}

async function newPassphrase({ io }: Call): Promise<string> {
  const [first = "", second] = await readSecrets(io, ["Passphrase for the file: ", "Again: "]);
  if (second !== undefined && first !== second) throw new UsageError("the two are not the same");
  return first.split(/\r?\n/)[0] ?? "";
}

/** Whole or not there at all, and readable to this user alone. */
function writePrivately(path: string, text: string): void {
  const draft = `${path}.${randomBytes(4).toString("hex")}.tmp`;
  try {
    const file = openSync(draft, "wx", 0o600);
    try {
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    const reason = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    throw new Error(`the file ${path} cannot be written (${reason})`, { cause: error });
  }
}

function countOf(accounts: number): string {
  return accounts === 1 ? "1 account" : `${accounts} accounts`;
}
