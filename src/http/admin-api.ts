import { timingSafeEqual } from "node:crypto";
import { type TObject, Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import type { Admin } from "../admin/admin.ts";
import type { KeyRing } from "../admin/keys.ts";
import { callRoute, errorBody, type Route, ROUTES } from "../admin/routes.ts";
import { GatewayError, toGatewayError } from "../chat/error.ts";
import { Agenda } from "../lib/agenda.ts";
import type { Clock } from "../lib/clock.ts";
import { isObject, parseJson } from "../lib/json.ts";
import type { Described } from "./api-document.ts";
import { presentedKey } from "./auth.ts";
import { bodyReader } from "./body.ts";
import { CORS_HEADERS } from "./cors.ts";
import { retryHeaders } from "./failure.ts";

export interface AdminApiDeps {
  readonly admin: Admin;
  readonly keys: KeyRing;
  /** The command line of this machine proves itself with it; undefined for none. */
  readonly operatorToken: string | undefined;
  readonly clock: Clock;
  readonly maxBodyBytes: number;
  /** Makes the LongCat accounts of the environment those in `text`; resolves to how many there are. */
  replaceLongcatCookies(text: string): Promise<number>;
}

const RELOAD: TObject = Type.Object({
  type: Type.Literal("cookies"),
  cookies: Type.String({ minLength: 1, description: "LongCat cookies with commas" }),
});

/** What is mounted here, for the API document. */
export const ADMIN_OPERATIONS: readonly Described[] = [
  ...Object.values<Route>(ROUTES),
  { method: "POST", path: "/reload", input: RELOAD },
];

/** The operations as JSON under `/api`, and longchat's `POST /reload`. Each wants an admin key. */
export function mountAdminApi(deps: AdminApiDeps) {
  const { admin, clock } = deps;
  const readBody = bodyReader(deps.maxBodyBytes, new Agenda(clock));

  const authorize = (request: Request): void => {
    const presented = presentedKey(request);
    if (presented !== undefined && (isOperator(presented, deps.operatorToken) || deps.keys.find(presented)?.admin))
      return;
    throw new GatewayError(
      "unauthorized",
      "This wants an admin key: make one with `sluice key add NAME --admin` and send it as `Authorization: Bearer KEY`.",
    );
  };

  const bodyOf = async (request: Request): Promise<Record<string, unknown>> => {
    const text = await readBody(request);
    const parsed = parseJson(text === "" ? "{}" : text);
    if (parsed.ok && isObject(parsed.value)) return parsed.value;
    throw new GatewayError("invalid-request", "The body must be a JSON object.");
  };

  const answered = async (
    request: Request,
    run: () => Promise<unknown>,
    common: Record<string, string> = NO_STORE,
  ): Promise<Response> => {
    try {
      authorize(request);
      return Response.json(await run(), { headers: common });
    } catch (thrown) {
      const error = toGatewayError(thrown);
      const headers = { ...common, ...retryHeaders(error, clock.now()) };
      return Response.json(errorBody(error), { status: error.status, headers });
    }
  };

  const app = new Elysia({ name: "admin-api" });
  for (const route of Object.values<Route>(ROUTES)) {
    const detail = { tags: ["admin"], summary: route.summary };
    const handle = ({ request, params }: { request: Request; params: Record<string, string> }) =>
      answered(request, async () => {
        const rest = route.method === "GET" ? queryOf(request) : await bodyOf(request);
        return callRoute(route, admin, { ...rest, ...params });
      });
    if (route.method === "GET") app.get(route.path, handle, { detail });
    else app.post(route.path, handle, { parse: "none", detail });
  }

  return app.post(
    "/reload",
    ({ request }) =>
      answered(
        request,
        async () => {
          const { type, cookies } = await bodyOf(request);
          if (type !== "cookies" || typeof cookies !== "string" || cookies.trim() === "") {
            const words = 'Send {"type":"cookies","cookies":"a,b"} with one or more LongCat cookies.';
            throw new GatewayError("invalid-request", words, { field: type === "cookies" ? "cookies" : "type" });
          }
          const cookiesCount = await deps.replaceLongcatCookies(cookies);
          return {
            success: true,
            message: `The LongCat accounts are now these ${cookiesCount}.`,
            reloadedAt: new Date(clock.now()).toISOString(),
            cookiesCount,
          };
        },
        OPEN_TO_PAGES,
      ),
    { parse: "none", detail: { tags: ["admin"], summary: "Replace the LongCat cookies of the environment" } },
  );
}

const NO_STORE = { "cache-control": "no-store" };
/** longchat's clients may be pages of any origin. */
const OPEN_TO_PAGES = { ...CORS_HEADERS, ...NO_STORE };

function isOperator(presented: string, token: string | undefined): boolean {
  if (token === undefined) return false;
  const [left, right] = [Buffer.from(presented), Buffer.from(token)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function queryOf(request: Request): Record<string, unknown> {
  const query = Object.fromEntries(new URL(request.url).searchParams);
  delete query["key"];
  return query;
}
