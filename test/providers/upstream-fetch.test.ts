import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { GatewayError } from "../../src/chat/error.ts";
import { Aborter } from "../../src/lib/abort.ts";
import { readText } from "../../src/lib/body.ts";
import { HttpAgent } from "../../src/lib/http-client/agent.ts";
import type { Connection, Route } from "../../src/lib/http-client/connection.ts";
import { createUpstreamFetch } from "../../src/providers/upstream-fetch.ts";
import { startRawHttp, type Exchange } from "../sims/raw-http.ts";
import { VirtualClock } from "../virtual-clock.ts";

const CONNECT_MS = 10_000;
/** More connections than a listening socket of Bun queues. */
const QUEUE = 700;
const signal = new AbortController().signal;

const make = (clock = new VirtualClock()) => createUpstreamFetch({ clock, connectMs: CONNECT_MS });
const ok = (exchange: Exchange) => exchange.answer(200, {}, "ok");
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => (error instanceof GatewayError ? error : undefined),
  );

test("a redirect comes back as it is and is not followed", async () => {
  const paths: string[] = [];
  const server = await startRawHttp(async (exchange) => {
    paths.push(exchange.request.path);
    await exchange.answer(302, { location: "/elsewhere" }, "");
  });
  const response = await make()(`${server.url}/a`, { signal });
  expect([response.status, paths]).toEqual([302, ["/a"]]);
  await server.stop();
});

describe("a call that dies on a kept connection before any byte", () => {
  /** Answers the first call of each connection and closes on the second: what an idle time-out looks like. */
  async function oneCallEach(close: "cut" | "reset") {
    const seen = new Map<unknown, number>();
    let connections = 0;
    const server = await startRawHttp(async (exchange) => {
      const calls = (seen.get(exchange.socket) ?? 0) + 1;
      seen.set(exchange.socket, calls);
      if (calls === 1) connections++;
      if (calls === 1) await ok(exchange);
      else exchange[close]();
    });
    return { server, connections: () => connections };
  }

  test.each(["cut", "reset"] as const)("(%s) is repeated once on a new connection", async (close) => {
    const { server, connections } = await oneCallEach(close);
    const fetch = make();
    for (let call = 0; call < 3; call++) {
      const response = await fetch(server.url, { method: "POST", body: "x", signal });
      expect(await readText(response.body)).toBe("ok");
    }
    expect(connections()).toBe(3);
    await server.stop();
  });

  test("is not repeated when the connection was new", async () => {
    let calls = 0;
    const server = await startRawHttp((exchange) => {
      calls++;
      exchange.reset();
    });
    expect((await failure(make()(server.url, { method: "POST", body: "x", signal })))?.kind).toBe("upstream-broken");
    expect(calls).toBe(1);
    await server.stop();
  });

  test("is repeated no more than once", async () => {
    let calls = 0;
    const server = await startRawHttp((exchange) => (calls++ === 0 ? ok(exchange) : exchange.reset()));
    const fetch = make();
    await readText((await fetch(server.url, { method: "POST", body: "x", signal })).body);
    expect((await failure(fetch(server.url, { method: "POST", body: "x", signal })))?.kind).toBe("upstream-broken");
    expect(calls).toBe(3);
    await server.stop();
  });
});

describe("errors", () => {
  test("a refused connection is upstream-broken and its words hold no query", async () => {
    const server = await startRawHttp(ok);
    await server.stop();
    const error = await failure(make()(`${server.url}/p?token=secret`, { signal }));
    expect(error?.kind).toBe("upstream-broken");
    expect(error?.message).toBe(`${new URL(server.url).host} refuses connections.`);
  });

  test("an abort throws the signal's own reason", async () => {
    const held = Promise.withResolvers<void>();
    const server = await startRawHttp(() => held.resolve());
    const stop = new AbortController();
    const reason = new GatewayError("upstream-timeout", "no event in time");
    const failed = failure(make()(server.url, { signal: stop.signal }));
    await held.promise;
    stop.abort(reason);
    expect(await failed).toBe(reason);
    await server.stop();
  });
});

/** Tells when a new connection has stood for so many steps of the microtask queue. */
class StandingAgent extends HttpAgent {
  constructor(
    readonly steps: number,
    readonly passed: () => void,
  ) {
    super();
  }

  override connect(route: Route): Connection {
    const connection = super.connect(route);
    void connection.opened.then(async () => {
      for (let step = 0; step < this.steps; step++) await undefined;
      this.passed();
    });
    return connection;
  }
}

test("an abort while a new connection is handed over ends the call, at whatever step of it", async () => {
  const server = await startRawHttp(() => {});
  const reason = new GatewayError("cancelled", "The client left.");
  for (const steps of [0, 1, 2, 3, 4, 5, 6]) {
    const stop = new Aborter();
    const agent = new StandingAgent(steps, () => stop.abort(reason));
    const fetch = createUpstreamFetch({ clock: new VirtualClock(), connectMs: CONNECT_MS, agent });
    expect(await failure(fetch(server.url, { signal: stop }))).toBe(reason);
  }
  await server.stop();
});

describe("the connect deadline", () => {
  test("a host that accepts may take longer than the deadline to answer", async () => {
    const arrived = Promise.withResolvers<Exchange>();
    const server = await startRawHttp((exchange) => arrived.resolve(exchange));
    const clock = new VirtualClock();
    const answered = make(clock)(server.url, { signal });
    const exchange = await arrived.promise;
    await clock.advance(CONNECT_MS / 2);
    while (clock.pending > 0) await clock.advance(0); // Until the second dial is accepted.
    await clock.advance(CONNECT_MS * 3);
    await ok(exchange);
    expect((await answered).status).toBe(200);
    await server.stop();
  });

  test("no timer is left after an answer", async () => {
    const server = await startRawHttp(ok);
    const clock = new VirtualClock();
    await make(clock)(server.url, { signal });
    expect(clock.pending).toBe(0);
    await server.stop();
  });

  test("a host that takes no connection is upstream-timeout at the deadline", async () => {
    // A stopped process accepts nothing: once its queue is full, the kernel lets further connections wait.
    const program = `const s = require("node:net").createServer(); s.listen({ port: 0, host: "127.0.0.1" }, () => console.log(s.address().port));`;
    const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe" });
    const { value } = await child.stdout.getReader().read();
    const port = Number(new TextDecoder().decode(value));
    child.kill("SIGSTOP");
    const fillers = Array.from({ length: QUEUE }, () => connect(port, "127.0.0.1").on("error", () => {}));
    try {
      await once(fillers[0] as Socket, "connect");
      const clock = new VirtualClock();
      const failed = failure(make(clock)(`http://127.0.0.1:${port}/?secret=1`, { signal }));
      await clock.advance(CONNECT_MS);
      const error = await failed;
      expect([error?.kind, error?.message]).toEqual(["upstream-timeout", `127.0.0.1:${port} takes no connections.`]);
    } finally {
      for (const filler of fillers) filler.destroy();
      child.kill("SIGKILL");
      await child.exited;
    }
  });
});
