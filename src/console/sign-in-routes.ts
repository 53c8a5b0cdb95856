import { Elysia } from "elysia";
import type { SignInView } from "../admin/admin.ts";
import { toGatewayError } from "../chat/error.ts";
import { html } from "./html.ts";
import { credentialError, fieldError } from "./parts/forms.ts";
import { ASKED, fingerprint, type PanelContext, signInPanel, signInSheet, type LeadsTo } from "./parts/sign-in.ts";
import { partial } from "./partial.ts";
import { respond } from "./respond.ts";
import { CLOSES, type Desk, fieldsOf, formOf, fragment, type Handler, route, say, textIn } from "./routes.ts";
import type { Visit } from "./visit.ts";

/** Sign-ins by code or browser: begun on a form, shown in the sheet or in the first run, finished by themselves. */
export function signInRoutes(desk: Desk) {
  const { admin, feed, site } = desk;
  const operator = (handler: Handler) => route(desk, "operator", handler);

  const contextOf = async (visit: Visit): Promise<PanelContext> => ({
    site,
    words: visit.words,
    now: visit.now,
    methods: await admin.signIn.methods(),
  });

  const redirect = (visit: Visit, step: number) =>
    say(visit, "", { headers: { "hx-redirect": `${site.root}setup?step=${step}` } });

  /** Draws the panel anew where it stands, or leads on when nothing is left to do. */
  const answer = async (visit: Visit, view: SignInView, leadsTo: LeadsTo): Promise<Response> => {
    if (view.status === "done") {
      feed.nudge();
      if (leadsTo === "setup") return redirect(visit, 3);
      const account = visit.words.series(view.accounts.map(({ label }) => label)) || view.providerTitle;
      return say(visit, visit.words.t("said.signed-in", { account }), { headers: CLOSES });
    }
    const panel = signInPanel(await contextOf(visit), view, leadsTo);
    return fragment(visit, partial("#add-body", "innerHTML", panel));
  };

  return new Elysia({ name: "console-sign-ins" })
    .post(
      "/console/sign-ins",
      operator(async (visit) => {
        const form = await formOf(visit);
        const field = (name: string) => textIn(form, name);
        const [label, accountId, replaces] = [field("label").trim(), field("account"), field("replaces")];
        const input = Object.fromEntries(
          [...form.keys()]
            .filter((name) => name.startsWith(ASKED))
            .map((name) => [name.slice(ASKED.length), field(name)]),
        );
        let view: SignInView;
        try {
          view = await admin.signIn.begin(field("provider"), field("method"), input, {
            ...(label !== "" && { label }),
            ...(accountId !== "" && { accountId }),
          });
        } catch (error) {
          const { status, text } = credentialError(visit.words, error, "sign-in.error");
          return fragment(visit, fieldError(ASKED + (toGatewayError(error).field ?? ""), text), status);
        }
        if (replaces !== "") await forget(replaces);
        feed.nudge();
        return answer(visit, view, leadsToOf(field("after")));
      }),
      { parse: "none" },
    )
    .get(
      "/console/sign-ins/:id",
      operator(async (visit) => {
        const view = await admin.signIn.poll(visit.params.id ?? "");
        return fragment(visit, signInSheet(await contextOf(visit), view));
      }),
    )
    .get(
      "/console/sign-ins/:id/state",
      operator(async (visit) => {
        const { searchParams } = visit.url;
        const leadsTo = leadsToOf(searchParams.get("after") ?? "");
        let view: SignInView;
        try {
          view = await admin.signIn.poll(visit.params.id ?? "");
        } catch (error) {
          if (toGatewayError(error).kind !== "unknown-path") throw error;
          return left(visit, leadsTo, visit.words.t("sign-in.gone"));
        }
        if (fingerprint(view) === searchParams.get("seen")) return respond(visit.request, html``, { status: 204 });
        return answer(visit, view, leadsTo);
      }),
    )
    .post(
      "/console/sign-ins/:id/complete",
      operator(async (visit) => {
        const field = await fieldsOf(visit);
        if (field("address").trim() === "") {
          return fragment(visit, fieldError("address", visit.words.t("sign-in.address.empty")), 422);
        }
        try {
          const view = await admin.signIn.complete(visit.params.id ?? "", field("address").trim());
          return await answer(visit, view, leadsToOf(field("after")));
        } catch (error) {
          const failure = toGatewayError(error);
          if (failure.kind === "unknown-path") throw error;
          const { status, text } = credentialError(visit.words, error, "sign-in.error");
          return fragment(visit, fieldError("address", text), status);
        }
      }),
      { parse: "none" },
    )
    .post(
      "/console/sign-ins/:id/cancel",
      operator(async (visit) => {
        const leadsTo = leadsToOf((await fieldsOf(visit))("after"));
        await forget(visit.params.id ?? "");
        feed.nudge();
        return left(visit, leadsTo, visit.words.t("said.sign-in-cancelled"));
      }),
      { parse: "none" },
    );

  function left(visit: Visit, leadsTo: LeadsTo, text: string): Response {
    return leadsTo === "setup" ? redirect(visit, 2) : say(visit, text, { headers: CLOSES });
  }

  /** One that is gone already is as good as cancelled. */
  async function forget(id: string): Promise<void> {
    try {
      await admin.signIn.cancel(id);
    } catch (error) {
      if (toGatewayError(error).kind !== "unknown-path") throw error;
    }
  }
}

function leadsToOf(value: string): LeadsTo {
  return value === "setup" ? "setup" : "close";
}
