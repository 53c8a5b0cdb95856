/** The behaviours a test gives a LongCat sim: what the next call of a kind meets. */
import { answerSteps, type AnswerOptions } from "./longcat-answer.ts";
import { legacyFrame, v2Frame, type TurnIds } from "./longcat-frames.ts";
import type { Gate } from "./gate.ts";
import type { Exchange } from "./raw-http.ts";
import { eventText, playBody, type Step, type Wire } from "./sse-body.ts";

/** The calls the service knows: session-create, chat (both paths), session-delete, user-current, login-info. */
export type Kind = "create" | "chat" | "delete" | "user" | "login";

/** One call that passed the service's own checks. */
export type Call = {
  kind: Kind;
  exchange: Exchange;
  /** The parsed JSON body; empty for GET. */
  body: Record<string, unknown>;
  language: "zh" | "en";
  /** Which chat path was called; `v2` for other kinds. */
  path: "v2" | "legacy";
  /** The user text of a chat turn. */
  content: string;
  ids: TurnIds;
  /** The upstream's turn is over, though bytes may follow. */
  done(): void;
  /** What the service does when nothing is scripted. */
  usual(): Promise<void>;
};

/** Answers one call. It may take as long as it likes; returning without an end leaves the socket silent. */
export type Behaviour = (call: Call) => Promise<void> | void;

/** How a scripted stream goes out. `gate` is passed before each frame, `headGate` before the status line. */
export type Delivery = { wire?: Wire; gate?: Gate; headGate?: Gate; status?: number; headers?: Record<string, string> };

const SSE = { "content-type": "text/event-stream;charset=UTF-8", "cache-control": "no-cache" };
const JSON_TYPE = { "content-type": "application/json;charset=UTF-8" };

/** Texts of the service in both languages, chosen by `X-Client-Language`. */
export const TEXTS = {
  noCookie: { zh: "请求cookie信息为空", en: "cookie is empty" },
  signedOut: { zh: "登录后才能继续对话哦~", en: "Please log in: login required" },
  tooFast: { zh: "操作太快啦，请稍后再试～", en: "Too fast, please try again later" },
  noConversation: { zh: "会话不存在", en: "conversation not found" },
  challenge: { zh: "请完成验证", en: "Please verify" },
} as const;

/** A turn that says `text` (chopped into pieces) or exactly these pieces. */
export function answer(text: string | string[], options: AnswerOptions & Delivery = {}): Behaviour {
  return (call) => {
    const format = options.format ?? (call.path === "legacy" ? "legacy" : "v2");
    return stream(answerSteps(text, call.ids, { ...options, format }), options)(call);
  };
}

/** A turn that says the `content` it was sent, so that a test sees the prompt as the service saw it. */
export function echo(options: AnswerOptions & Delivery = {}): Behaviour {
  return (call) => answer(call.content, options)(call);
}

/** A stream of exactly these steps, or of those made for the turn's ids. */
export function stream(steps: Step[] | ((ids: TurnIds) => Step[]), delivery: Delivery = {}): Behaviour {
  return async (call) => {
    const { exchange } = call;
    if (delivery.headGate && !(await delivery.headGate.pass(exchange.closed))) return;
    await exchange.head(delivery.status ?? 200, { ...SSE, ...delivery.headers });
    await playBody(exchange, typeof steps === "function" ? steps(call.ids) : steps, delivery.wire, delivery.gate, () =>
      call.done(),
    );
  };
}

/** Whatever the service would do, once the gate lets it: a session-create held until released. */
export function held(gate: Gate, then: Behaviour = (call) => call.usual()): Behaviour {
  return async (call) => {
    if (await gate.pass(call.exchange.closed)) await then(call);
  };
}

/** A plain answer: any status, headers and body. */
export function plain(status: number, headers: Record<string, string>, body: string | Uint8Array): Behaviour {
  return ({ exchange }) => exchange.answer(status, headers, body);
}

/** Options of an answer in the envelope. `wire.cut` cuts its body at byte offsets; it is written whole without. */
export type EnvelopeOptions = { data?: unknown; headers?: Record<string, string>; wire?: Wire };

/** The envelope every JSON endpoint answers with, at any HTTP status. */
export function envelope(status: number, code: number, message: string, options: EnvelopeOptions = {}): Behaviour {
  const { data = null, headers = {}, wire = {} } = options;
  return async ({ exchange }) => {
    const body = JSON.stringify({ code, message, data });
    await exchange.head(
      status,
      { ...JSON_TYPE, ...headers, "content-length": String(Buffer.byteLength(body)) },
      "length",
    );
    await playBody(exchange, [{ raw: body }], wire);
  };
}

/** Where an error inside a stream stands: after these pieces of text, with these bytes on the wire. */
export type InStream = Delivery & { after?: string[] };

/** Ways to fail. Texts come in the caller's language unless given. */
export const fail = {
  /** HTTP status with the envelope, whose code repeats it. `retryAfter` is written as it is: seconds, a date, nonsense. */
  status: (
    status: number,
    message = `error ${status}`,
    options: EnvelopeOptions & { retryAfter?: string | number } = {},
  ) =>
    envelope(status, status, message, {
      ...options,
      headers: {
        ...options.headers,
        ...(options.retryAfter === undefined ? {} : { "retry-after": String(options.retryAfter) }),
      },
    }),
  /** HTTP 200 with a code other than 0, as JSON although a stream was asked for. */
  code: (code: number, message: string, options: EnvelopeOptions = {}) => envelope(200, code, message, options),
  /** A frame with a code inside a good stream. */
  frame: (code: number, message: string, { after = [], ...delivery }: InStream = {}) =>
    stream((ids) => [...before(after, ids), { frame: { code, message, data: null }, done: true }], delivery),
  /** An error event inside a good V2 stream: both names and both fields were seen. */
  event: (
    message: string,
    {
      after = [],
      type = "event_error",
      field = "message",
      ...delivery
    }: InStream & { type?: "event_error" | "eventError"; field?: "message" | "content" } = {},
  ) =>
    stream((ids) => [...before(after, ids), { frame: v2Frame(ids, type, { [field]: message }), done: true }], delivery),
  signedOut:
    (status: 200 | 401 = 200): Behaviour =>
    (call) =>
      envelope(status, 401, TEXTS.signedOut[call.language])(call),
  /** The service's own rate text; its code is not known, so only the text tells. */
  tooFast:
    (code = 1001): Behaviour =>
    (call) =>
      envelope(200, code, TEXTS.tooFast[call.language])(call),
  unknownConversation:
    (code = 1002): Behaviour =>
    (call) =>
      envelope(200, code, TEXTS.noConversation[call.language])(call),
  /** Bot checks: an HTML page at any status, Cloudflare's, Meituan's 418, the code of the sign-in page. */
  html: (status = 200) =>
    plain(
      status,
      { "content-type": "text/html" },
      "<!doctype html><title>安全验证</title><script src='/yoda.js'></script>",
    ),
  cloudflare: (status = 403) =>
    plain(
      status,
      { "content-type": "text/html", "cf-mitigated": "challenge" },
      "<html><title>Just a moment...</title></html>",
    ),
  teapot: () => plain(418, JSON_TYPE, "{}"),
  verify: (): Behaviour => (call) => envelope(200, 101_190, TEXTS.challenge[call.language])(call),
  /** A redirect to the sign-in host (never followed in tests: the host does not exist). */
  redirect: (location = "https://passport.invalid/login") => plain(302, { location }, ""),
  /** Silence: before the status line, or after the head and before the first frame. */
  hangBeforeHead: (): Behaviour => () => {},
  hangBeforeFrame: () => stream([{ hang: true }]),
  resetBeforeHead:
    (): Behaviour =>
    ({ exchange }) =>
      exchange.reset(),
  cutBeforeHead:
    (): Behaviour =>
    ({ exchange }) =>
      exchange.cut(),
  /** Comments and nothing else: one per passage of the gate, or every 5 ms. */
  comments: (gate?: Gate) => stream([{ endless: ": keep-alive\n\n", ...(gate ? { gate } : {}) }]),
  /** A 200 stream with no event at all. */
  emptyBody: () => stream([]),
} as const;

/** A turn whose `broken` bytes stand between two good pieces; a client that skips them still gets `pieces`. */
function spoiled(pieces: [string, string], broken: string | Uint8Array): Behaviour {
  return (call) => {
    const steps = answerSteps(pieces, call.ids, { format: call.path === "v2" ? "v2" : "legacy" });
    const middle = steps.length - 2;
    return stream([...steps.slice(0, middle), { raw: broken }, ...steps.slice(middle)])(call);
  };
}

/** Bytes no client should trip over, or be filled by. */
export const hostile = {
  /** One event whose JSON is cut short, inside a turn that is otherwise good. */
  malformedEvent: (pieces: [string, string]) => spoiled(pieces, 'data: {"event":{"type":"content","content":"x\n\n'),
  /** One event of a kind nobody knows, with bytes that are not UTF-8. */
  invalidUtf8: (pieces: [string, string]) =>
    spoiled(
      pieces,
      Buffer.concat([
        Buffer.from('data: {"event":{"type":"plugin","content":"'),
        Buffer.from([0xff, 0xc3, 0x28]),
        Buffer.from('"}}\n\n'),
      ]),
    ),
  /** A line of `bytes` bytes without its end, then silence. */
  hugeLine: (bytes: number) =>
    stream([
      { raw: "data: " },
      ...Array.from({ length: Math.ceil(bytes / 65_536) }, (): Step => ({ raw: "x".repeat(65_536) })),
      { hang: true },
    ]),
  /** A gzip body of one event that unpacks to `bytes` bytes of text. */
  gzipBomb:
    (bytes: number): Behaviour =>
    async ({ exchange, ids }) => {
      const packed = Bun.gzipSync(Buffer.from(eventText(legacyFrame(ids, { content: "x".repeat(bytes) }))));
      await exchange.head(200, { ...SSE, "content-encoding": "gzip" });
      await exchange.write(packed);
      exchange.end();
    },
} as const;

function before(after: string[], ids: TurnIds): Step[] {
  return [v2Frame(ids, "create"), ...after.map((content) => v2Frame(ids, "content", { content }))].map((frame) => ({
    frame,
  }));
}
