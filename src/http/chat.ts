import { collect } from "../chat/collect.ts";
import { causeOf, toGatewayError } from "../chat/error.ts";
import type { Dialect, StreamEncoder } from "../dialects/dialect.ts";
import { Agenda } from "../lib/agenda.ts";
import type { Clock } from "../lib/clock.ts";
import { newId } from "../lib/id.ts";
import { parseJson } from "../lib/json.ts";
import type { Log } from "../lib/log.ts";
import type { Answer, Router } from "../router/run.ts";
import { callerOf, type AuthRules } from "./auth.ts";
import { bodyReader, notJson } from "./body.ts";
import { CORS_HEADERS } from "./cors.ts";
import { failureResponse } from "./failure.ts";
import { PING_MS, streamBody } from "./stream.ts";
import type { Turn, Turns } from "./turns.ts";
import { within } from "./within.ts";

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
  const agenda = new Agenda(clock);
  const readBody = bodyReader(deps.maxBodyBytes, agenda);

  const streamed = async (answered: Promise<Answer>, encoder: StreamEncoder, turn: Turn, id: string) => {
    const early = await within(answered, PING_MS, agenda);
    const body = streamBody(early?.stream ?? answered.then((late) => late.stream), {
      encoder,
      clock,
      agenda,
      late: early === undefined,
      turn,
      failed: (error) => log.debug("stream-broken", { request: id, kind: error.kind }),
    });
    return answerOf(body, STREAM_HEADERS, id, early?.served);
  };

  return async function answer(http, provider) {
    const id = newId("req");
    const receivedAt = clock.now();
    let turn: Turn | undefined;
    try {
      const caller = callerOf(http, auth);
      turn = turns.begin(http);
      const text = await readBody(http);
      const body = parseJson(text);
      if (!body.ok) throw notJson(http, text, body.reason);
      const request = dialect.decode(body.value, http.headers, { id, receivedAt });
      const head = {
        requestId: id,
        model: request.model ?? router.defaultModel,
        created: Math.floor(receivedAt / 1000),
      };

      const answered = router.run(request, { signal: turn, dialect: dialect.name, caller, provider });
      if (request.stream) return await streamed(answered, dialect.encodeStream(request, head), turn, id);
      const { stream, served } = await answered;
      const whole = dialect.encodeWhole(await collect(stream), request, head);
      turn.end();
      return answerOf(JSON.stringify(whole), WHOLE_HEADERS, id, served);
    } catch (thrown) {
      turn?.end();
      const error = toGatewayError(thrown);
      if (error.kind === "internal") log.error("request-failed", { request: id, cause: causeOf(error) });
      return failureResponse(error, dialect, id, clock.now());
    }
  };
}

const WHOLE_HEADERS = new Headers({ ...CORS_HEADERS, "content-type": "application/json;charset=utf-8" });

const STREAM_HEADERS = new Headers({
  ...CORS_HEADERS,
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache, no-transform",
  /** nginx would hold the stream back otherwise. */
  "x-accel-buffering": "no",
});

/**
 * @param common a copy of these costs less than as many headers anew
 * @param served undefined while nobody answers yet
 */
function answerOf(
  body: string | ReadableStream<Uint8Array>,
  common: Headers,
  requestId: string,
  served: Answer["served"] | undefined,
): Response {
  const response = new Response(body, { headers: common });
  const { headers } = response;
  headers.set("x-request-id", requestId);
  if (!served) return response;
  headers.set("x-sluice-attempts", String(served.attempts));
  headers.set("x-sluice-provider", served.provider);
  // A header takes no other letters, and a service may name its models as it likes.
  headers.set("x-sluice-model", encodeURI(served.model));
  if (served.accountId !== undefined) headers.set("x-sluice-account", served.accountId);
  return response;
}
