import {
  type InputOf,
  type Operator,
  type OutputOf,
  readErrorBody,
  requestFor,
  type RouteName,
  ROUTES,
} from "../admin/routes.ts";
import { GatewayError } from "../chat/error.ts";
import { parseJson } from "../lib/json.ts";
import { askLoopback } from "./loopback.ts";

/** A serving process as its token file in the data folder names it. */
export interface Serving {
  /** Without a slash at its end. */
  readonly url: string;
  readonly token: string;
  readonly pid: number;
}

/** Nobody of ours answers there (any more): the operation was not begun. */
export class NotServing extends Error {
  override readonly name = "NotServing";
}

/** An operation may ask an upstream, as `test` does. */
const ANSWER_MS = 300_000;

/** The operations of a gateway that serves on this machine. Each throws NotServing, or the GatewayError it answered. */
export function remoteOperator({ url, token }: Serving): Operator {
  async function call<N extends RouteName>(name: N, input: InputOf<N>): Promise<OutputOf<N>> {
    const { path, body } = requestFor(name, input);
    const { status, body: answer } = await askLoopback(`${url}${path}`, {
      method: ROUTES[name].method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      body,
      timeoutMs: ANSWER_MS,
    }).catch((error: unknown) => {
      throw failureOf(error);
    });
    const parsed = parseJson(answer);
    if (status === 200 && parsed.ok) return parsed.value as OutputOf<N>;
    const failure = parsed.ok ? readErrorBody(parsed.value) : undefined;
    // Another program, or another gateway that does not know this token, has the port now.
    if (!failure || failure.kind === "unauthorized") throw new NotServing(`no gateway of this data folder at ${url}`);
    throw failure;
  }
  const run = async <N extends RouteName>(name: N, input: InputOf<N>): Promise<void> => void (await call(name, input));

  return {
    overview: () => call("overview", {}),
    accounts: {
      list: () => call("accountsList", {}),
      add: (provider, text, options) => call("accountsAdd", { provider, text, ...options }),
      renew: (id, text) => call("accountsRenew", { id, text }),
      test: (id) => call("accountsTest", { id }),
      enable: (id) => call("accountsEnable", { id }),
      disable: (id) => call("accountsDisable", { id }),
      reset: (id) => call("accountsReset", { id }),
      rename: (id, label) => call("accountsRename", { id, label }),
      configure: (id, { models, ...changes }) =>
        call("accountsConfigure", {
          id,
          ...changes,
          ...(models === undefined ? {} : { models: models && [...models] }),
        }),
      sync: (id) => call("accountsSync", { id }),
      remove: (id) => run("accountsRemove", { id }),
    },
    signIn: {
      methods: () => call("signInMethods", {}),
      begin: (provider, method, input = {}, options = {}) =>
        call("signInBegin", { provider, method, input: { ...input }, ...options }),
      poll: (id) => call("signInPoll", { id }),
      complete: (id, address) => call("signInComplete", { id, address }),
      cancel: (id) => run("signInCancel", { id }),
      list: () => call("signInList", {}),
    },
    keys: {
      list: () => call("keysList", {}),
      create: (name, options) => call("keysCreate", { name, ...options }),
      revoke: (id) => run("keysRevoke", { id }),
    },
    requests: {
      list: (filter) => call("requestsList", filter),
      attempts: (id) => call("requestsAttempts", { id }),
    },
    settings: {
      get: () => call("settingsGet", {}),
      set: (name, value) => run("settingsSet", value === undefined ? { name } : { name, value }),
    },
    transfer: {
      importFiles: (options) => call("importFiles", options),
      exportAccounts: (options) => call("exportAccounts", options),
    },
    setPassword: (password) => run("setPassword", { password }),
  };
}

/** Codes of a connection that never came about, so that nothing was asked. */
const NEVER_CONNECTED = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "EADDRNOTAVAIL", "ENOTFOUND"]);

function failureOf(error: unknown): Error {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (NEVER_CONNECTED.has(code)) return new NotServing("the gateway does not run", { cause: error });
  return new GatewayError(
    "upstream-broken",
    "The running gateway did not answer; look whether it did what was asked.",
    {
      cause: error,
    },
  );
}
