import { expect, test } from "bun:test";
import { connect } from "node:net";
import { startRawHttp, type RawRequest } from "./raw-http.ts";

/** Sends bytes as they are and gives all that came back until the server closed. */
function talk(url: string, ...pieces: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    let text = "";
    socket.on("data", (bytes) => (text += bytes.toString()));
    socket.on("error", reject);
    socket.on("close", () => resolve(text));
    for (const piece of pieces) socket.write(piece);
  });
}

test("a chunked request body, and a second request sent before the first answer, are both read", async () => {
  const seen: RawRequest[] = [];
  const server = await startRawHttp(async (exchange) => {
    seen.push(exchange.request);
    if (seen.length === 1) await exchange.answer(200, {}, "one");
    else {
      await exchange.head(200, {}, "close");
      await exchange.write("two");
      exchange.end();
    }
  });
  const text = await talk(
    server.url,
    "POST /a?b=c HTTP/1.1\r\nTransfer-Encoding: chunked\r\nX-Y: z\r\n\r\n3\r\nabc\r\n",
    "2\r\nde\r\n0\r\n\r\nGET /next HTTP/1.1\r\n\r\n",
  );
  expect(seen.map(({ path, body }) => [path, body.toString()])).toEqual([
    ["/a", "abcde"],
    ["/next", ""],
  ]);
  expect(seen[0]?.query.get("b")).toBe("c");
  expect(seen[0]?.headers["x-y"]).toBe("z");
  expect(text.endsWith("\r\n\r\ntwo")).toBe(true);
  await server.stop();
});

test("a body of 8 MB comes whole, and goes back whole", async () => {
  const server = await startRawHttp((exchange) => exchange.answer(200, {}, exchange.request.body));
  const body = "猫".repeat(2_800_000);
  expect((await (await fetch(server.url, { method: "POST", body })).text()) === body).toBe(true);
  await server.stop();
});

test("a reset reaches the client as a reset, a cut as an early end", async () => {
  const server = await startRawHttp(async (exchange) => {
    await exchange.head(200);
    await exchange.write("abc");
    if (exchange.request.path === "/reset") exchange.reset();
    else exchange.cut();
  });
  const codeOf = (path: string) =>
    new Promise<string>((resolve) => {
      const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
      socket.on("error", (error) => resolve("code" in error ? String(error.code) : "error"));
      socket.on("close", () => resolve("closed"));
      socket.resume();
      socket.write(`GET ${path} HTTP/1.1\r\n\r\n`);
    });
  expect(await codeOf("/reset")).toBe("ECONNRESET");
  expect(await codeOf("/cut")).toBe("closed");
  await server.stop();
});

test("a client that leaves in the middle of a body is noticed before the rest is written", async () => {
  const ended = Promise.withResolvers<{ hungUp: boolean; bytesWritten: number }>();
  const server = await startRawHttp(async (exchange) => {
    await exchange.head(200);
    for (let count = 0; count < 256 && !exchange.over; count++) await exchange.write(new Uint8Array(1_000_000));
    ended.resolve(exchange);
  });
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  socket.once("data", () => socket.destroy());
  socket.write("GET / HTTP/1.1\r\n\r\n");
  const { hungUp, bytesWritten } = await ended.promise;
  expect(hungUp).toBe(true);
  expect(bytesWritten).toBeLessThan(256_000_000);
  await server.stop();
});

test("what a handler throws fails the stop", async () => {
  const server = await startRawHttp(() => {
    throw new Error("a broken script");
  });
  expect(await fetch(server.url).catch((error: unknown) => error)).toBeInstanceOf(Error);
  expect(await server.stop().catch(String)).toBe("Error: a broken script");
});
