import type { AddResult, AdmittedAccount } from "../../admin/admin.ts";
import { html, type Html } from "../html.ts";
import type { Words } from "../words.ts";
import { mark } from "./state.ts";
import { list } from "./transfer.ts";

export type Admitted = Pick<AddResult, "added" | "known" | "refused">;

/** Whether there is more to say about pasted logins than how many were added. */
export function needsReport({ added, known, refused }: Admitted): boolean {
  return refused.length > 0 || [...added, ...known].some(({ unchecked }) => unchecked !== undefined);
}

/** What became of pasted logins: each bad one with its line and its reason, and each that could not be checked. */
export function admissionReport(words: Words, { added, known, refused }: Admitted, next: Html | false): Html {
  const { t, n } = words;
  const unchecked = [...added, ...known].filter((account) => account.unchecked !== undefined);
  return html`<div class="field loose" id="add-report">
    <p class="row">
      ${added.length > 0 && mark("open", "s-open", n("said.added", added.length))}
      ${known.length > 0 && mark("off", "s-off", n("said.known", known.length))}
      ${refused.length > 0 && mark("bad", "s-bad", n("said.refused", refused.length))}
    </p>
    ${list(
      t("import.list.refused"),
      refused.map(({ line, hint, reason }) => entry(line === undefined ? hint : placeOf(words, line, hint), reason)),
      true,
    )}
    ${uncheckedList(words, unchecked)} ${next}
  </div>`;
}

/** Accounts whose credential was taken unseen, and why; false when there are none. */
export function uncheckedList({ t }: Words, accounts: readonly AdmittedAccount[]): Html | false {
  const listed = list(
    t("add.unchecked"),
    accounts.flatMap(({ label, unchecked }) => (unchecked === undefined ? [] : [entry(label, unchecked)])),
    true,
  );
  return listed && html`${listed}<small>${t("add.unchecked.what")}</small>`;
}

/** The line; and the end of the credential, where it holds one. */
function placeOf({ t }: Words, line: number, hint: string): string {
  const place = t("add.line", { n: line });
  return hint.startsWith("…") ? `${place} (${hint})` : place;
}

function entry(name: string, reason: string): Html {
  return html`<b>${name}</b> <small lang="en">${reason}</small>`;
}
