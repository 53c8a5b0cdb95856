/** A LongCat that answers at once: conversations that take `createMs`, turns by the plan in the prompt. */
import { planIn } from "./plan.ts";
import { announce, bodyOf, openStreams, STREAM, type Frames } from "./upstream.ts";

const HEAD = `data:{"conversationId":"c0ffee00-0000-4000-8000-000000000000","messageId":12,"parentId":11,"model":"LongCat"`;

const frames: Frames = {
  token: (text) =>
    `${HEAD},"event":{"eventId":"e-1","type":"content","content":"${text}","status":"PROCESSING"},"lastOne":false}\n\n`,
  end: () =>
    `${HEAD},"event":{"eventId":"e-1","type":"finish","usage":{"inputTokens":9,"outputTokens":20,"totalTokens":29}},"lastOne":true}\n\n`,
};

let createMs = 0;
let created = 0;
let deleted = 0;

const done = (data: unknown) => Response.json({ code: 0, message: "success", data });

announce(
  Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    async fetch(request, server) {
      const path = request.url.slice(request.url.indexOf("/", 8));
      if (path.startsWith("/api/v1/chat-completion")) {
        server.timeout(request, 0);
        return new Response(bodyOf(planIn(await request.text()), frames), { headers: STREAM });
      }
      if (path === "/api/v1/session-create") {
        await request.text();
        if (createMs > 0) await Bun.sleep(createMs);
        return done({ conversationId: `c0ffee00-0000-4000-8000-${String(++created).padStart(12, "0")}` });
      }
      if (path.startsWith("/api/v1/session-delete")) {
        deleted++;
        return done(null);
      }
      if (path.startsWith("/bench/create-ms/")) {
        createMs = Number(path.slice("/bench/create-ms/".length));
        return done(null);
      }
      return done({ created, deleted, open: openStreams(), loginStatus: 1 });
    },
  }),
);
