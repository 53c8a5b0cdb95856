import { Elysia } from "elysia";
import { causeOf, GatewayError, toGatewayError } from "../chat/error.ts";
import type { Dialect } from "../dialects/dialect.ts";
import { newId } from "../lib/id.ts";
import type { Described } from "./api-document.ts";
import { callerOf } from "./auth.ts";
import { chatHandler, type ChatDeps } from "./chat.ts";
import { preflight } from "./cors.ts";
import { failureResponse } from "./failure.ts";
import { listModels, showModel } from "./models.ts";
import { apiPath } from "./paths.ts";

export interface ApiDeps extends ChatDeps {
  /** The first one also shapes failures outside any dialect's path. */
  readonly dialects: readonly [Dialect, ...Dialect[]];
  readonly isProvider: (name: string) => boolean;
  /** What methods the rest of the gateway takes at a path; none for an unknown path. */
  readonly methodsAt: (path: string) => readonly string[];
}

/** Handles one request whose prefix was already understood. */
type Handler = (request: Request, provider: string | undefined) => Promise<Response>;

/** The JSON API under `/api` is not for pages of other origins. */
const OPERATORS = /^\/api\/(?!v1(?:\/|$)|health\/?$)/;

const PREFIXES = ["/v1", "/api/v1", "", "/:provider/v1"] as const;

/** The dialects' paths for the API document. */
export const chatOperations = (dialects: readonly Dialect[]): Described[] =>
  dialects.map(({ path, body }) => ({
    method: "POST",
    path: `/v1${path}`,
    input: body.schema,
    example: body.example,
    streams: true,
  }));

/**
 * The API that clients know, under every prefix they have. The usual paths are routes of their own; anything else goes
 * through one fallback that forgives odd slashes and answers unknown paths in words.
 */
export function mountApi(deps: ApiDeps) {
  const { dialects, isProvider } = deps;
  const [fallback] = dialects;

  const models: Handler = async (request, provider) => {
    callerOf(request, deps.auth);
    return listModels(deps.router, provider);
  };
  const model =
    (id: string): Handler =>
    async (request, provider) => {
      callerOf(request, deps.auth);
      return showModel(deps.router, id, provider);
    };

  const posts = new Map<string, Handler>();
  for (const dialect of dialects) posts.set(dialect.path, chatHandler(dialect, deps));

  /** Any failure outside a dialect's own handler, in the first dialect's shape. */
  const shaped = async (run: () => Promise<Response>): Promise<Response> => {
    try {
      return await run();
    } catch (thrown) {
      const error = toGatewayError(thrown);
      const id = newId("req");
      if (error.kind === "internal") deps.log.error("request-failed", { request: id, cause: causeOf(error) });
      return failureResponse(error, fallback, id, deps.clock.now());
    }
  };

  const known = (provider: string | undefined) => provider === undefined || isProvider(provider);

  const refusedMethod = ({ method }: Request, pathname: string, methods: readonly string[]): Response => {
    const words = `${shown(pathname)} does not take ${method}; use ${methods.join(" or ")}.`;
    const allow = [...methods, ...(methods.includes("GET") ? ["HEAD"] : []), "OPTIONS"].join(", ");
    return failureResponse(new GatewayError("wrong-method", words), fallback, newId("req"), deps.clock.now(), {
      allow,
    });
  };

  const route = async (request: Request): Promise<Response> => {
    const pathname = decodedPath(request.url);
    const { provider, rest } = apiPath(pathname, isProvider);
    const post = posts.get(rest);
    const isModels = rest === "/models";
    const isModel = rest.startsWith("/models/");
    if (!post && !isModels && !isModel) {
      const methods = deps.methodsAt(pathname.replace(/(?<=.)\/+$/, ""));
      // Without a good preflight a browser tells its page nothing, not even that there is nothing here.
      if (request.method === "OPTIONS" && !OPERATORS.test(pathname)) return preflight(request.headers);
      if (methods.length > 0) return refusedMethod(request, pathname, methods);
      throw unknownPath(pathname);
    }
    if (request.method === "OPTIONS") return preflight(request.headers);
    if (post) {
      if (request.method !== "POST") return refusedMethod(request, pathname, ["POST"]);
      return post(request, provider);
    }
    if (request.method !== "GET" && request.method !== "HEAD") return refusedMethod(request, pathname, ["GET"]);
    return (isModels ? models : model(rest.slice("/models/".length)))(request, provider);
  };

  const app = new Elysia({ name: "api" });
  for (const prefix of PREFIXES) {
    const hide = prefix !== "/v1";
    for (const [path, handler] of posts) {
      app.post(
        prefix + path,
        ({ request, params }) => {
          const provider = named(params);
          return known(provider) ? handler(request, provider) : shaped(() => route(request));
        },
        { parse: "none", detail: { hide, tags: ["chat"], summary: `Chat (${path})` } },
      );
    }
    app.get(
      `${prefix}/models`,
      ({ request, params }) => {
        const provider = named(params);
        return shaped(() => (known(provider) ? models(request, provider) : route(request)));
      },
      { detail: { hide, tags: ["models"], summary: "The models there are" } },
    );
  }
  const answered = ({ request }: { request: Request }) => shaped(() => route(request));
  return app
    .get("/v1/models/:model", answered, { detail: { tags: ["models"], summary: "One model by its id" } })
    .all("/*", answered, { parse: "none", detail: { hide: true } });
}

/** The provider in a path's prefix; a route without one has no parameters at all. */
function named(params: { provider?: string } | undefined): string | undefined {
  return params?.provider;
}

function decodedPath(url: string): string {
  const { pathname } = new URL(url);
  try {
    return decodeURIComponent(pathname);
  } catch {
    return pathname;
  }
}

function unknownPath(pathname: string): GatewayError {
  const words = `There is nothing at ${shown(pathname)}.`;
  return new GatewayError(
    "unknown-path",
    `${words} The API is at /v1/chat/completions and /v1/models, the console at /console/.`,
  );
}

function shown(pathname: string): string {
  return pathname.length > 100 ? `${pathname.slice(0, 100)}…` : pathname;
}
