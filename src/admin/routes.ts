/**
 * The operations as HTTP: the table that the JSON API under `/api` mounts and the command line calls. What an operation
 * takes is one flat object: parts of the path, and the rest in the query (GET) or in a JSON body (POST). It answers with
 * JSON, `{}` where there is nothing to say; a failure answers `errorBody` with the status of its kind.
 */
import { type Static, type TObject, type TProperties, Type } from "@sinclair/typebox";
import { Value, ValueErrorType } from "@sinclair/typebox/value";
import { FAILURES, type FailureKind, GatewayError } from "../chat/error.ts";
import type { RequestFilter } from "../store/store.ts";
import type { Admin } from "./admin.ts";

/** The operations that fit into one question and one answer. */
export type Operator = Omit<Admin, "watch">;

export interface Route<P extends TProperties = TProperties, O = unknown> {
  readonly method: "GET" | "POST";
  /** Parts written `:id` are fields of the input. */
  readonly path: string;
  readonly input: TObject<P>;
  readonly summary: string;
  run(operator: Operator, input: Static<TObject<P>>): Promise<O>;
}

function route<P extends TProperties, O>(
  endpoint: `${Route["method"]} /api/${string}`,
  summary: string,
  fields: P,
  run: (operator: Operator, input: Static<TObject<P>>) => Promise<O>,
): Route<P, O> {
  const [method, path = ""] = endpoint.split(" ");
  return { method: method as Route["method"], path, input: Type.Object(fields), summary, run };
}

const text = Type.String({ minLength: 1 });
const id = { id: text };

export const ROUTES = {
  overview: route("GET /api/overview", "Everything the first page shows", {}, (operator) => operator.overview()),

  accountsList: route("GET /api/accounts", "All accounts", {}, ({ accounts }) => accounts.list()),
  accountsAdd: route(
    "POST /api/accounts",
    "Add accounts from a text in any form that is pasted",
    { provider: text, text, label: Type.Optional(Type.String()), check: Type.Optional(Type.Boolean()) },
    ({ accounts }, { provider, text: pasted, ...options }) => accounts.add(provider, pasted, options),
  ),
  accountsRenew: route("POST /api/accounts/:id/renew", "A new credential", { ...id, text }, ({ accounts }, input) =>
    accounts.renew(input.id, input.text),
  ),
  accountsTest: route("POST /api/accounts/:id/test", "One tiny request", id, ({ accounts }, input) =>
    accounts.test(input.id),
  ),
  accountsEnable: route("POST /api/accounts/:id/enable", "Take back into the rotation", id, ({ accounts }, input) =>
    accounts.enable(input.id),
  ),
  accountsDisable: route("POST /api/accounts/:id/disable", "Take out of the rotation", id, ({ accounts }, input) =>
    accounts.disable(input.id),
  ),
  accountsReset: route("POST /api/accounts/:id/reset", "Ready again, nothing held against it", id, (operator, input) =>
    operator.accounts.reset(input.id),
  ),
  accountsRename: route(
    "POST /api/accounts/:id/rename",
    "A new label",
    { ...id, label: Type.String() },
    (operator, input) => operator.accounts.rename(input.id, input.label),
  ),
  accountsConfigure: route(
    "POST /api/accounts/:id/configure",
    "Label, priority, concurrency, pace, proxy and allowed models; null goes back to the default",
    {
      ...id,
      label: Type.Optional(Type.Union([Type.String(), Type.Null()])),
      priority: Type.Optional(Type.Union([Type.Integer(), Type.Null()])),
      concurrency: Type.Optional(Type.Union([Type.Integer(), Type.Null()])),
      requestsPerHour: Type.Optional(Type.Union([Type.Integer(), Type.Null()])),
      proxy: Type.Optional(Type.Union([Type.String(), Type.Null()])),
      models: Type.Optional(Type.Union([Type.Array(Type.String()), Type.Null()])),
    },
    ({ accounts }, { id: account, ...changes }) => accounts.configure(account, changes),
  ),
  accountsSync: route("POST /api/accounts/:id/sync", "Ask for usage and models now", id, ({ accounts }, input) =>
    accounts.sync(input.id),
  ),
  accountsRemove: route("POST /api/accounts/:id/remove", "Forget for good", id, ({ accounts }, input) =>
    accounts.remove(input.id),
  ),

  signInMethods: route("GET /api/sign-ins/methods", "The ways to sign in at each provider", {}, ({ signIn }) =>
    signIn.methods(),
  ),
  signInList: route("GET /api/sign-ins", "Sign-ins that are open, and those of the last hour", {}, ({ signIn }) =>
    signIn.list(),
  ),
  signInBegin: route(
    "POST /api/sign-ins",
    "Begin a sign-in; with `accountId` that account gets the new login",
    {
      provider: text,
      method: text,
      input: Type.Optional(Type.Record(Type.String(), Type.String())),
      label: Type.Optional(text),
      accountId: Type.Optional(text),
    },
    ({ signIn }, { provider, method, input, ...options }) => signIn.begin(provider, method, input, options),
  ),
  signInPoll: route("POST /api/sign-ins/:id/poll", "How a sign-in stands", id, ({ signIn }, input) =>
    signIn.poll(input.id),
  ),
  signInComplete: route(
    "POST /api/sign-ins/:id/complete",
    "The address that the browser ended on",
    { ...id, address: text },
    ({ signIn }, input) => signIn.complete(input.id, input.address),
  ),
  signInCancel: route("POST /api/sign-ins/:id/cancel", "Give a sign-in up", id, ({ signIn }, input) =>
    signIn.cancel(input.id),
  ),

  keysList: route("GET /api/keys", "All client keys, without the keys themselves", {}, ({ keys }) => keys.list()),
  keysCreate: route(
    "POST /api/keys",
    "A new client key, shown this once",
    { name: Type.String(), admin: Type.Optional(Type.Boolean()) },
    ({ keys }, { name, ...options }) => keys.create(name, options),
  ),
  keysRevoke: route("POST /api/keys/:id/revoke", "End a client key", id, ({ keys }, input) => keys.revoke(input.id)),

  requestsList: route(
    "GET /api/requests",
    "The request log, newest first; `before` (epoch ms) turns the page",
    {
      limit: Type.Integer({ minimum: 1, maximum: 1000, default: 50 }),
      before: Type.Optional(Type.Integer({ minimum: 0 })),
      id: Type.Optional(text),
      accountId: Type.Optional(text),
      outcome: Type.Optional(text),
    },
    ({ requests }, filter: RequestFilter) => requests.list(filter),
  ),
  requestsAttempts: route("GET /api/requests/:id/attempts", "The attempts of a request", id, ({ requests }, input) =>
    requests.attempts(input.id),
  ),

  settingsGet: route("GET /api/settings", "What may be changed while it runs", {}, ({ settings }) => settings.get()),
  settingsSet: route(
    "POST /api/settings/:name",
    "Change a setting; without `value` back to its default",
    { name: text, value: Type.Optional(Type.String()) },
    ({ settings }, { name, value }) => settings.set(name, value),
  ),

  importFiles: route(
    "POST /api/import",
    "Take over what files of other programs hold, or an export",
    {
      files: Type.Array(
        Type.Object({
          path: text,
          text: Type.Optional(Type.String()),
          tables: Type.Optional(Type.Record(Type.String(), Type.Array(Type.Record(Type.String(), Type.Unknown())))),
          named: Type.Optional(Type.Boolean()),
        }),
        { maxItems: 10_000 },
      ),
      passphrase: Type.Optional(Type.String()),
      dryRun: Type.Optional(Type.Boolean()),
    },
    ({ transfer }, options) => transfer.importFiles(options),
  ),
  exportAccounts: route(
    "POST /api/export",
    "Accounts in one document, sealed by a passphrase or, with `clear`, readable",
    {
      passphrase: Type.Optional(Type.String()),
      clear: Type.Optional(Type.Boolean()),
      provider: Type.Optional(text),
      settings: Type.Optional(Type.Boolean()),
    },
    ({ transfer }, options) => transfer.exportAccounts(options),
  ),

  setPassword: route(
    "POST /api/password",
    "A new console password; every session ends",
    { password: text },
    (operator, { password }) => operator.setPassword(password),
  ),
} as const;

export type RouteName = keyof typeof ROUTES;
export type InputOf<N extends RouteName> = Static<(typeof ROUTES)[N]["input"]>;
export type OutputOf<N extends RouteName> = Awaited<ReturnType<(typeof ROUTES)[N]["run"]>>;

/**
 * Runs an operation on what a request brought: the parts of its path, its query or its parsed body, in one object.
 * @throws GatewayError invalid-request that names the field, or what the operation throws
 */
export async function callRoute(called: Route, operator: Operator, raw: Readonly<Record<string, unknown>>) {
  const given = called.method === "GET" ? Value.Convert(called.input, { ...raw }) : { ...raw };
  const input = Value.Clean(called.input, Value.Default(called.input, given));
  const error = Value.Errors(called.input, input).First();
  if (error) {
    const field = error.path.replace(/^\//, "");
    const isNothing = error.type === ValueErrorType.ObjectRequiredProperty || error.value === "";
    const words = isNothing ? `${field} is missing or empty` : `${field}: ${error.message.toLowerCase()}`;
    throw new GatewayError("invalid-request", words, { field });
  }
  return (await called.run(operator, input as Static<typeof called.input>)) ?? {};
}

/** The request that asks for an operation: path with query, and the body as JSON text for a POST. */
export function requestFor<N extends RouteName>(
  name: N,
  input: InputOf<N>,
): { path: string; body: string | undefined } {
  const called: Route = ROUTES[name];
  const rest: Record<string, unknown> = { ...input };
  const path = called.path.replace(/:(\w+)/g, (_, field: string) => {
    const part = encodeURIComponent(String(rest[field]));
    delete rest[field];
    return part;
  });
  if (called.method === "POST") return { path, body: JSON.stringify(rest) };
  const given = Object.entries(rest).filter(([, value]) => value !== undefined);
  const query = new URLSearchParams(given.map(([field, value]) => [field, String(value)])).toString();
  return { path: query === "" ? path : `${path}?${query}`, body: undefined };
}

export interface ErrorBody {
  readonly error: {
    readonly kind: FailureKind;
    readonly message: string;
    readonly field?: string | undefined;
    /** Epoch ms. */
    readonly retryAt?: number | undefined;
  };
}

/** A failure as the JSON API answers it. */
export function errorBody({ kind, message, field, retryAt }: GatewayError): ErrorBody {
  return { error: { kind, message, field, retryAt } };
}

/** The failure in an answer of the JSON API; undefined when it is none of ours. */
export function readErrorBody(body: unknown): GatewayError | undefined {
  const { error } = ((typeof body === "object" ? body : undefined) as Partial<ErrorBody>) ?? {};
  if (typeof error?.message !== "string" || !Object.hasOwn(FAILURES, error.kind)) return undefined;
  const { field, retryAt } = error;
  return new GatewayError(error.kind, error.message, {
    ...(typeof field === "string" ? { field } : {}),
    ...(typeof retryAt === "number" ? { retryAt } : {}),
  });
}
