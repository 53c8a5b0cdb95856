/** What the client sends, and how it keeps its connections. */
import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { readText } from "../../../src/lib/body.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { StandingHeaders } from "../../../src/lib/http-client/header-lines.ts";
import type { ConnectionError } from "../../../src/lib/http-client/wire.ts";
import { createUpstreamFetch } from "../../../src/providers/upstream-fetch.ts";
import { onRequest, startRawServer } from "./raw-server.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const signal = new AbortController().signal;
const make = () => createUpstreamFetch({ clock: systemClock, connectMs: 5000 });

/** Resolves once the socket is closed, however that came. */
const closed = (socket: Socket | undefined) => new Promise((resolve) => socket?.once("close", resolve));

/** A server that says OK, and what it was sent. */
async function listener() {
  const requests: string[] = [];
  const server = await startRawServer((socket) =>
    onRequest(socket, (request) => {
      requests.push(request);
      socket.write(OK);
    }),
  );
  return { server, requests, host: server.url.slice("http://".length) };
}

describe("a request", () => {
  test("has its headers as they were given, and those that HTTP needs", async () => {
    const { server, requests, host } = await listener();
    using _ = server;
    const body = "你好 🌊";
    const headers = { cookie: "a=b; c=d", accept: "text/event-stream", "user-agent": "Mozilla/5.0" };
    await readText((await make()(`${server.url}/a/b?c=d%20e`, { method: "POST", headers, body, signal })).body);
    const given = "cookie: a=b; c=d\r\naccept: text/event-stream\r\nuser-agent: Mozilla/5.0\r\n";
    const added = "accept-encoding: gzip, deflate, br, zstd\r\ncontent-length: 11\r\nconnection: keep-alive\r\n";
    const sent = `POST /a/b?c=d%20e HTTP/1.1\r\nhost: ${host}\r\n${given}${added}\r\n`;
    expect(requests).toEqual([sent + Buffer.from(body).toString("latin1")]);
  });

  test.each([
    ["", "/"],
    ["?a=1", "/?a=1"],
    ["?a=1/2", "/?a=1/2"],
    ["/a b/é?q=ü#part", "/a%20b/%C3%A9?q=%C3%BC"],
    ["/a?b=[1]|{2}", "/a?b=[1]|{2}"],
  ])("to %j asks for %j", async (given, path) => {
    const { server, requests } = await listener();
    using _ = server;
    await readText((await make()(server.url + given, { signal })).body);
    expect(requests[0]?.split("\r\n")[0]).toBe(`GET ${path} HTTP/1.1`);
  });

  test("has standing headers ahead of its own, and nothing twice", async () => {
    const { server, requests, host } = await listener();
    using _ = server;
    const standing = new StandingHeaders({ "user-agent": "Mozilla/5.0", "accept-encoding": "identity" });
    for (const trace of ["1", "2"]) {
      await readText((await make()(server.url, { standing, headers: { "x-trace": trace }, signal })).body);
    }
    const sent = (trace: string) =>
      `GET / HTTP/1.1\r\nhost: ${host}\r\nuser-agent: Mozilla/5.0\r\naccept-encoding: identity\r\nx-trace: ${trace}\r\naccept: */*\r\nconnection: keep-alive\r\n\r\n`;
    expect(requests).toEqual([sent("1"), sent("2")]);
    expect(() => new StandingHeaders({ cookie: "a=b\r\nx-evil: 1" })).toThrow("cannot be sent");
  });

  test("of bytes is sent as it is, and a header's letters beyond ASCII are one byte each", async () => {
    const { server, requests } = await listener();
    using _ = server;
    const body = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const init = { method: "PUT", headers: { "x-name": "é" }, body, signal } as const;
    await readText((await make()(server.url, init)).body);
    expect(requests[0]).toContain("\r\nx-name: é\r\n");
    expect(requests[0]?.slice(-256)).toBe(Buffer.from(body).toString("latin1"));
  });

  test.each([
    ["a line end", "cookie", "a=b\r\nx-evil: 1"],
    ["a line feed", "cookie", "a=b\nx-evil: 1"],
    ["a zero", "cookie", "a\0b"],
    ["a letter that no byte holds", "cookie", "你"],
    ["a blank in its name", "x evil", "1"],
    ["a colon in its name", "x:evil", "1"],
  ])("with %s in a header is not sent, and the words do not repeat it", async (_name, name, value) => {
    const { server, requests } = await listener();
    using _ = server;
    const failure = make()(server.url, { headers: { [name]: value }, signal });
    await expect(failure).rejects.toThrow(/^(?!.*(evil|你)).*header/s);
    expect([requests.length, server.sockets.size]).toEqual([0, 0]);
  });

  test("of 8 MB arrives whole", async () => {
    const digest = createHash("sha256");
    let left = 8_000_000;
    using server = await startRawServer((socket) => {
      let head = "";
      socket.on("data", (bytes: Buffer) => {
        let rest = bytes;
        if (!head.includes("\r\n\r\n")) {
          const before = head.length;
          head += bytes.toString("latin1");
          rest = bytes.subarray(Math.max(head.indexOf("\r\n\r\n") + 4 - before, 0));
        }
        digest.update(rest);
        left -= rest.length;
        if (left === 0) socket.write(OK);
      });
    });
    const body = Buffer.alloc(8_000_000, "0123456789abcdef\n");
    expect(await readText((await make()(server.url, { method: "POST", body, signal })).body)).toBe("ok");
    expect(digest.digest("hex")).toBe(createHash("sha256").update(body).digest("hex"));
  });
});

describe("connections", () => {
  test("600 calls at once all arrive", async () => {
    const waiting: Socket[] = [];
    const all = Promise.withResolvers<void>();
    using server = await startRawServer((socket) =>
      onRequest(socket, () => {
        if (waiting.push(socket) === 600) all.resolve();
      }),
    );
    const fetch = make();
    const calls = Array.from({ length: 600 }, () => fetch(server.url, { signal }).then(({ body }) => readText(body)));
    await all.promise;
    for (const socket of waiting) socket.write(OK);
    expect(new Set(await Promise.all(calls))).toEqual(new Set(["ok"]));
  });

  test("one that the server closes while it lies unused is not used again, nor one on which it speaks unasked", async () => {
    const sockets: Socket[] = [];
    using server = await startRawServer((socket) => {
      sockets.push(socket);
      onRequest(socket, () => socket.write(OK));
    });
    const fetch = make();
    const call = async () => readText((await fetch(server.url, { signal })).body);
    await call();
    const [first] = sockets;
    first?.end();
    await closed(first);
    await call();
    const second = sockets[1] as Socket;
    second.write("HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n");
    await closed(second);
    expect([await call(), sockets.length]).toEqual(["ok", 3]);
  });

  test("one whose answer is cancelled is closed, and so is one whose signal aborts", async () => {
    const sockets: Socket[] = [];
    using server = await startRawServer((socket) => {
      sockets.push(socket);
      onRequest(socket, () => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nsome"));
    });
    const fetch = make();
    const { body } = await fetch(server.url, { signal });
    expect(Buffer.from((await body.read()) ?? []).toString()).toBe("some");
    const left = closed(sockets[0]);
    body.cancel();
    await left;
    const stop = new AbortController();
    const response = await fetch(server.url, { signal: stop.signal });
    await response.body.read();
    const reading = response.body.read();
    const gone = closed(sockets[1]);
    stop.abort(new Error("no longer wanted"));
    await expect(reading).rejects.toThrow("no longer wanted");
    await gone;
  });

  test("a late reader hears of what came before a failure, then of that, and once", async () => {
    let there: Socket | undefined;
    using server = await startRawServer((socket) => {
      there = socket;
      onRequest(socket, () => socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n"));
    });
    const { body } = await make()(server.url, { signal });
    there?.write("!\r\nno chunk");
    await closed(there);
    const heard: unknown[] = [];
    const reader = {
      came(bytes: Uint8Array | undefined) {
        heard.push(bytes && Buffer.from(bytes).toString());
        body.readBy(reader);
      },
      failed: (error: unknown) => heard.push((error as ConnectionError).code),
    };
    body.readBy(reader);
    body.cancel();
    expect(heard).toEqual(["!", "EHTTP"]);
  });

  test("a reader that rests makes the server wait, and then gets every byte", async () => {
    const piece = Buffer.alloc(65_536, "0123456789abcdef-");
    const pieces = 640;
    let written = 0;
    const stalled = Promise.withResolvers<void>();
    using server = await startRawServer((socket) =>
      onRequest(socket, () => {
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${piece.length * pieces}\r\n\r\n`);
        const more = (): void => {
          while (written < pieces) {
            written++;
            if (!socket.write(piece)) {
              stalled.resolve();
              return void socket.once("drain", more);
            }
          }
        };
        more();
      }),
    );
    const { body } = await make()(server.url, { signal });
    await stalled.promise;
    for (let turn = 0, before = -1; turn < 50 || written !== before; turn++) {
      before = written;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(written).toBeLessThan(pieces / 2);
    const digest = createHash("sha256");
    for (let bytes = await body.read(); bytes; bytes = await body.read()) digest.update(bytes);
    expect(digest.digest("hex")).toBe(
      createHash("sha256")
        .update(Buffer.concat(Array(pieces).fill(piece)))
        .digest("hex"),
    );
  });

  test("chunks of a byte each weigh little while nobody reads them", async () => {
    const chunks = Buffer.from("1\r\nx\r\n".repeat(20_000));
    let writes = 0;
    using server = await startRawServer((socket) =>
      onRequest(socket, () => {
        socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        const more = (): void => {
          do writes++;
          while (socket.write(chunks));
          socket.once("drain", more);
        };
        more();
      }),
    );
    const fetch = make();
    Bun.gc(true);
    const before = process.memoryUsage().heapUsed;
    const bodies = await Promise.all([1, 2, 3, 4].map(async () => (await fetch(server.url, { signal })).body));
    for (let turn = 0, last = -1; turn < 50 || writes !== last; turn++) {
      last = writes;
      await new Promise((resolve) => setImmediate(resolve));
    }
    Bun.gc(true);
    expect((process.memoryUsage().heapUsed - before) / bodies.length).toBeLessThan(4_000_000);
    const bytes = await bodies[0]?.read();
    expect(bytes?.every((byte) => byte === 0x78)).toBe(true);
    for (const body of bodies) body.cancel();
  });
});

describe("a body that came packed", () => {
  const text = "Grüße 世界 🌊\n".repeat(5000);
  const codings: [string, Buffer][] = [
    ["gzip", gzipSync(text)],
    ["x-gzip", gzipSync(text)],
    ["deflate", deflateSync(text)],
    ["br", brotliCompressSync(text)],
    ["zstd", zstdCompressSync(text)],
    ["GZip ", gzipSync(text)],
    ["identity", Buffer.from(text)],
  ];
  const serve = (coding: string, bytes: Buffer) =>
    startRawServer((socket) =>
      onRequest(socket, () => {
        socket.write(`HTTP/1.1 200 OK\r\ncontent-encoding: ${coding}\r\ncontent-length: ${bytes.length}\r\n\r\n`);
        socket.write(bytes.subarray(0, 11));
        setImmediate(() => socket.write(bytes.subarray(11)));
      }),
    );

  test.each(codings)("as %s is unpacked", async (coding, bytes) => {
    using server = await serve(coding, bytes);
    expect(await readText((await make()(server.url, { signal })).body)).toBe(text);
  });

  test.each([
    ["cut off", gzipSync(text).subarray(0, -20)],
    ["of another kind", Buffer.from("this is no gzip at all")],
  ])("fails when it is %s", async (_name, bytes) => {
    using server = await serve("gzip", bytes);
    await expect(readText((await make()(server.url, { signal })).body)).rejects.toThrow();
  });

  test("is unpacked as far as it is read", async () => {
    using server = await serve("gzip", gzipSync(Buffer.alloc(300_000_000)));
    const { body } = await make()(server.url, { signal });
    const before = process.memoryUsage().rss;
    const first = await body.read();
    expect(first?.length).toBeLessThan(1_000_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(64_000_000);
    body.cancel();
  });
});
