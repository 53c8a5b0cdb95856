import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { connect, createServer, type Server, type Socket } from "node:net";
import { openSocket, SocketError, type SocketOptions } from "../../src/lib/socket.ts";
import { VirtualClock } from "../virtual-clock.ts";

interface Upgrade {
  readonly headers: Readonly<Record<string, string>>;
}
type Peer = Bun.ServerWebSocket<Upgrade>;

let server: Bun.Server<Upgrade>;
let clock: VirtualClock;
let onOpen: (peer: Peer) => void;
let onMessage: (peer: Peer, text: string) => void;
/** Close codes in order; `closed` resolves with the next one. */
let closes: number[];
let tell: (code: number) => void;

beforeEach(() => {
  clock = new VirtualClock();
  onOpen = () => {};
  onMessage = () => {};
  closes = [];
  tell = () => {};
  server = Bun.serve<Upgrade>({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request, self) {
      const refused = /^\/(\d{3})$/.exec(new URL(request.url).pathname)?.[1];
      if (refused) return new Response("no", { status: Number(refused), headers: { location: "/" } });
      return self.upgrade(request, { data: { headers: Object.fromEntries(request.headers) } })
        ? undefined
        : new Response("", { status: 400 });
    },
    websocket: {
      maxPayloadLength: 64 * 1024 * 1024,
      backpressureLimit: 64 * 1024 * 1024,
      open: (peer) => onOpen(peer),
      message: (peer, text) => onMessage(peer, String(text)),
      close: (_peer, code) => {
        closes.push(code);
        tell(code);
      },
    },
  });
});
afterEach(() => server.stop(true));

const closed = (): Promise<number> =>
  closes[0] === undefined ? new Promise((resolve) => (tell = resolve)) : Promise.resolve(closes[0]);

const open = (path = "/", options: Partial<SocketOptions> = {}) =>
  openSocket(`ws://127.0.0.1:${server.port}${path}`, { signal: new AbortController().signal, clock, ...options });

async function failure(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

async function read(socket: AsyncIterable<readonly string[]>, count: number): Promise<string[]> {
  const messages: string[] = [];
  for await (const batch of socket) {
    messages.push(...batch);
    if (messages.length >= count) break;
  }
  return messages;
}

describe("opening", () => {
  test("the handshake carries the headers, and messages come in order", async () => {
    onOpen = (peer) => {
      peer.send(JSON.stringify(peer.data.headers));
      for (const text of ["a", "b", "", "ü🐈"]) peer.send(text);
    };
    const socket = await open("/", { headers: { origin: "https://site.test", cookie: "a=b", "user-agent": "UA" } });
    const [headers = "", ...texts] = await read(socket, 5);
    expect(JSON.parse(headers)).toMatchObject({ origin: "https://site.test", cookie: "a=b", "user-agent": "UA" });
    expect(texts).toEqual(["a", "b", "", "ü🐈"]);
    expect(await closed()).toBe(1000);
  });

  test.each([403, 401, 302, 503])(
    "a handshake refused with %i tells that status and is not followed",
    async (status) => {
      const error = await failure(open(`/${status}`));
      expect(error).toMatchObject({ name: "SocketError", fault: "refused", status });
      expect(String(error)).not.toContain("127.0.0.1");
      expect(clock.pending).toBe(0);
    },
  );

  test("nobody listening is unreachable", async () => {
    const { port } = server;
    await server.stop(true);
    const error = await failure(openSocket(`ws://127.0.0.1:${port}/`, { signal: new AbortController().signal, clock }));
    expect(error).toMatchObject({ fault: "unreachable" });
  });

  describe("a peer that never answers the handshake", () => {
    let silent: Server;
    let url: string;
    let sockets: Socket[];
    let changed: () => void;
    const until = async (count: number) => {
      while (sockets.length !== count) await new Promise<void>((resolve) => (changed = resolve));
    };

    beforeEach(async () => {
      sockets = [];
      changed = () => {};
      silent = createServer((socket) => {
        sockets.push(socket);
        changed();
        socket.resume();
        socket.on("error", () => undefined);
        socket.on("close", () => {
          sockets = sockets.filter((other) => other !== socket);
          changed();
        });
      });
      await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
      const address = silent.address();
      url = `ws://127.0.0.1:${typeof address === "object" ? address?.port : 0}/`;
    });
    afterEach(() => new Promise<void>((resolve) => void silent.close(() => resolve())));

    test("runs into the deadline, and its connection is gone", async () => {
      const opening = failure(openSocket(url, { signal: new AbortController().signal, clock, openMs: 8000 }));
      await until(1);
      await clock.advance(7999);
      expect(clock.pending).toBe(1);
      await clock.advance(1);
      expect(await opening).toMatchObject({ fault: "timeout", message: "the socket did not open within 8 s" });
      await until(0);
      expect(clock.pending).toBe(0);
    });

    test("is left at once by an abort, with the abort's reason", async () => {
      const controller = new AbortController();
      const opening = failure(openSocket(url, { signal: controller.signal, clock }));
      await until(1);
      const reason = new Error("the client left");
      controller.abort(reason);
      expect(await opening).toBe(reason);
      await until(0);
      expect(clock.pending).toBe(0);
    });
  });

  test("a proxy is asked for the connection, and the handshake goes through it", async () => {
    const asked: string[] = [];
    const proxy = createServer((client) => {
      client.on("error", () => undefined);
      client.once("data", (bytes) => {
        asked.push(bytes.toString("latin1").split("\r\n")[0] ?? "");
        const upstream = connect(server.port ?? 0, "127.0.0.1", () => {
          client.write("HTTP/1.1 200 Connection established\r\n\r\n");
          client.pipe(upstream).pipe(client);
        });
        upstream.on("error", () => undefined);
      });
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    const address = proxy.address();
    onOpen = (peer) => void peer.send("through");
    const port = typeof address === "object" ? address?.port : 0;
    const socket = await open("/", { proxy: `http://127.0.0.1:${port}` });
    expect(await read(socket, 1)).toEqual(["through"]);
    expect(asked).toEqual([`CONNECT 127.0.0.1:${server.port} HTTP/1.1`]);
    proxy.close();
  });

  test("an abort before the first step opens nothing", async () => {
    const reason = new Error("too late");
    expect(await failure(open("/", { signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(server.pendingWebSockets).toBe(0);
  });
});

describe("reading", () => {
  test.each([1000, 1001, 1011, 4000])(
    "a close by the other side with %i is thrown after what came before it",
    async (code) => {
      onOpen = (peer) => {
        peer.send("last words");
        peer.close(code);
      };
      const got: string[] = [];
      const error = await failure(
        (async () => {
          for await (const batch of await open()) got.push(...batch);
        })(),
      );
      expect(got).toEqual(["last words"]);
      expect(error).toBeInstanceOf(SocketError);
      expect(error).toMatchObject({ fault: "closed", code });
      expect(clock.pending).toBe(0);
    },
  );

  test("a connection that just breaks is closed with 1006", async () => {
    onOpen = (peer) => peer.terminate();
    expect(await failure(read(await open(), 1))).toMatchObject({ fault: "closed", code: 1006 });
  });

  test("an abort while waiting for a message throws its reason and ends the connection", async () => {
    const controller = new AbortController();
    const reading = failure(read(await open("/", { signal: controller.signal }), 1));
    const reason = new Error("the client left");
    controller.abort(reason);
    expect(await reading).toBe(reason);
    await closed();
    expect(clock.pending).toBe(0);
  });

  test("an abort while nobody reads ends the connection too, and unread messages are not handed out", async () => {
    const controller = new AbortController();
    onOpen = (peer) => void peer.send("unread");
    const socket = await open("/", { signal: controller.signal, heartbeat: { text: "ping", everyMs: 30_000 } });
    const reason = new Error("the client left");
    controller.abort(reason);
    await closed();
    expect(await failure(read(socket, 1))).toBe(reason);
    expect(clock.pending).toBe(0);
  });

  test("a reader that stops closes with 1000 and leaves no timer", async () => {
    onOpen = (peer) => void peer.send("one");
    await read(await open("/", { heartbeat: { text: "ping", everyMs: 30_000 } }), 1);
    expect(await closed()).toBe(1000);
    expect(clock.pending).toBe(0);
  });

  test("our own close ends a pending read without an error", async () => {
    const socket = await open();
    const reading = read(socket, 1);
    socket.close();
    socket.close();
    socket.send("into the void");
    expect(await reading).toEqual([]);
    expect(await closed()).toBe(1000);
  });

  test("take gives what waits, and the next read goes on behind it", async () => {
    const peers: Peer[] = [];
    onOpen = (peer) => {
      peers.push(peer);
      peer.send("early");
    };
    onMessage = (peer) => void peer.send("late");
    const socket = await open();
    await socket.arrival();
    const early = socket.take();
    socket.send("go on");
    expect([early, await read(socket, 1)]).toEqual([["early"], ["late"]]);
  });

  test("waiting for an arrival ends as a read would", async () => {
    onMessage = (peer) => peer.close(1011);
    const socket = await open();
    const arrival = failure(socket.arrival());
    socket.send("leave");
    expect(await arrival).toMatchObject({ fault: "closed", code: 1011 });
  });
});

describe("limits", () => {
  test("messages of 16 MB pass", async () => {
    const text = "x".repeat(16 * 1024 * 1024);
    onOpen = (peer) => void peer.send(text);
    expect((await read(await open(), 1))[0]?.length).toBe(text.length);
  });

  test.each([
    ["one message over the cap", ["x".repeat(101)], "a message grew over 100 characters"],
    [
      "many small ones that nobody reads",
      ["x".repeat(60), "x".repeat(60)],
      "the unread messages grew over 100 characters",
    ],
  ])("%s ends the socket", async (_name, texts, words) => {
    onOpen = (peer) => {
      for (const text of texts) peer.send(text);
    };
    const socket = await open("/", { maxChars: 100 });
    await closed();
    expect(await failure(read(socket, 9))).toMatchObject({ fault: "too-large", message: words });
  });

  test("the heartbeat is sent at its pace as long as the socket is open", async () => {
    const pings: string[] = [];
    onMessage = (peer, text) => {
      pings.push(text);
      peer.send(`pong ${pings.length}`);
    };
    const socket = await open("/", { heartbeat: { text: "ping", everyMs: 30_000 } });
    const messages = socket[Symbol.asyncIterator]();
    await clock.advance(29_999);
    expect(pings).toEqual([]);
    await clock.advance(1);
    expect((await messages.next()).value).toEqual(["pong 1"]);
    await clock.advance(30_000);
    expect((await messages.next()).value).toEqual(["pong 2"]);
    socket.close();
    expect(clock.pending).toBe(0);
  });

  test("200 sockets aborted at once leave no connection behind", async () => {
    const controller = new AbortController();
    let left = 200;
    const gone = new Promise<void>((resolve) => (tell = () => void (--left === 0 && resolve())));
    const sockets = await Promise.all(Array.from({ length: 200 }, () => open("/", { signal: controller.signal })));
    const readings = sockets.map((socket) => failure(read(socket, 1)));
    controller.abort(new Error("stop"));
    await Promise.all(readings);
    await gone;
    expect(clock.pending).toBe(0);
  });
});
