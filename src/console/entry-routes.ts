import { Elysia } from "elysia";
import { MIN_PASSWORD_LENGTH, type Session } from "./login.ts";
import { loginPage, lockedPage } from "./pages/login.ts";
import { firstAnswer, setupPage, type SetupView } from "./pages/setup.ts";
import { redirect } from "./respond.ts";
import { type Desk, fieldsOf, fragment, type Handler, route, show } from "./routes.ts";
import { COOKIES, type Visit } from "./visit.ts";

const YEAR_S = 365 * 86_400;

/** The ways in and out: setup, sign-in, sign-out, and the choice of language and theme. */
export function entryRoutes(desk: Desk) {
  const { admin, auth, site } = desk;
  const anyone = (handler: Handler) => route(desk, "anyone", handler);
  const operator = (handler: Handler) => route(desk, "operator", handler);

  const cookiePath = site.root.slice(0, -1);
  const sessionCookie = (visit: Visit, { token, maxAgeS }: Session) =>
    new Bun.Cookie(COOKIES.session, token, {
      path: cookiePath,
      httpOnly: true,
      sameSite: "strict",
      secure: visit.client.secure,
      ...(maxAgeS !== undefined && { maxAge: maxAgeS }),
    }).toString();
  const endedCookie = () =>
    new Bun.Cookie(COOKIES.session, "", { path: cookiePath, httpOnly: true, sameSite: "strict", maxAge: 0 }).toString();

  const showSetup = (visit: Visit, view: Omit<SetupView, "origin">, status = 200) => {
    const main = setupPage(site, visit.words, { ...view, origin: visit.client.origin });
    return show(desk, visit, { title: visit.words.t("setup.title.short"), main }, { status });
  };

  const showLogin = (
    visit: Visit,
    next: string,
    problem?: { status: number; text: string; headers?: Record<string, string> },
  ) => {
    const main = loginPage(site, visit.words, { next, ...(problem !== undefined && { error: problem.text }) });
    const page = { title: visit.words.t("login.title"), main };
    return show(desk, visit, page, {
      status: problem?.status ?? 200,
      ...(problem?.headers && { headers: problem.headers }),
    });
  };

  const locked = (visit: Visit, problem?: "link", status = 200) =>
    show(desk, visit, { title: visit.words.t("locked.title"), main: lockedPage(visit.words, problem) }, { status });

  return new Elysia({ name: "console-entry" })
    .get(
      "/console/login",
      anyone(async (visit) => {
        if (!(await auth.isSetUp())) return locked(visit);
        const next = visit.url.searchParams.get("next") ?? "";
        if (await auth.isSignedIn(visit.token)) return redirect(site.root + ownPath(next));
        return showLogin(visit, ownPath(next));
      }),
    )
    .post(
      "/console/login",
      anyone(async (visit) => {
        if (!(await auth.isSetUp())) return locked(visit, undefined, 403);
        const field = await fieldsOf(visit);
        const next = ownPath(field("next"));
        const { t, span } = visit.words;
        const signIn = await auth.signIn(visit.client.address, field("password"), field("remember") === "yes");
        if (signIn.outcome === "signed-in") {
          return redirect(site.root + next, { cookies: [sessionCookie(visit, signIn.session)] });
        }
        if (signIn.outcome === "wrong") return showLogin(visit, next, { status: 401, text: t("login.wrong") });
        desk.log.warn("console-login-throttled", { address: visit.client.address });
        return showLogin(visit, next, {
          status: 429,
          text: t("login.throttled", { wait: span(signIn.waitMs) }),
          headers: { "retry-after": String(Math.ceil(signIn.waitMs / 1000)) },
        });
      }),
      { parse: "none" },
    )
    .post(
      "/console/logout",
      operator(async (visit) => {
        if ((await fieldsOf(visit))("everywhere") === "yes") await auth.signOutEverywhere();
        else if (visit.token !== undefined) await auth.signOut(visit.token);
        return redirect(`${site.root}login`, { cookies: [endedCookie()] });
      }),
      { parse: "none" },
    )
    .get(
      "/console/setup",
      anyone(async (visit) => {
        if (await auth.isSignedIn(visit.token)) {
          const asked = visit.url.searchParams.get("step");
          const [overview, methods, signIns] = await Promise.all([
            admin.overview(),
            admin.signIn.methods(),
            admin.signIn.list(),
          ]);
          const signIn = signIns.find(({ status, accountId }) => status === "open" && accountId === undefined);
          return showSetup(visit, { step: asked === "3" ? 3 : 2, overview, methods, signIn });
        }
        const token = visit.url.searchParams.get("token") ?? "";
        // A link may be issued for a lost password too, so a valid one counts more than a password that is set.
        if (auth.isSetupToken(token)) return showSetup(visit, { step: 1, token });
        if (await auth.isSetUp()) return redirect(`${site.root}login`);
        return locked(visit, token === "" ? undefined : "link", token === "" ? 200 : 403);
      }),
    )
    .post(
      "/console/setup",
      anyone(async (visit) => {
        const field = await fieldsOf(visit);
        const token = field("token");
        if (!auth.isSetupToken(token)) return locked(visit, "link", 403);
        const { t } = visit.words;
        const password = field("password");
        if (password.length < MIN_PASSWORD_LENGTH) {
          const error = { field: "password", text: t("setup.too-short", { n: MIN_PASSWORD_LENGTH }) } as const;
          return showSetup(visit, { step: 1, token, error }, 422);
        }
        if (password !== field("again")) {
          return showSetup(visit, { step: 1, token, error: { field: "again", text: t("setup.differ") } }, 422);
        }
        const session = await auth.setUp(token, password);
        if (session === undefined) return locked(visit, "link", 403);
        return redirect(`${site.root}setup?step=2`, { cookies: [sessionCookie(visit, session)] });
      }),
      { parse: "none" },
    )
    .post(
      "/console/setup/key",
      operator(async (visit) => {
        const { key, view } = await admin.keys.create(visit.words.t("setup.key.name"));
        return showSetup(visit, { step: 3, overview: await admin.overview(), key: { secret: key, id: view.id } });
      }),
      { parse: "none" },
    )
    .get(
      "/console/setup/key",
      operator(() => redirect(`${site.root}setup?step=3`)),
    )
    .get(
      "/console/setup/first-answer",
      operator(async (visit) => {
        const id = visit.url.searchParams.get("key") ?? "";
        const key = (await admin.keys.list()).find((each) => each.id === id);
        return fragment(visit, firstAnswer(site, visit.words, id, key?.lastUsedAt !== undefined));
      }),
    )
    .get(
      "/console/preference",
      anyone((visit) => {
        const cookies = [
          preferenceCookie(COOKIES.language, visit.url.searchParams.get("language"), ["en", "zh"], cookiePath),
          preferenceCookie(COOKIES.theme, visit.url.searchParams.get("theme"), ["light", "dark"], cookiePath),
        ].filter((cookie) => cookie !== undefined);
        return redirect(site.root + ownPath(visit.url.searchParams.get("back") ?? ""), { cookies });
      }),
    );
}

function preferenceCookie(
  name: string,
  value: string | null,
  allowed: readonly string[],
  path: string,
): string | undefined {
  if (value === null || !allowed.includes(value)) return undefined;
  return new Bun.Cookie(name, value, { path, sameSite: "lax", maxAge: YEAR_S }).toString();
}

/** A path below the console, else its front page: a link must not lead anywhere else. */
function ownPath(path: string): string {
  return /^[a-z][a-z0-9/-]*(\?[\w=&%.~+-]*)?$/i.test(path) && !path.startsWith("log") ? path : "";
}
