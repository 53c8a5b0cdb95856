import { Elysia } from "elysia";
import { toGatewayError } from "../chat/error.ts";
import { html, type Html } from "./html.ts";
import { fieldError } from "./parts/forms.ts";
import { clearQuestion, exportReady, exportSheet, importReport, importSheet } from "./parts/transfer.ts";
import { type Desk, fieldsOf, formOf, fragment, type Handler, route, textIn } from "./routes.ts";
import type { Visit } from "./visit.ts";

/** How each file that SQLite wrote begins. */
const DATABASE = "SQLite format 3\0";

/** Accounts in from other programs and out into a file. */
export function transferRoutes(desk: Desk) {
  const { admin, auth, feed, site } = desk;
  const operator = (handler: Handler) => route(desk, "operator", handler);

  /** Why a clear export may not go out yet; undefined once the console's password was given for it. */
  const objection = async (visit: Visit, password: string): Promise<Html | undefined> => {
    const { words } = visit;
    if (password === "") return clearQuestion(words);
    const answer = await auth.signIn(visit.client.address, password, false);
    if (answer.outcome === "signed-in") {
      await auth.signOut(answer.session.token);
      return undefined;
    }
    const text =
      answer.outcome === "wrong"
        ? words.t("login.wrong")
        : words.t("login.throttled", { wait: words.span(answer.waitMs) });
    return clearQuestion(words, fieldError("password", text));
  };

  return new Elysia({ name: "console-transfer" })
    .get(
      "/console/import",
      operator((visit) => fragment(visit, importSheet(site, visit.words))),
    )
    .post(
      "/console/import",
      operator(async (visit) => {
        const form = await formOf(visit);
        const { t } = visit.words;
        const text = textIn(form, "text");
        const passphrase = textIn(form, "passphrase");
        const read = await Promise.all(filesIn(form).map(readFile));
        const databases = read.filter(({ text }) => text.startsWith(DATABASE));
        const files = read.filter((file) => !databases.includes(file));
        if (text.trim() !== "") files.push({ path: t("import.pasted"), text });
        if (read.length + files.length === 0) return fragment(visit, fieldError("text", t("import.empty")), 422);
        const report = await admin.transfer.importFiles({
          files,
          dryRun: textIn(form, "dry") === "yes",
          ...(passphrase !== "" && { passphrase }),
        });
        feed.nudge();
        const refused = databases.map(({ path }) => ({ from: path, reason: t("import.database") }));
        return fragment(visit, importReport(visit.words, { ...report, refused: [...refused, ...report.refused] }));
      }),
      { parse: "none" },
    )
    .get(
      "/console/export",
      operator(async (visit) => {
        const { providers } = await admin.overview();
        return fragment(visit, exportSheet(site, visit.words, providers));
      }),
    )
    .post(
      "/console/export",
      operator(async (visit) => {
        const field = await fieldsOf(visit);
        const { t } = visit.words;
        const clear = field("clear") === "yes";
        const passphrase = field("passphrase");
        if (clear) {
          const refusal = await objection(visit, field("password"));
          if (refusal !== undefined) return fragment(visit, refusal);
        } else {
          if (passphrase === "") return fragment(visit, fieldError("passphrase", t("export.passphrase.empty")), 422);
          if (passphrase !== field("again")) return fragment(visit, fieldError("again", t("export.differ")), 422);
        }
        try {
          const exported = await admin.transfer.exportAccounts({
            ...(clear ? { clear } : { passphrase }),
            ...(field("only") !== "" && { provider: field("only") }),
            ...(field("settings") === "yes" && { settings: true }),
          });
          desk.log.info("accounts-exported", { accounts: exported.accounts, sealed: !clear });
          const day = new Date(visit.now).toISOString().slice(0, 10);
          return fragment(visit, exportReady(visit.words, exported, `sluice-accounts-${day}.json`));
        } catch (error) {
          const { kind, message } = toGatewayError(error);
          if (kind !== "invalid-request") throw error;
          return fragment(visit, fieldError("passphrase", html`<span lang="en">${message}</span>`), 422);
        }
      }),
      { parse: "none" },
    );
}

/** A file field that was left empty comes as one empty file. */
function filesIn(form: FormData): File[] {
  return form.getAll("files").filter((value) => value instanceof File && value.size > 0) as File[];
}

async function readFile(file: File): Promise<{ path: string; text: string }> {
  return { path: file.name, text: await file.text() };
}
