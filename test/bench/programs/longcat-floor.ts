/**
 * The least a gateway to LongCat can do: text cut out of the frames by position and written as chat chunks. `UPSTREAM` is
 * LongCat's origin; `KEEP=1` opens one conversation for all requests instead of one for each.
 */
import { announce, STREAM } from "./upstream.ts";

const upstream = process.env["UPSTREAM"] ?? "";
const keep = process.env["KEEP"] === "1";

const BEFORE = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1756883097,"model":"LongCat","choices":[{"index":0,"delta":{"content":"`;
const AFTER = `"},"finish_reason":null}]}\n\n`;
const END = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1756883097,"model":"LongCat","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`;
const CONTENT = '"content":"';
const CONTENT_END = '","status"';

const utf8 = new TextEncoder();
const headers = { "content-type": "application/json", cookie: "passport_token_key=floor" };

async function post(path: string, body: unknown, signal: AbortSignal): Promise<Response> {
  const options: BunFetchRequestInit = {
    method: "POST",
    headers,
    body: JSON.stringify(body),
    signal,
    timeout: false,
  };
  return fetch(`${upstream}${path}`, options);
}

let kept: string | undefined;

async function conversation(signal: AbortSignal): Promise<string> {
  if (kept !== undefined) return kept;
  const response = await post("/api/v1/session-create", { model: "", agentId: "1" }, signal);
  const { data } = (await response.json()) as { data: { conversationId: string } };
  if (keep) kept = data.conversationId;
  return data.conversationId;
}

/** Cuts texts out of whole frames, as they stand in the JSON; what is left of the last frame waits for more bytes. */
function cutter(take: (json: string) => void): (bytes: Uint8Array) => void {
  const decoder = new TextDecoder();
  let rest = "";
  return (bytes) => {
    const text = rest + decoder.decode(bytes, { stream: true });
    let from = 0;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n", from)) {
      const begin = text.indexOf(CONTENT, from);
      if (begin >= 0 && begin < end) take(text.slice(begin + CONTENT.length, text.indexOf(CONTENT_END, begin)));
      from = end + 2;
    }
    rest = text.slice(from);
  };
}

async function whole(body: ReadableStream<Uint8Array>): Promise<Response> {
  let content = "";
  const cut = cutter((json) => (content += json));
  for await (const bytes of body) cut(bytes);
  const message = { role: "assistant", content: JSON.parse(`"${content}"`) as string };
  return Response.json({
    id: "chatcmpl-1",
    object: "chat.completion",
    created: 1_756_883_097,
    model: "LongCat",
    choices: [{ index: 0, message, finish_reason: "stop" }],
    usage: { prompt_tokens: 9, completion_tokens: 20, total_tokens: 29 },
  });
}

function streamed(body: ReadableStream<Uint8Array>): Response {
  const reader = body.getReader();
  let out = "";
  const cut = cutter((json) => (out += BEFORE + json + AFTER));
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        out = "";
        while (out === "") {
          const { value, done } = await reader.read();
          if (done) {
            controller.enqueue(utf8.encode(END));
            controller.close();
            return;
          }
          cut(value);
        }
        controller.enqueue(utf8.encode(out));
      },
      cancel: () => reader.cancel(),
    },
    { highWaterMark: 0 },
  );
  return new Response(stream, { headers: STREAM });
}

announce(
  Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    async fetch(request, server) {
      server.timeout(request, 0);
      const { messages, stream } = (await request.json()) as { messages: { content: string }[]; stream?: boolean };
      const turn = {
        conversationId: await conversation(request.signal),
        content: messages.at(-1)?.content ?? "",
        agentId: "1",
        reasonEnabled: 0,
        searchEnabled: 0,
        regenerate: 0,
        parentMessageId: 0,
        files: [],
      };
      const { body } = await post("/api/v1/chat-completion-V2", turn, request.signal);
      if (!body) return new Response(null, { status: 502 });
      return stream ? streamed(body) : whole(body);
    },
  }),
);
