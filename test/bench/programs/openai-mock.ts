/** An OpenAI that answers at once, by the plan in the prompt. */
import { planIn } from "./plan.ts";
import { announce, bodyOf, openStreams, STREAM, type Frames } from "./upstream.ts";

const HEAD = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1756883097,"model":"mock","choices":[{"index":0,`;

const frames: Frames = {
  token: (text) => `${HEAD}"delta":{"content":"${text}"},"finish_reason":null}]}\n\n`,
  end: () => `${HEAD}"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`,
};

function whole(tokens: number) {
  const message = { role: "assistant", content: "token ".repeat(tokens) };
  return {
    id: "chatcmpl-1",
    object: "chat.completion",
    created: 1_756_883_097,
    model: "mock",
    choices: [{ index: 0, message, finish_reason: "stop" }],
    usage: { prompt_tokens: 9, completion_tokens: tokens, total_tokens: 9 + tokens },
  };
}

announce(
  Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    async fetch(request, server) {
      if (request.method === "GET") return Response.json({ data: { open: openStreams() } });
      const body = await request.text();
      const plan = planIn(body);
      if (!body.includes('"stream":true')) return Response.json(whole(plan.tokens));
      server.timeout(request, 0);
      return new Response(bodyOf(plan, frames), { headers: STREAM });
    },
  }),
);
