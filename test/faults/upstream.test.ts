/** What LongCat may do to the gateway, and what a client sees of it. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { answer, type Behaviour, fail, Gate, hostile, plain, type Step } from "../sims/longcat.ts";
import { A, B, readStream, startWorld } from "./world.ts";

setDefaultTimeout(20_000);

const raw =
  (...pieces: string[]): Behaviour =>
  async ({ exchange }) => {
    for (const piece of pieces) await exchange.raw(piece);
    exchange.cut();
  };
const packed =
  (bytes: Uint8Array): Behaviour =>
  async ({ exchange }) => {
    await exchange.head(200, { "content-type": "text/event-stream", "content-encoding": "gzip" });
    await exchange.write(bytes);
    exchange.end();
  };
const HEAD = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const MANY_COMMENTS = Bun.gzipSync(Buffer.from(": nothing to say\n\n".repeat(2_700_000)));

interface Fault {
  readonly name: string;
  readonly fault: Behaviour;
  /** What a client sees when every account meets it. */
  readonly status: number;
  readonly code: string;
  /** The account's state afterwards. */
  readonly state?: string;
}
const broken = { status: 502, code: "upstream_error" } as const;
const limited = { status: 429, code: "rate_limit_exceeded", state: "cooling" } as const;
const refused = { status: 503, code: "no_account" } as const;
const checked = { ...refused, state: "cooling" } as const;
const faults: Fault[] = [
  { name: "500", fault: fail.status(500), ...broken },
  {
    name: "a proxy's page with 502",
    fault: plain(502, { "content-type": "text/html" }, "<html>bad gateway"),
    ...broken,
  },
  { name: "503", fault: fail.status(503), ...broken },
  { name: "429 for 30 s", fault: fail.status(429, "slow down", { retryAfter: 30 }), ...limited },
  { name: "429 with nonsense", fault: fail.status(429, "slow down", { retryAfter: "soon" }), ...limited },
  { name: "too fast in words", fault: fail.tooFast(), ...limited },
  { name: "a rate limit as an event", fault: fail.event("操作太快啦，请稍后再试～"), ...limited },
  { name: "401", fault: fail.status(401), ...refused },
  { name: "403", fault: fail.status(403), ...refused },
  { name: "signed out with 200", fault: fail.signedOut(200), ...refused },
  { name: "suspended", fault: fail.code(1010, "账号已被封禁"), ...refused, state: "disabled_auto" },
  { name: "a redirect to the sign-in", fault: fail.redirect(), ...refused },
  { name: "a redirect to a metadata address", fault: fail.redirect("http://169.254.169.254/latest"), ...broken },
  { name: "a browser check", fault: fail.html(), ...checked },
  { name: "Cloudflare's check", fault: fail.cloudflare(503), ...checked },
  { name: "418", fault: fail.teapot(), ...checked },
  { name: "RST before any byte", fault: fail.resetBeforeHead(), ...broken },
  { name: "FIN before any byte", fault: fail.cutBeforeHead(), ...broken },
  { name: "no HTTP at all", fault: raw("HELLO WORLD\r\n\r\n"), ...broken },
  { name: "a chunk without a size", fault: raw(HEAD, "zz\r\n"), ...broken },
  { name: "a header without end", fault: raw("HTTP/1.1 200 OK\r\nX-A: ", "a".repeat(300_000)), ...broken },
  { name: "gzip that is none", fault: packed(Buffer.from("this is not gzip")), ...broken },
  { name: "48 MB of comments, packed", fault: packed(MANY_COMMENTS), ...broken },
  { name: "an event of 64 MB, packed", fault: hostile.gzipBomb(64 << 20), ...broken },
  { name: "a line of 16 MB", fault: hostile.hugeLine(16 << 20), ...broken },
  { name: "a stream without an event", fault: fail.emptyBody(), ...broken },
  { name: "an empty answer", fault: answer([]), ...broken },
  { name: "no body", fault: plain(204, {}, ""), ...broken },
  { name: "JSON that is neither", fault: plain(200, { "content-type": "application/json" }, "{}"), ...broken },
  { name: "a code with 200", fault: fail.code(500, "系统异常"), ...broken },
  { name: "an error event first", fault: fail.event("boom"), ...broken },
  { name: "an error frame first", fault: fail.frame(500, "boom"), ...broken },
];

describe("before the first event", () => {
  test.each(faults)("$name: the next account answers", async ({ fault, state }) => {
    await using w = await startWorld();
    w.sim.account(A).always("chat", fault);
    w.sim.account(B).always("chat", answer(["fi", "ne"]));
    const response = await w.gateway.chat({ model: "LongCat", stream: true });
    expect(readStream(await response.text())).toEqual({ text: "fine", finishes: ["stop"], dones: 1, error: undefined });
    expect(response.headers.get("x-sluice-attempts")).toBe("2");
    const [first, second] = await w.gateway.app.admin.accounts.list();
    expect(first?.state).toBe((state ?? "ready") as never);
    expect(second?.state).toBe("ready");
    expect(response.headers.get("x-sluice-account")).toBe(second?.id ?? "");
    await w.sim.until(() => w.sim.liveConversations().length === 0);
    expect(w.sim.violations).toEqual([]);
  });

  test.each(faults)("$name at every account: $status, and SDKs do not repeat it", async ({ fault, status, code }) => {
    await using w = await startWorld();
    for (const token of [A, B]) w.sim.account(token).always("chat", fault);
    const response = await w.gateway.chat({ model: "LongCat", stream: true });
    const text = await response.text();
    expect([response.status, text]).toEqual([status, expect.stringContaining(`"code":"${code}"`)]);
    const waitS = Number(response.headers.get("retry-after") ?? 0);
    expect(response.headers.get("x-should-retry")).toBe(String(status === 429 && waitS <= 60));
    // One attempt an account; one that died on a kept connection was sent once more.
    for (const token of [A, B]) expect(w.sim.account(token).counts.chat).toBeLessThanOrEqual(2);
    await w.sim.until(() => w.sim.liveConversations().length === 0);
  });
});

const breaks: Record<string, Step[]> = { eof: [], cut: [{ cut: true }], reset: [{ reset: true }] };
const formats = ["v2", "v2-cumulative", "legacy", "mixed"] as const;
describe("after the first event", () => {
  const cases = Object.keys(breaks).flatMap((how) => formats.map((format) => ({ how, format })));
  test.each(cases)(
    "$how in $format: the text so far, an error frame, no [DONE], no failover",
    async ({ how, format }) => {
      await using w = await startWorld();
      const gate = new Gate();
      const breakBy = [{ gate }, ...(breaks[how] ?? [])];
      w.sim.account(A).always("chat", answer(["Hello a", " b and", " c"], { format, breakAfter: 2, breakBy }));
      w.sim.account(B).always("chat", answer("never"));
      const response = await w.gateway.chat({ model: "LongCat", stream: true });
      // The status comes with the first text: from here on there is no failover.
      gate.open();
      const { text, finishes, dones, error } = readStream(await response.text());
      expect("Hello a b and").toStartWith(text);
      expect(text).toStartWith("Hello a");
      expect([finishes, dones, error?.code]).toEqual([[], 0, "upstream_error"]);
      expect(w.sim.account(B).counts.chat).toBe(0);
      await w.sim.until(() => w.sim.liveConversations().length === 0);
    },
  );

  const errors: [string, Behaviour][] = [
    ["an error event", fail.event("boom", { after: ["Hello a", " b"] })],
    ["an error frame", fail.frame(500, "boom", { after: ["Hello a", " b"] })],
    ["a rate limit", fail.event("操作太快啦", { after: ["Hello a", " b"] })],
    ["broken JSON", hostile.malformedEvent(["Hello a", " b"])],
  ];
  test.each(errors)("%s is an error frame, and the process lives", async (_, behaviour) => {
    await using w = await startWorld();
    for (const token of [A, B]) w.sim.account(token).always("chat", answer("fine"));
    w.sim.account(A).next("chat", behaviour);
    const { text, dones, error } = readStream(await (await w.gateway.chat({ model: "LongCat", stream: true })).text());
    expect(text).toStartWith("Hello a");
    expect([dones, typeof error?.message]).toEqual([0, "string"]);
    expect((await w.gateway.chat({ model: "LongCat" })).status).toBe(200);
  });

  test("a whole answer that breaks midway is an error status, not a cut text", async () => {
    await using w = await startWorld();
    for (const token of [A, B])
      w.sim.account(token).always("chat", answer(["Hello", " you"], { breakAfter: 1, breakBy: "cut" }));
    const response = await w.gateway.chat({ model: "LongCat" });
    expect([response.status, response.headers.get("x-should-retry")]).toEqual([502, "false"]);
  });
});
