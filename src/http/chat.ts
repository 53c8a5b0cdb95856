import { collect } from "../chat/collect.ts";
import { GatewayError, toGatewayError } from "../chat/error.ts";
import type { Dialect } from "../dialects/dialect.ts";
import type { Clock } from "../lib/clock.ts";
import { newId } from "../lib/id.ts";
import { parseJson } from "../lib/json.ts";
import type { Log } from "../lib/log.ts";
import type { Answer, Router } from "../router/run.ts";
import { callerOf, type AuthRules } from "./auth.ts";
import { readBody } from "./body.ts";
import { CORS_HEADERS } from "./cors.ts";
import { causeOf, failureResponse } from "./failure.ts";
import { PING_MS, streamBody } from "./stream.ts";
import type { Turn, Turns } from "./turns.ts";

export interface ChatDeps {
  readonly router: Router;
  readonly auth: AuthRules;
  readonly turns: Turns;
  readonly clock: Clock;
  readonly log: Log;
  readonly maxBodyBytes: number;
}

/** Answers one chat request. `provider` is set when the path names one (`/longcat/v1/…`). */
export type ChatHandler = (http: Request, provider?: string) => Promise<Response>;

/** The data path for one dialect. `answer` is all of it; read it first. */
export function chatHandler(dialect: Dialect, deps: ChatDeps): ChatHandler {
  const { router, auth, turns, clock, log } = deps;

  return async function answer(http, provider) {
    const id = newId("req");
    const receivedAt = clock.now();
    let turn: Turn | undefined;
    try {
      const caller = callerOf(http, auth);
      turn = turns.begin(http.signal);
      if (turn.admitted) await turn.admitted;
      const body = parseJson(await readBody(http, deps.maxBodyBytes, clock));
      if (!body.ok) throw new GatewayError("invalid-request", `The body is not valid JSON: ${body.reason}.`);
      const request = dialect.decode(body.value, http.headers, { id, receivedAt });
      const head = {
        requestId: id,
        model: request.model ?? router.defaultModel,
        created: Math.floor(receivedAt / 1000),
      };

      const answered = router.run(request, { signal: turn.signal, dialect: dialect.name, caller, provider });
      if (!request.stream) {
        const { stream, served } = await answered;
        const whole = dialect.encodeWhole(await collect(stream), request, head);
        turn.end();
        return Response.json(whole, { headers: { ...answerHeaders(id), ...servedHeaders(served) } });
      }

      const early = await within(answered, PING_MS, clock);
      const { leave, end } = turn;
      const stream = streamBody(early ? Promise.resolve(early.stream) : answered.then((late) => late.stream), {
        encoder: dialect.encodeStream(request, head),
        clock,
        late: early === undefined,
        leave,
        end,
        failed: (error) => log.debug("stream-broken", { request: id, kind: error.kind }),
      });
      return new Response(stream, {
        headers: { ...answerHeaders(id), ...STREAM_HEADERS, ...(early ? servedHeaders(early.served) : {}) },
      });
    } catch (thrown) {
      turn?.end();
      const error = toGatewayError(thrown);
      if (error.kind === "internal") log.error("request-failed", { request: id, cause: causeOf(error) });
      return failureResponse(error, dialect, id, clock.now());
    }
  };
}

const STREAM_HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache, no-transform",
  /** nginx would hold the stream back otherwise. */
  "x-accel-buffering": "no",
} as const;

function answerHeaders(requestId: string): Record<string, string> {
  return { ...CORS_HEADERS, "x-request-id": requestId };
}

function servedHeaders(served: Answer["served"]): Record<string, string> {
  return {
    "x-sluice-attempts": String(served.attempts),
    "x-sluice-provider": served.provider,
    // A header takes no other letters, and a service may name its models as it likes.
    "x-sluice-model": encodeURI(served.model),
    ...(served.accountId === undefined ? {} : { "x-sluice-account": served.accountId }),
  };
}

/** What `promise` gives within `ms`, or undefined when it takes longer; it goes on all the same. */
async function within<T>(promise: Promise<T>, ms: number, clock: Clock): Promise<T | undefined> {
  let cancel = () => {};
  const late = new Promise<undefined>((resolve) => {
    cancel = clock.after(ms, () => resolve(undefined));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    cancel();
  }
}
