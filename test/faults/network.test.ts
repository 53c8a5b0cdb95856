/** Clients that speak HTTP by hand: what each sends, byte for byte, and what comes back. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { type Gateway, startGateway } from "../gateway.ts";

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.stop());

const BODY = JSON.stringify({ model: "demo", messages: [{ role: "user", content: "echo hi" }] });
const head = (line: string, more = "") =>
  `${line}\r\nHost: localhost\r\nAuthorization: Bearer ${gateway.key}\r\n${more}\r\n`;
const post = (more = "", body = BODY) =>
  head("POST /v1/chat/completions HTTP/1.1", `Content-Length: ${Buffer.byteLength(body)}\r\n${more}`) + body;
const LAST = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";

/** Sends the pieces and reads until the server closes, or has answered `answers` times. */
function exchange(pieces: readonly string[], answers = Number.POSITIVE_INFINITY, url = gateway.url): Promise<string> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(url);
    let text = "";
    const socket = connect({ host: hostname, port: Number(port) }, () => {
      for (const piece of pieces) socket.write(piece);
    });
    socket.setEncoding("utf8");
    socket.on("data", (data: string) => {
      text += data;
      if (statuses(text).length >= answers && text.endsWith("}")) socket.destroy();
    });
    socket.on("error", () => undefined); // A server may close on bytes that it refuses; "close" follows.
    socket.on("close", () => resolve(text));
  });
}

const statuses = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d{3}) [A-Z]/g)].map(([, status]) => Number(status));

describe("HTTP as old or odd clients speak it", () => {
  const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
  const chunkedHead = () => head("POST /v1/chat/completions HTTP/1.1", "Transfer-Encoding: chunked\r\n");
  const cases: [string, () => string[], number[]][] = [
    ["HTTP/1.0", () => [post("Connection: close\r\n").replace("HTTP/1.1", "HTTP/1.0")], [200]],
    ["three chats in one write", () => [post() + post() + post()], [200, 200, 200]],
    ["HEAD of the models", () => [head("HEAD /v1/models HTTP/1.1"), LAST], [200, 200]],
    ["HEAD of the chat path", () => [head("HEAD /v1/chat/completions HTTP/1.1"), LAST], [405, 200]],
    ["Expect: 100-continue", () => [post("Expect: 100-continue\r\n"), LAST], [100, 200, 200]],
    [
      "a chunked body",
      () => [chunkedHead(), chunk(BODY.slice(0, 9)), chunk(BODY.slice(9)), "0\r\n\r\n", LAST],
      [200, 200],
    ],
    ["a chunk without a size", () => [chunkedHead(), "zz\r\nhello\r\n"], [400]],
    ["both lengths", () => [post("Transfer-Encoding: chunked\r\n")], [400]],
    ["two lengths that differ", () => [post("Content-Length: 5\r\n")], [400]],
    ["a negative length", () => [head("POST /v1/chat/completions HTTP/1.1", "Content-Length: -5\r\n")], [400]],
    [
      "a length of 1 TiB",
      () => [head("POST /v1/chat/completions HTTP/1.1", "Connection: close\r\nContent-Length: 1099511627776\r\n")],
      [413],
    ],
    ["100 kB of one header", () => [head("GET /livez HTTP/1.1", `X-Big: ${"a".repeat(100_000)}\r\n`)], [431]],
    [
      "5,000 headers",
      () => [head("GET /livez HTTP/1.1", Array.from({ length: 5000 }, (_, i) => `X-${i}: a\r\n`).join(""))],
      [431],
    ],
    ["NUL in a header", () => [head("GET /livez HTTP/1.1", "X-A: a\0b\r\n")], [400]],
    ["a TLS hello", () => ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"], [400]],
  ];
  test.each(cases)("%s", async (_, pieces, expected) => {
    expect(statuses(await exchange(pieces(), expected.length))).toEqual(expected);
  });

  test("a stream to HTTP/1.0 ends with the connection and is whole", async () => {
    const body = JSON.stringify({ ...JSON.parse(BODY), stream: true });
    const text = await exchange([post("", body).replace("HTTP/1.1", "HTTP/1.0")]);
    expect(text).toContain("data: [DONE]\n\n");
  });
});

describe("names and paths that would slip past the host check", () => {
  const targets = [
    "/console/",
    "/console?x",
    "/api/v1/../accounts",
    "/api/v1/%2e%2e/accounts",
    "/%63onsole/",
    "//console/",
    "/api//accounts",
  ];
  test.each(targets)("%s under a foreign name shows nothing", async (target) => {
    const text = await exchange([`GET ${target} HTTP/1.1\r\nHost: evil.example.com\r\nConnection: close\r\n\r\n`]);
    expect([403, 404, 405]).toContain(statuses(text)[0] ?? 0);
  });
});

describe("under BASE_PATH", () => {
  let based: Gateway;
  beforeAll(async () => {
    based = await startGateway({ env: { BASE_PATH: "/sluice" } });
  });
  afterAll(() => based.stop());

  test.each(["/sluice", "/sluice/"])("%s sends a browser to the console there", async (path) => {
    const page = await fetch(based.url + path, { headers: { accept: "text/html" }, redirect: "manual" });
    expect(page.headers.get("location")).toBe("/sluice/console/");
  });

  test("chats and models answer there", async () => {
    expect((await based.ask("/sluice/v1/models")).status).toBe(200);
    const response = await based.ask("/sluice/v1/chat/completions", { method: "POST", body: BODY });
    expect(await response.json()).toMatchObject({ choices: [{ message: { content: "hi" } }] });
  });

  test("a name that only begins like it is another path", async () => {
    expect((await based.ask("/sluicex/healthz")).status).toBe(404);
  });
});
