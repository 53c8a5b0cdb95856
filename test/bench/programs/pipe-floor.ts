/** The least a gateway can do: the body of an OpenAI upstream, untouched. `UPSTREAM` is its origin. */
import { announce } from "./upstream.ts";

const upstream = process.env["UPSTREAM"] ?? "";

announce(
  Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    async fetch(request, server) {
      server.timeout(request, 0);
      const { status, headers, body } = await fetch(`${upstream}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: await request.text(),
        signal: request.signal,
        timeout: false,
      } as BunFetchRequestInit);
      return new Response(body, {
        status,
        headers: { "content-type": headers.get("content-type") ?? "application/json" },
      });
    },
  }),
);
