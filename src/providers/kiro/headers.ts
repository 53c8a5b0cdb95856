import type { KiroCredential } from "./credential.ts";
import type { Host } from "./hosts.ts";

/** The service's own client, as it names itself; `{machineId}` stands for 64 hex digits of the account. */
const USER_AGENT =
  "aws-sdk-js/1.0.34 ua/2.1 os/linux lang/js md/nodejs#22.22.0 api/codewhispererstreaming#1.0.34 m/E KiroIDE-0.11.63-{machineId}";

/** What the service's own client announces. */
const MOST_ATTEMPTS = 3;

export interface Caller {
  readonly credential: KiroCredential;
  /** With its machine id in it. */
  readonly userAgent: string;
}

/**
 * The agent of one account, with one machine id for its whole life: the one that was imported, else one made from the
 * account's own random id. A machine id made from the token would change with each rotation.
 */
export function agentOf(accountId: string, machineId?: string): string {
  const hex = machineId?.replaceAll("-", "").toLowerCase() ?? "";
  const own = /^[0-9a-f]{64}$/.test(hex) ? hex : /^[0-9a-f]{32}$/.test(hex) ? hex + hex : undefined;
  return USER_AGENT.replace(
    "{machineId}",
    own ?? new Bun.CryptoHasher("sha256").update(`kiro machine ${accountId}`).digest("hex"),
  );
}

/** The last word of an agent: the client's name, its version and the machine. */
export function shortAgent(userAgent: string): string {
  return userAgent.split(" ").at(-1) ?? userAgent;
}

/** What goes with every call that speaks for an account. */
export function callHeaders({ credential, userAgent }: Caller): Record<string, string> {
  const tokenType = { "api-key": "API_KEY", "external-idp": "EXTERNAL_IDP" }[credential.kind as string];
  return {
    authorization: `Bearer ${credential.accessToken}`,
    accept: "*/*",
    "accept-encoding": "identity",
    "user-agent": userAgent,
    "x-amz-user-agent": `${userAgent.split(" ")[0]} ${shortAgent(userAgent)}`,
    "x-amzn-codewhisperer-optout": "true",
    ...(tokenType === undefined ? {} : { tokentype: tokenType }),
  };
}

/** @param invocationId one for the logical call; `attempt` counts its tries from 1 */
export function chatHeaders(
  caller: Caller,
  { dialect, byTarget }: Pick<Host, "dialect" | "byTarget">,
  invocationId: string,
  attempt: number,
): Record<string, string> {
  return {
    ...callHeaders(caller),
    "amz-sdk-invocation-id": invocationId,
    "amz-sdk-request": `attempt=${Math.min(attempt, MOST_ATTEMPTS)}; max=${MOST_ATTEMPTS}`,
    ...(byTarget
      ? {
          "content-type": "application/x-amz-json-1.0",
          "x-amz-target": "KiroRuntimeService.GenerateAssistantResponse",
        }
      : { "content-type": "application/json" }),
    ...(dialect === "runtime"
      ? { "x-amzn-kiro-client-attribution": "kiro-ide" }
      : { "x-amzn-kiro-agent-mode": "vibe" }),
  };
}
