/** Keeps the books of many requests that never happened, with the gateway's own parts; prints what one costs. */
import type { ChatRequest } from "../../../src/chat/request.ts";
import { inputTokensOf } from "../../../src/emulate/index.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { createLogger } from "../../../src/lib/logger.ts";
import { streamSink } from "../../../src/lib/outlet.ts";
import { Journal } from "../../../src/router/journal.ts";
import type { Lease } from "../../../src/pool/lease.ts";
import { openStore } from "../../../src/store/open.ts";

const REQUESTS = 20_000;
const AT_ONCE = 20;
const MB = 1_000_000;

const SCRIPTS = {
  Latin: "The quick brown fox jumps over the lazy dog. ",
  Han: "人之初性本善性相近习相远苟不教性乃迁",
  Cyrillic: "Съешь же ещё этих мягких французских булок. ",
  Arabic: "نص حكيم له سر قاطع وذو شأن عظيم ",
  Devanagari: "ऋषियों को सताने वाले दुष्ट राक्षसों ",
  Hangul: "다람쥐 헌 쳇바퀴에 타고파 ",
  emoji: "😀👩‍👩‍👧🇩🇪🎉",
  "no space": "a",
} as const;

const requestOf = (text: string): ChatRequest => ({
  id: "req_0123456789abcdefghij",
  receivedAt: Date.now(),
  model: "LongCat",
  messages: [{ role: "user", parts: [{ type: "text", text }] }],
  tools: [],
  toolChoice: { type: "auto" },
  parallelToolCalls: true,
  sampling: {},
  stop: [],
  reasoning: {},
  responseFormat: { type: "text" },
  stream: false,
  includeUsage: false,
});

async function bookUs(): Promise<number> {
  const log = createLogger({ level: "info", format: "text", write: streamSink(process.stdout), clock: systemClock });
  const { store } = await openStore({ dataDir: process.env["DATA_DIR"] ?? "", clock: systemClock, log });
  // Only what the journal reads of a lease.
  const lease = {
    provider: { name: "longcat" },
    account: { id: "acc_0123456789abcdefghij", label: "LongCat 1", stored: true, use: 1 },
    failuresInRow: 0,
    count() {},
  } as unknown as Lease;
  const deps = { attempts: store.attempts, clock: systemClock, log, rotationUses: 3, rotationMaxFailures: 5 };
  const end = { usage: { inputTokens: 9, outputTokens: 20, estimated: false }, characters: 120 };
  const run = async (requests: number) => {
    for (let i = 0; i < requests; i += AT_ONCE) {
      for (let j = 0; j < AT_ONCE; j++) {
        const request = { ...requestOf("hello"), id: `req_${i + j}` };
        const journal = new Journal({ request, dialect: "openai-chat", keyName: "bench", model: "LongCat" }, deps);
        const ended = journal.attempt(lease, request);
        journal.began();
        ended(end);
        journal.end(end, request);
        store.keys.touch("key_0123456789abcdefghij", Date.now());
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await run(REQUESTS / 4);
  const before = process.cpuUsage();
  await run(REQUESTS);
  await Bun.sleep(700);
  const { user, system } = process.cpuUsage(before);
  await store.close();
  return (user + system) / REQUESTS;
}

function slowestCount(): { script: string; countMs: number } {
  let slowest = { script: "", countMs: 0 };
  for (const [script, sample] of Object.entries(SCRIPTS)) {
    const size = Buffer.byteLength(sample);
    const text = JSON.parse(JSON.stringify(sample.repeat(Math.ceil(MB / size)))) as string;
    const begin = performance.now();
    inputTokensOf(requestOf(text));
    const countMs = performance.now() - begin;
    if (countMs > slowest.countMs) slowest = { script, countMs };
  }
  return slowest;
}

process.stderr.write(JSON.stringify({ bookUs: await bookUs(), ...slowestCount() }));
process.exit(0);
