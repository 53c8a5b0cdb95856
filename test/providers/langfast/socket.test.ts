import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/chat/error.ts";
import { startEngineSim, type EngineLink } from "../../sims/langfast-engine.ts";
import { startRawHttp } from "../../sims/raw-http.ts";
import type { SimRun } from "../../sims/langfast.ts";
import { chatRequest } from "../context.ts";
import { openDesk, until } from "./desk.ts";

/** A desk whose runner speaks frame by frame. */
async function openRaw(...engineOf: Parameters<typeof startEngineSim>) {
  const engine = startEngineSim(...engineOf);
  const desk = await openDesk({ provider: { socketUrl: engine.url } });
  const account = desk.own();
  let run: SimRun | undefined;
  desk.sim.play((started) => void (run = started));
  return {
    engine,
    desk,
    account,
    /** The run under way, once it is. */
    async started(): Promise<{ run: SimRun; link: EngineLink }> {
      await until(() => run !== undefined, "the run");
      await until(() => account.runs() === 1, "the job's id");
      return { run: run as SimRun, link: engine.links.at(-1) as EngineLink };
    },
    [Symbol.asyncDispose]: async () => {
      await engine.stop();
      await desk.sim.stop();
    },
  };
}

const event = (name: string, payload: unknown): string => `42${JSON.stringify([name, payload])}`;
const chunkOf = (run: SimRun, content: string, status = "in_progress"): string =>
  event("execution:chunk", { executionId: run.jobId, status, content, finish_reason: null });

describe("the connection", () => {
  test("T1, trap 2: answers every ping of the server, and sends the token once", async () => {
    await using raw = await openRaw();
    const told = raw.account.ask();
    const { run, link } = await raw.started();
    for (let ping = 1; ping <= 3; ping++) {
      link.send("2");
      await until(() => link.received.filter((frame) => frame === "3").length === ping, "a pong");
    }
    link.send(chunkOf(run, "Hi", "completed"));
    expect((await told).text).toBe("Hi");
    const connects = link.received.filter((frame) => frame.startsWith("40"));
    expect(connects).toEqual([`40${JSON.stringify({ token: raw.account.kept.credential.accessToken })}`]);
  });

  const refusals: [name: string, frame: string, kind: string, renewals: number][] = [
    ["a token", '44{"message":"jwt expired"}', "auth-rejected", 1],
    ["a text", '44"Unauthorized"', "upstream-broken", 0],
    ["a limit", '44{"message":"daily limit reached"}', "quota-exhausted", 0],
    ["no words", '44{"message":""}', "upstream-broken", 0],
    ["trouble", '44{"message":"server is full"}', "upstream-broken", 0],
  ];
  test.each(refusals)(
    "trap 5: a connect that is refused for %s starts no run",
    async (_name, frame, kind, renewals) => {
      await using raw = await openRaw((link) => link.send(frame));
      expect(await raw.account.ask()).toMatchObject({ error: { kind } });
      expect([raw.desk.sim.count("run"), raw.desk.sim.count("refresh")]).toEqual([0, renewals]);
      await until(() => raw.engine.open() === 0, "the close");
    },
  );

  const broken: [name: string, answer: (link: EngineLink) => void][] = [
    ["dies", (link) => link.kill()],
    ["says what cannot be read", (link) => link.send("4\u0000{{{")],
    ["says goodbye", (link) => link.send("1")],
  ];
  test.each(broken)(
    "a runner that %s before it takes the connection is a fault of the service",
    async (_name, answer) => {
      await using raw = await openRaw(answer);
      expect(await raw.account.ask()).toMatchObject({ error: { kind: "upstream-broken", blames: "provider" } });
      await until(() => raw.engine.open() === 0, "the close");
      expect(raw.engine.links).toHaveLength(1);
    },
  );

  test("P5 a runner that says nothing is given up after ten seconds", async () => {
    await using raw = await openRaw(() => {});
    const told = raw.account.ask();
    await until(() => raw.engine.links[0]?.received.length === 1, "the connect packet");
    await raw.desk.clock.advance(10_000);
    expect(await told).toMatchObject({ error: { kind: "upstream-broken" } });
    await until(() => raw.engine.open() === 0, "the close");
    expect(raw.desk.clock.pending).toBe(0);
  });

  test("a runner that refuses connections is a fault of the service", async () => {
    await using desk = await openDesk({ provider: { socketUrl: "ws://127.0.0.1:1" } });
    expect(await desk.own().ask()).toMatchObject({ error: { kind: "upstream-broken" } });
  });

  test.each(["", "/", "/socket.io/", "/socket.io/?EIO=4&transport=websocket"])(
    "SOCKET_URL may end in %p",
    async (end) => {
      const engine = startEngineSim((link) => link.send('44{"message":"reached"}'));
      await using desk = await openDesk({ provider: { socketUrl: `${engine.url}${end}` } });
      expect(((await desk.own().ask()).error as GatewayError).message).toContain("reached");
      await engine.stop();
    },
  );
});

describe("a connection that drops in the middle of a run", () => {
  const drops: [name: string, drop: (link: EngineLink) => void][] = [
    ["without a word", (link) => link.kill()],
    ["with an Engine.IO close", (link) => link.send("1")],
    ["with a namespace disconnect", (link) => link.send("41")],
    ["with bytes that are no packet", (link) => link.send("4\u0000garbage")],
    ["with an event that is no JSON", (link) => link.send('42["execution:chunk",{"executionId')],
  ];
  test.each(drops)("%s comes back with the same token, and the next chunk repairs the text", async (_name, drop) => {
    await using raw = await openRaw();
    const told = raw.account.ask();
    const { run, link } = await raw.started();
    link.send(chunkOf(run, "Hel"));
    drop(link);
    // A rejoin of the namespace waits by the gateway's clock, a new connection by the machine's.
    if (drop.toString().includes('"41"')) {
      await until(() => raw.engine.open() === 0, "the goodbye");
      await raw.desk.clock.advance(200);
    }
    const connects = () =>
      raw.engine.links.flatMap(({ received }) => received).filter((frame) => frame.startsWith("40"));
    await until(() => connects().length === 2, "the second connect");
    expect(new Set(connects()).size).toBe(1);
    (raw.engine.links.at(-1) as EngineLink).send(chunkOf(run, "Hello you", "completed"));
    expect(await told).toMatchObject({ text: "Hello you", end: { type: "end" }, error: undefined });
    expect(raw.desk.sim.count("run")).toBe(1);
    await until(() => raw.engine.open() === 0, "the close");
  });

  test("trap 3, trap 11: without further news it is an error and never an end, and the run is not started again", async () => {
    await using raw = await openRaw();
    const told = raw.account.ask();
    const { run, link } = await raw.started();
    link.send(chunkOf(run, "Hel"));
    link.kill();
    await until(() => raw.engine.links.length === 2, "the next connection");
    const back = raw.engine.links[1] as EngineLink;
    await back.heard("40");
    back.send("2");
    await back.heard("3");
    await raw.desk.clock.advance(15_000);
    expect(await told).toMatchObject({ text: "Hel", end: undefined, error: { kind: "upstream-broken" } });
    expect(raw.desk.sim.count("run")).toBe(1);
    await until(() => raw.engine.open() === 0, "the close");
  });

  test("before the first chunk the answer is waited for, as the run goes on", async () => {
    await using raw = await openRaw();
    const told = raw.account.ask();
    const { run, link } = await raw.started();
    link.kill();
    await until(() => raw.engine.links.length === 2, "the next connection");
    const back = raw.engine.links[1] as EngineLink;
    await back.heard("40");
    back.send("2");
    await back.heard("3");
    await raw.desk.clock.advance(50_000);
    back.send(chunkOf(run, "Hello", "completed"));
    expect(await told).toMatchObject({ text: "Hello", error: undefined });
  });

  test("is an error at once when the server does not take the client back", async () => {
    let connects = 0;
    await using raw = await openRaw((link) => link.send(connects++ === 0 ? '40{"sid":"s"}' : '44{"message":"no"}'));
    const told = raw.account.ask();
    const { run, link } = await raw.started();
    link.send(chunkOf(run, "Hel"));
    link.kill();
    expect(await told).toMatchObject({ text: "Hel", end: undefined, error: { kind: "upstream-broken" } });
  });
});

describe("silence", () => {
  test("P8 before the first chunk is an error after 120 s", async () => {
    await using raw = await openRaw();
    const told = raw.account.ask();
    const { link } = await raw.started();
    await raw.desk.clock.advance(100_000);
    link.send("2");
    link.send(event("execution:chunk", { executionId: "another", status: "in_progress", content: "x" }));
    link.send(event("presence", {}));
    await until(() => link.received.includes("3"), "the pong");
    await raw.desk.clock.advance(20_000);
    expect(await told).toMatchObject({ text: "", error: { kind: "upstream-timeout" } });
  });

  test("between two chunks is an error after 60 s", async () => {
    await using raw = await openRaw();
    const told = raw.account.ask();
    const { run, link } = await raw.started();
    link.send(chunkOf(run, "Hel"));
    link.send("2");
    await until(() => link.received.includes("3"), "the pong");
    await raw.desk.clock.advance(59_000);
    link.send(chunkOf(run, "Hell"));
    link.send("2");
    await until(() => link.received.filter((frame) => frame === "3").length === 2, "the pong");
    await raw.desk.clock.advance(60_000);
    expect(await told).toMatchObject({ text: "Hell", end: undefined, error: { kind: "upstream-timeout" } });
    expect(raw.desk.clock.pending).toBe(0);
  });
});

describe("payloads in other forms", () => {
  test("trap 5: strings that hold an object, and the plain text so far, are read", async () => {
    await using raw = await openRaw();
    const told = raw.account.ask();
    const { run, link } = await raw.started();
    link.send(event("execution:chunk", "Hel"));
    link.send(
      event("execution:chunk", JSON.stringify({ executionId: run.jobId, status: "in_progress", content: "Hello" })),
    );
    link.send(event("completion_finished", JSON.stringify({ executionId: run.jobId })));
    expect(await told).toMatchObject({ text: "Hello", end: { type: "end" } });
  });

  test("events without a payload are noise", async () => {
    await using raw = await openRaw();
    const told = raw.account.ask();
    const { run, link } = await raw.started();
    for (const frame of [
      '42["execution:chunk"]',
      '42["execution:chunk",null]',
      '42["execution:chunk",[1]]',
      '42["x",1,2]',
    ])
      link.send(frame);
    link.send(chunkOf(run, "ok", "completed"));
    expect((await told).text).toBe("ok");
  });
});

describe("nothing is left behind", () => {
  test("P6 a run that cannot be started closes its socket", async () => {
    await using raw = await openRaw();
    raw.desk.sim.next("run", { status: 500, body: { error: "no" } });
    expect((await raw.account.ask()).error).toBeInstanceOf(GatewayError);
    await until(() => raw.engine.open() === 0, "the close");
    expect(raw.desk.clock.pending).toBe(0);
  });

  const moments: [name: string, ready: (raw: Awaited<ReturnType<typeof openRaw>>) => Promise<unknown>][] = [
    ["while the socket connects", (raw) => until(() => raw.engine.links.length === 1, "a connection")],
    ["before the first chunk", (raw) => raw.started()],
    [
      "in the middle",
      async (raw) => {
        const { run, link } = await raw.started();
        link.send(chunkOf(run, "Hel"));
        link.send("2");
        await link.heard("3");
      },
    ],
  ];
  test.each(moments)(
    "T7, trap 4: a client that leaves %s ends the upstream at once, without harm",
    async (name, ready) => {
      const silent = name.includes("connects");
      await using raw = await openRaw((link) => {
        if (!silent) link.send('40{"sid":"s"}');
      });
      const leave = new AbortController();
      const told = raw.account.ask("Hi", {}, "gpt-4o", leave.signal);
      await ready(raw);
      const reason = new GatewayError("cancelled", "The client left.");
      leave.abort(reason);
      const since = performance.now();
      expect((await told).error).toBe(reason);
      await until(() => raw.engine.open() === 0, "the close");
      expect(performance.now() - since).toBeLessThan(1000);
      expect(raw.desk.clock.pending).toBe(0);
    },
  );

  test("a reader that stops in the middle closes the socket, and what still comes does no harm", async () => {
    await using raw = await openRaw();
    const stream = raw.desk.provider.chat(chatRequest("Hi"), raw.account.turn());
    const reading = (async () => {
      for await (const batch of stream) if (batch.some(({ type }) => type === "text-delta")) return;
    })();
    const { run, link } = await raw.started();
    link.send(chunkOf(run, "Hel"));
    await reading;
    link.send(chunkOf(run, "Hello", "completed"));
    await until(() => raw.engine.open() === 0, "the close");
    expect(raw.desk.clock.pending).toBe(0);
  });

  test("a host that takes connections and never answers is let go with the client", async () => {
    let hungUp: Promise<void> | undefined;
    const dead = await startRawHttp((exchange) => void (hungUp = exchange.closed));
    await using desk = await openDesk({ provider: { socketUrl: dead.url } });
    const leave = new AbortController();
    const told = desk.own().ask("Hi", {}, "gpt-4o", leave.signal);
    await until(() => hungUp !== undefined, "the call");
    leave.abort(new GatewayError("cancelled", "The client left."));
    expect((await told).error).toMatchObject({ kind: "cancelled" });
    await hungUp;
    await until(() => dead.connections() === 0, "the close");
    await dead.stop();
  });

  test("a hundred runs leave no socket and no timer", async () => {
    await using desk = await openDesk();
    const account = desk.own();
    for (let i = 0; i < 100; i++) expect((await account.ask()).text).toBe("Hello");
    await until(() => desk.sim.sockets().length === 0, "the closes");
    expect(desk.clock.pending).toBe(0);
  });
});
