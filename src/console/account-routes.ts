import { Elysia } from "elysia";
import type { AccountView, AdmittedAccount } from "../admin/admin.ts";
import { GatewayError, toGatewayError } from "../chat/error.ts";
import { html } from "./html.ts";
import { admissionReport, needsReport, uncheckedList } from "./parts/admission.ts";
import { addForm, credentialError, fieldError, renewForm } from "./parts/forms.ts";
import { sheet } from "./parts/frame.ts";
import { changesOf, isAccountSetting, settingsSheet } from "./parts/settings.ts";
import { accountSheet, removeSheet } from "./parts/sheet.ts";
import { mark } from "./parts/state.ts";
import { CLOSES, contextOf, type Desk, fieldsOf, fragment, type Handler, route, say } from "./routes.ts";
import type { Visit } from "./visit.ts";

/** What an operator does to accounts: sheets that open, forms that are checked at once, buttons that act at once. */
export function accountRoutes(desk: Desk) {
  const { admin, feed, site } = desk;
  const operator = (handler: Handler) => route(desk, "operator", handler);

  const find = async ({ params }: Visit): Promise<AccountView> => {
    const account = (await admin.accounts.list()).find(({ id }) => id === params.id);
    if (account === undefined) throw new GatewayError("unknown-path", "There is no such account.");
    return account;
  };

  /** Acts, tells every open page, and says what happened. */
  const act = (verb: "enable" | "disable" | "reset") =>
    operator(async (visit) => {
      const account = await admin.accounts[verb]((await find(visit)).id);
      feed.nudge();
      const text = visit.words.t(`said.${verb}`, { account: account.label });
      return say(visit, text, { headers: CLOSES });
    });

  return new Elysia({ name: "console-accounts" })
    .get(
      "/console/accounts/new",
      operator(async (visit) => {
        const [{ providers }, methods] = await Promise.all([admin.overview(), admin.signIn.methods()]);
        const { words } = visit;
        const form = addForm(site, words, { providers, methods, leadsTo: "close" });
        return fragment(visit, sheet(words, words.t("accounts.add"), form));
      }),
    )
    .post(
      "/console/accounts",
      operator(async (visit) => {
        const field = await fieldsOf(visit);
        const { t, n, gap } = visit.words;
        if (field("text").trim() === "") return fragment(visit, fieldError("text", t("add.error.empty")), 422);
        try {
          const label = field("label").trim();
          const result = await admin.accounts.add(field("provider"), field("text"), {
            check: true,
            ...(label !== "" && { label }),
          });
          feed.nudge();
          const { added, known } = result;
          const goesOn = field("after") === "setup" && added.length + known.length > 0;
          if (needsReport(result)) {
            const next =
              goesOn &&
              html`<div class="row"><a class="btn go" href="${site.root}setup?step=3">${t("add.go-on")}</a></div>`;
            return fragment(visit, admissionReport(visit.words, result, next));
          }
          if (goesOn) return fragmentWith(visit, { "hx-redirect": `${site.root}setup?step=3` });
          const parts = [
            added.length > 0 && n("said.added", added.length),
            known.length > 0 && n("said.known", known.length),
          ].filter((part) => part !== false);
          return say(visit, parts.join(gap), { headers: CLOSES });
        } catch (error) {
          const { status, text } = credentialError(visit.words, error);
          return fragment(visit, fieldError("text", text), status);
        }
      }),
      { parse: "none" },
    )
    .get(
      "/console/accounts/:id",
      operator(async (visit) => fragment(visit, accountSheet(contextOf(desk, visit), await find(visit)))),
    )
    .get(
      "/console/accounts/:id/renew",
      operator(async (visit) => {
        const account = await find(visit);
        const [{ providers }, methods] = await Promise.all([admin.overview(), admin.signIn.methods()]);
        const its = methods.filter(({ provider }) => provider === account.provider);
        const help = providers.find(({ name }) => name === account.provider)?.help?.[visit.words.language];
        const title = visit.words.t("renew.title", { account: account.label });
        return fragment(visit, sheet(visit.words, title, renewForm(site, visit.words, account, help, its)));
      }),
    )
    .post(
      "/console/accounts/:id/renew",
      operator(async (visit) => {
        const account = await find(visit);
        const text = (await fieldsOf(visit))("text");
        if (text.trim() === "") return fragment(visit, fieldError("text", visit.words.t("add.error.empty")), 422);
        let renewed: AdmittedAccount;
        try {
          renewed = await admin.accounts.renew(account.id, text);
        } catch (error) {
          const problem = credentialError(visit.words, error);
          return fragment(visit, fieldError("text", problem.text), problem.status);
        }
        feed.nudge();
        const said = visit.words.t("said.renewed", { account: account.label });
        const unchecked = uncheckedList(visit.words, [renewed]);
        if (unchecked)
          return fragment(
            visit,
            html`<p>${mark("open", "s-open", said)}</p>
              ${unchecked}`,
          );
        return say(visit, said, { headers: CLOSES });
      }),
      { parse: "none" },
    )
    .post(
      "/console/accounts/:id/test",
      operator(async (visit) => {
        const account = await find(visit);
        const result = await admin.accounts.test(account.id);
        feed.keepTest(account.id, result);
        feed.nudge();
        const { t, span } = visit.words;
        const values = { account: account.label, time: span(result.durationMs) };
        return result.ok
          ? say(visit, t("said.test-ok", values))
          : say(visit, t("said.test-failed", values), { tone: "bad" });
      }),
    )
    .post("/console/accounts/:id/enable", act("enable"))
    .post("/console/accounts/:id/disable", act("disable"))
    .post("/console/accounts/:id/reset", act("reset"))
    .post(
      "/console/accounts/:id/sync",
      operator(async (visit) => {
        const account = await find(visit);
        await admin.accounts.sync(account.id);
        feed.nudge();
        return say(visit, visit.words.t("said.synced", { account: account.label }), { headers: CLOSES });
      }),
    )
    .get(
      "/console/accounts/:id/settings",
      operator(async (visit) => fragment(visit, settingsSheet(site, visit.words, await find(visit)))),
    )
    .post(
      "/console/accounts/:id/settings",
      operator(async (visit) => {
        const account = await find(visit);
        const { t, language, gap } = visit.words;
        const read = changesOf(account, await fieldsOf(visit));
        if ("wrong" in read) return fragment(visit, fieldError(read.wrong, t(read.key)), 422);
        try {
          const { label } = await admin.accounts.configure(account.id, read.changes);
          feed.nudge();
          return say(visit, t("said.configured", { account: label }), { headers: CLOSES });
        } catch (error) {
          const { kind, field, message } = toGatewayError(error);
          if (kind !== "invalid-request" || !isAccountSetting(field)) throw error;
          const exact = html`${language !== "en" && t("error.refused") + gap}<span lang="en">${message}</span>`;
          return fragment(visit, fieldError(field, exact), 422);
        }
      }),
      { parse: "none" },
    )
    .get(
      "/console/accounts/:id/remove",
      operator(async (visit) => fragment(visit, removeSheet(site, visit.words, await find(visit)))),
    )
    .post(
      "/console/accounts/:id/remove",
      operator(async (visit) => {
        const account = await find(visit);
        await admin.accounts.remove(account.id);
        feed.nudge();
        return say(visit, visit.words.t("said.removed", { account: account.label }), { headers: CLOSES });
      }),
      { parse: "none" },
    );
}

function fragmentWith(visit: Visit, headers: Record<string, string>): Response {
  return say(visit, "", { headers });
}
