/** Answers of a few bytes that unpack to many: they end in words, and the process stays small. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from "node:zlib";
import { answer, type Behaviour, type Kind, type LongcatSim, startLongcatSim } from "../sims/longcat.ts";
import { chat, footprint, forgetPeak, MIB } from "./load.ts";
import { folder, serve, type Served } from "./program.ts";

setDefaultTimeout(30_000);

const COOKIE = "C".repeat(100);
const CODINGS: Record<string, (bytes: Uint8Array) => Uint8Array> = {
  gzip: (bytes) => gzipSync(bytes, { level: 1 }),
  br: (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 2 } }),
  zstd: (bytes) => zstdCompressSync(bytes),
};
const filled = (before: string, fill: string) => Buffer.concat([Buffer.from(before), Buffer.alloc(256 * MIB, fill)]);
const EVENT = { kind: "chat", type: "text/event-stream", bytes: () => filled('data: {"content":"', "x") };
const JSON_ANSWER = {
  kind: "create",
  type: "application/json",

  bytes: () => filled('{"code":0,"data":"', "x"),
};
const BLANKS = { ...EVENT, bytes: () => filled("", "\n") };
const COMMENTS = { ...EVENT, bytes: () => filled("", ": nothing to say\n\n") };
const home = folder();
let sim: LongcatSim;
let gateway: Served;
beforeAll(async () => {
  sim = await startLongcatSim();
  sim.account(COOKIE).always("chat", answer(["meow"]));
  const env = { LONGCAT_URL: sim.url, AUTH_COOKIES: COOKIE, SESSION_READY: "off", BREAKER_FAILURES: "1000" };
  gateway = await serve(home.path, { ...env, ROTATION_MAX_FAILURES: "1000" });
  for (let i = 0; i < 20; i++) await (await chat(gateway)).text();
});
afterAll(async () => {
  await gateway.end("SIGKILL");
  await sim.stop();
  home[Symbol.dispose]();
});

const cases = [
  ...Object.keys(CODINGS).map((coding) => ({ name: "an event", ...EVENT, coding })),
  { name: "blanks before anything", ...BLANKS, coding: "gzip" },
  { name: "comments", ...COMMENTS, coding: "br" },
  ...Object.keys(CODINGS).map((coding) => ({ name: "an answer in JSON", ...JSON_ANSWER, coding })),
];
test.each(cases)("row 23 256 MiB of $name in $coding", async ({ kind, type, bytes, coding }) => {
  const packed = CODINGS[coding]?.(bytes()) ?? "";
  const explode: Behaviour = ({ exchange }) =>
    exchange.answer(200, { "content-type": type, "content-encoding": coding }, packed);
  forgetPeak(gateway);
  const before = footprint(gateway).mib;
  sim.account(COOKIE).next(kind as Kind, explode);
  const response = await chat(gateway);
  expect([response.status, await response.text()]).toEqual([502, expect.stringContaining('"error"')]);
  expect(footprint(gateway).peakMib - before).toBeLessThan(64);
});
