import { afterEach, expect, test } from "bun:test";
import { createServer, type IncomingMessage, type Server as HttpServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { Server } from "socket.io";
import {
  SocketIo,
  SocketIoBroken,
  SocketIoRefused,
  type SocketIoNews,
  type SocketIoOptions,
} from "../../src/lib/socket-io.ts";
import { VirtualClock } from "../virtual-clock.ts";

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

async function listenOn(server: HttpServer): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A server that takes everybody but "nobody"; news comes out one after another. */
async function serve(path = "/socket.io/") {
  const http = createServer();
  const io = new Server(http, { path });
  io.use((socket, next) => next(socket.handshake.auth["token"] === "nobody" ? new Error("not you") : undefined));
  const host = await listenOn(http);
  stops.push(() => io.close());
  return { io, host };
}

function options(url: string, over: Partial<SocketIoOptions> = {}): SocketIoOptions {
  const { signal } = new AbortController();
  return {
    url,
    auth: () => ({ token: "cat" }),
    headers: {},
    clock: new VirtualClock(),
    connectMs: 10_000,
    signal,
    ...over,
  };
}

/** Opens a client whose news can be awaited in order. */
async function open(over: SocketIoOptions) {
  const news: SocketIoNews[] = [];
  let wake = (): void => {};
  const client = await SocketIo.open(over, (each) => {
    news.push(each);
    wake();
  });
  stops.push(() => client.close());
  const next = async (): Promise<SocketIoNews> => {
    while (news.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return news.shift() as SocketIoNews;
  };
  return { client, next };
}

test("an event that is sent in the same breath as the connect is heard", async () => {
  const { io, host } = await serve();
  io.on("connection", (socket) => void socket.emit("first", { at: "once" }));
  const { next } = await open(options(`ws://${host}`));
  expect(await next()).toEqual({ type: "event", name: "first", payload: { at: "once" } });
});

test("headers and auth reach the server, and a path before /socket.io/ is kept", async () => {
  const { io, host } = await serve("/deep/socket.io/");
  const seen = new Promise<IncomingMessage["headers"]>((resolve) =>
    io.on("connection", (socket) => resolve(socket.handshake.headers)),
  );
  await open(options(`http://${host}/deep`, { headers: { origin: "https://example.com", "user-agent": "Browser/1" } }));
  expect(await seen).toMatchObject({ origin: "https://example.com", "user-agent": "Browser/1" });
});

test("an HTTP proxy carries the connection", async () => {
  const { host } = await serve();
  const asked: string[] = [];
  const proxy = createServer();
  proxy.on("connect", ({ url = "" }, client) => {
    asked.push(url);
    const [name = "", port] = url.split(":");
    const upstream = connect(Number(port), name, () => {
      client.write("HTTP/1.1 200 Connected\r\n\r\n");
      upstream.pipe(client).pipe(upstream);
    });
    upstream.on("error", () => client.destroy());
    client.on("error", () => upstream.destroy());
  });
  const address = await listenOn(proxy);
  stops.push(() => proxy.close());
  await open(options(`ws://${host}`, { proxy: `http://${address}` }));
  expect(asked).toEqual([host]);
});

test("a drop is told, and the client comes back by itself", async () => {
  const { io, host } = await serve();
  const { next } = await open(options(`ws://${host}`));
  for (const socket of io.sockets.sockets.values()) socket.conn.close();
  expect(await next()).toEqual({ type: "dropped" });
  expect(await next()).toEqual({ type: "connected" });
});

test("a server that shows the client out again and again is not asked for ever", async () => {
  const { io, host } = await serve();
  let joins = 0;
  io.on("connection", (socket) => {
    joins += 1;
    socket.disconnect();
  });
  const clock = new VirtualClock();
  const { next } = await open(options(`ws://${host}`, { clock }));
  for (let drops = 0; drops < 6;) {
    const news = next();
    await clock.advance(200);
    if ((await news).type === "dropped") drops += 1;
  }
  await clock.advance(60_000);
  expect(joins).toBe(6);
  expect(clock.pending).toBe(0);
});

test("a refusal, an unreachable host and an abort are told apart", async () => {
  const { host } = await serve();
  const failure = (over: SocketIoOptions): Promise<unknown> =>
    SocketIo.open(over, () => {}).then(
      () => undefined,
      (error: unknown) => error,
    );
  const refused = await failure(options(`ws://${host}`, { auth: () => ({ token: "nobody" }) }));
  expect(refused).toBeInstanceOf(SocketIoRefused);
  expect((refused as Error).message).toBe("not you");
  expect(await failure(options("ws://127.0.0.1:1"))).toBeInstanceOf(SocketIoBroken);
  const reason = new Error("left");
  expect(await failure(options(`ws://${host}`, { signal: AbortSignal.abort(reason) }))).toBe(reason);
});

test("closing twice, and an abort after the close, do no harm", async () => {
  const { io, host } = await serve();
  const controller = new AbortController();
  const { client } = await open(options(`ws://${host}`, { signal: controller.signal }));
  const gone = new Promise<void>((resolve) =>
    io.sockets.sockets
      .values()
      .next()
      .value?.on("disconnect", () => resolve()),
  );
  client.close();
  client.close();
  controller.abort();
  await gone;
});
