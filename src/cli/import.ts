import { isSealed } from "../admin/export-file.ts";
import type { ImportLine, ImportReport } from "../admin/import/report.ts";
import { type Command, EXIT } from "./command.ts";
import { findFiles } from "./import-files.ts";
import { readSecrets } from "./input.ts";
import { table } from "./table.ts";

export const IMPORT_COMMAND: Command = {
  name: "import",
  operands: ["PATH..."],
  summary: "take over accounts, keys and settings from files of other programs",
  details:
    "Files and folders are recognised by what they hold: a .env, cookies one a line, OctoProxy's export, config.json or\n" +
    "database, Kiro's token files and kiro-cli's database, kiro.rs, CLIProxyAPI, AIClient-2-API and account managers,\n" +
    "and an export of Sluice (its passphrase is asked, or the first line of standard input). Nothing is written beside\n" +
    "them, and a second run changes nothing. Accounts are not checked at their services yet: the page shows how they do.\n\n" +
    "  sluice import ~/octoproxy/data/octo-proxy.db ~/octoproxy/configs/config.json --dry-run",
  flags: ["dry-run"],
  json:
    "{ dryRun, took: [line], skipped: [line], refused: [{ from, reason }], notes: [text], differences: [text] };\n" +
    "a line has kind (account, key, setting), provider, name, id, from, reason",
  async run(call) {
    const { files, refused } = findFiles(call.operands, call.io.cwd);
    const sealed = files.find(({ text = "" }) => isSealed(text));
    const passphrase = sealed ? await passphraseFor(call, sealed.path) : undefined;
    const options = {
      files,
      dryRun: call.flags["dry-run"] === true,
      ...(passphrase === undefined ? {} : { passphrase }),
    };
    const operate = options.dryRun ? call.look : call.operate;
    const read = await operate(({ transfer }) => transfer.importFiles(options));
    const report = { ...read, refused: [...refused, ...read.refused] };
    call.answer(report, linesOf(report));
    const found = report.took.length + report.skipped.length + report.notes.length;
    return report.refused.length > 0 || found === 0 ? EXIT.failed : EXIT.done;
  },
};

async function passphraseFor({ io }: Parameters<Command["run"]>[0], path: string): Promise<string> {
  const [text = ""] = await readSecrets(io, [`Passphrase of ${path} (it is not shown): `]);
  return text.split(/\r?\n/)[0] ?? "";
}

function linesOf({ dryRun, took, skipped, refused, notes, differences }: ImportReport): string[] {
  const row = (word: string, { kind, provider, name, from, reason }: ImportLine) => [
    word,
    provider === undefined ? kind : `${provider} ${kind}`,
    name,
    reason === undefined ? from : `${from} (${reason})`,
  ];
  const rows = [
    ...took.map((line) => row(dryRun ? "would take" : "took", line)),
    ...skipped.map((line) => row("skipped", line)),
  ];
  return [
    ...table(rows),
    ...refused.map(({ from, reason }) => `refused  ${from}: ${reason}`),
    ...paragraph("Notes:", notes),
    ...paragraph("What is different here:", differences),
    "",
    `${took.length} ${dryRun ? "would be taken" : "taken"}, ${skipped.length} skipped, ${refused.length} refused`,
  ];
}

function paragraph(title: string, sentences: readonly string[]): string[] {
  return sentences.length === 0 ? [] : ["", title, ...sentences.map((sentence) => `- ${sentence}`)];
}
