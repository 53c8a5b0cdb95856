/**
 * A Kiro simulator over real sockets: all seven hosts on one port, told apart by the first folder of the path. Strict
 * where the service is strict (kiro-rules.ts), scripted per account (kiro-script.ts).
 *
 *     await using sim = await startKiroSim();
 *     const cat = sim.account("cat", "social");
 *     cat.next("chat", refuse(500, "boom"), says(["He", "llo"]));
 *     const provider = createKiro(sim.urls);
 *     expect(sim.violations).toEqual([]);                    // nothing malformed was sent
 */
import { answerAuth, authorize, bodyOf, type AuthWorld } from "./kiro-auth.ts";
import { chatFault } from "./kiro-rules.ts";
import { json, refuse, says, type Behaviour } from "./kiro-script.ts";
import { newAccount, type Seen, type SimAccount, type SimHost, type SimKind, type SimLogin } from "./kiro-state.ts";
import { startRawHttp, type RawRequest } from "./raw-http.ts";

export * from "./kiro-script.ts";
export type { Seen, SimAccount } from "./kiro-state.ts";

export type KiroSim = AsyncDisposable &
  AuthWorld & {
    /** Addresses for the provider, with `{region}` in them. */
    readonly urls: Readonly<
      Record<
        "runtimeUrl" | "managementUrl" | "legacyUrl" | "codewhispererUrl" | "authUrl" | "oidcUrl" | "portalUrl",
        string
      >
    >;
    readonly requests: readonly Seen[];
    /** Chat requests whose client hung up before the answer was over. */
    readonly aborted: readonly Seen[];
    account(name: string, login: SimLogin): SimAccount;
    /** How the hosts of kiro.dev do not know their calls: by path or by target. */
    unknownForm: "path" | "target" | undefined;
    /** Plays the user in the browser; gives the address that the sign-in ends on. */
    authorize(address: string, option?: string): string;
  };

const INVALID_TOKEN = "The bearer token included in the request is invalid.";

export async function startKiroSim(): Promise<KiroSim> {
  const accounts = new Map<string, SimAccount>();
  const requests: Seen[] = [];
  const aborted: Seen[] = [];
  const world: AuthWorld = {
    accounts,
    violations: [],
    polls: [],
    signsIn: undefined,
    expiresIn: 3600,
    asked: undefined,
  };

  const server = await startRawHttp(async (exchange) => {
    const seen = see(exchange.request);
    requests.push(seen);
    if (seen.host === "auth" || seen.host === "oidc") return answerAuth(world, exchange, seen);
    const token = seen.headers["authorization"]?.replace(/^Bearer /, "");
    const account = [...accounts.values()].find((one) => one.accessToken === token);
    if (!account || account.dead || !account.hosts.has(seen.host)) {
      return refuse(403, INVALID_TOKEN, null)({ exchange, seen, account: account ?? newAccount("?", "social") });
    }
    if ((seen.headers["tokentype"] === "API_KEY") !== (account.login === "api-key")) world.violations.push("tokentype");
    account.requests.push(seen);
    const form = seen.headers["x-amz-target"] === undefined ? "path" : "target";
    const isNew = seen.host === "runtime" || seen.host === "management";
    if (seen.kind === "other" || (isNew && form === whole.unknownForm))
      return refuse(404, "UnknownOperationException")({ exchange, seen, account });
    account.counts[seen.kind]++;
    if (seen.kind === "chat") void exchange.closed.then(() => (exchange.hungUp ? aborted.push(seen) : 0));
    const behaviour = faultOf(seen, account) ?? account.take(seen.kind) ?? usual(seen.kind, account);
    await behaviour({ exchange, seen, account });
  });

  function faultOf(seen: Seen, account: SimAccount): Behaviour | undefined {
    if (seen.kind !== "chat") return planeFault(seen, account);
    const fault = chatFault(seen.body, seen.headers, seen.host, account);
    if (!fault) return undefined;
    if (fault.violation !== undefined) world.violations.push(fault.violation);
    return refuse(fault.status, fault.message, fault.reason ?? null);
  }

  const at = (host: string) => `${server.url}/${host}/{region}`;
  const sim: Omit<KiroSim, keyof AuthWorld> = {
    urls: {
      runtimeUrl: at("runtime"),
      managementUrl: at("management"),
      legacyUrl: at("legacy"),
      codewhispererUrl: at("codewhisperer"),
      authUrl: at("auth"),
      oidcUrl: at("oidc"),
      portalUrl: `${server.url}/portal`,
    },
    requests,
    aborted,
    unknownForm: undefined,
    account(name, login) {
      const known = accounts.get(name) ?? newAccount(name, login);
      accounts.set(name, known);
      return known;
    },
    authorize: (address, option) => authorize(world, address, option),
    [Symbol.asyncDispose]: () => server.stop(),
  };
  const whole: KiroSim = Object.assign(world, sim);
  return whole;
}

const KINDS: Readonly<Record<string, SimKind>> = {
  "runtime POST /": "chat",
  "runtime POST /generateAssistantResponse": "chat",
  "legacy POST /generateAssistantResponse": "chat",
  "codewhisperer POST /generateAssistantResponse": "chat",
  "management GET /Get-Usage-Limits": "usage",
  "legacy GET /getUsageLimits": "usage",
  "management GET /List-Available-Models": "models",
  "management POST / GetUsageLimits": "usage",
  "management POST / ListAvailableModels": "models",
  "management POST / ListAvailableProfiles": "profiles",
  "legacy GET /ListAvailableModels": "models",
  "management POST /List-Available-Profiles": "profiles",
  "legacy POST /": "profiles",
};

function see(request: RawRequest): Seen {
  const [, host = "", region = "", ...rest] = request.path.split("/");
  const path = `/${rest.join("/")}`;
  const { query, headers } = request;
  const operation = headers["x-amz-target"]?.replace(/^KiroControlPlaneBearerService\.(.*)/, " $1") ?? "";
  const kind = KINDS[`${host} ${request.method} ${path}${operation.startsWith(" ") ? operation : ""}`] ?? "other";
  return { host: host as SimHost, region, kind, path, query, headers, body: bodyOf(request.body) };
}

/** The profile rules of the control plane. */
function planeFault({ host, kind, query, body }: Seen, { login, profileArn }: SimAccount): Behaviour | undefined {
  if (kind === "profiles") {
    const text = "AWS Builder ID is not supported for this operation.";
    return login === "builder-id" ? refuse(403, text, "FEATURE_NOT_SUPPORTED") : undefined;
  }
  const arn = query.get("profileArn") ?? body["profileArn"] ?? null;
  if (host === "management" && arn === null) return refuse(400, "profileArn is required for this request.");
  if (host === "legacy" && login === "builder-id" && arn !== null)
    return refuse(403, "User is not authorized to make this call.");
  return arn === null || arn === profileArn ? undefined : refuse(400, "Invalid profileArn.");
}

function usual(kind: SimKind, account: SimAccount): Behaviour {
  if (kind === "usage") return json(200, account.limits);
  if (kind === "profiles") {
    const profiles = account.profileArn === undefined ? [] : [{ arn: account.profileArn, profileName: "team" }];
    return json(200, { profiles });
  }
  if (kind === "models")
    return json(200, { models: account.models.map((modelId) => ({ modelId })), defaultModel: "auto" });
  return says(["Hello ", "there."]);
}
