import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { GatewayError, type FailureKind } from "../../../src/chat/error.ts";
import type { ReasoningRequest } from "../../../src/chat/request.ts";
import { createLongcat } from "../../../src/providers/longcat/index.ts";
import {
  answer,
  envelope,
  fail,
  Gate,
  hostile,
  plain,
  SEARCH_SHAPES,
  startLongcatSim,
  stream,
  v2Frame,
  type AnswerOptions,
  type Behaviour,
  type Format,
  type LongcatSim,
  type Wire,
} from "../../sims/longcat.ts";
import { chatRequest, listen, testContext, type TestContextOptions, type Told } from "../context.ts";

const TEXT = "Hello 🐈 你好，世界";
let sim: LongcatSim;
let accounts = 0;

beforeAll(async () => {
  sim = await startLongcatSim();
});
afterAll(async () => {
  expect(sim.violations).toEqual([]);
  await sim.stop();
});

interface Ask extends TestContextOptions {
  readonly model?: string;
  readonly reasoning?: ReasoningRequest;
}

/** One turn of a new account that meets `behaviours`. */
async function ask(behaviour: Behaviour, { model = "LongCat", reasoning = {}, ...options }: Ask = {}): Promise<Told> {
  const token = `token-${accounts++}`;
  sim.account(token).next("chat", behaviour);
  const longcat = createLongcat({ url: sim.url });
  const context = testContext({ token }, options);
  const id = (await longcat.chats?.open(testContext({ token }), model)) ?? "";
  const told = await listen(longcat.chat(chatRequest("hi", { reasoning }), context.turn(model, id)));
  await context.clock.advance(2000); // Past the waits after an answer: an open socket is given up.
  expect(context.clock.pending).toBe(0);
  return told;
}

const kindOf = ({ error }: { error: unknown }): FailureKind | undefined =>
  error instanceof GatewayError ? error.kind : undefined;

const FORMATS: Format[] = ["v2", "v2-cumulative", "legacy", "legacy-cumulative", "legacy-delta", "mixed"];

describe("every format", () => {
  const shapes: { name: string; options: AnswerOptions }[] = [
    { name: "a plain answer", options: {} },
    { name: "lastOne in a frame of its own", options: { lastOne: "after-finish" } },
    { name: "lastOne alone", options: { lastOne: "without-finish" } },
    { name: "no lastOne but a proper end of the body", options: { lastOne: "never" } },
    { name: "no whole text at the end", options: { final: false } },
    { name: "a socket that stays open after lastOne", options: { after: "hang" } },
    { name: "unknown events between", options: { extra: [{ event: { type: "plugin" } }, { x: 1 }, { choices: [] }] } },
  ];
  for (const format of FORMATS) {
    test.each(shapes)(`L6 ${format}: $name is told once and whole`, async ({ options }) => {
      const { text, end, error } = await ask(answer(TEXT, { format, ...options }));
      expect({ text, error, reason: end?.reason }).toEqual({ text: TEXT, error: undefined, reason: "stop" });
      expect(end?.text ?? TEXT).toBe(TEXT);
      if (options.lastOne !== "without-finish")
        expect(end?.usage).toEqual({ inputTokens: 11, outputTokens: 7, estimated: false });
    });

    test(`${format}: bytes cut anywhere, one at a time, with any line end, give the same`, async () => {
      const told = async (wire: Wire) => {
        const { text, reasoning, error } = await ask(answer("你🐈", { format, wire, thinking: "想🐈" }), {
          model: "longcat-thinking",
        });
        return { text, reasoning, error };
      };
      const same = { text: "你🐈", reasoning: "想🐈", error: undefined };
      for (const eol of ["\n", "\r", "\r\n"] as const)
        expect(await told({ eol, cut: "bytes", space: false })).toEqual(same);
    });
  }

  test("L16 a turn cut at every offset of its bytes gives the same", async () => {
    const length = 1000; // All of the body: four frames of about 220 bytes.
    const told: Promise<Told>[] = [];
    for (let at = 1; at < length; at++) told.push(ask(answer(["你", "🐈"], { wire: { cut: at } })));
    for (const { text, error } of await Promise.all(told)) expect([text, error]).toEqual(["你🐈", undefined]);
  });

  test("an answer of 1 MB arrives byte for byte", async () => {
    const long = "猫🐈 long\n".repeat(100_000);
    for (const format of ["v2", "legacy"] as const)
      expect((await ask(answer(long, { format }))).text === long).toBe(true);
  });
});

describe("the whole text at the end", () => {
  test("what the pieces left out follows, nothing is said twice", async () => {
    const { text, end } = await ask(answer(["Hel"], { final: "Hello" }));
    expect([text, end?.text]).toEqual(["Hello", "Hello"]);
  });

  test("a text that differs replaces a whole answer, not the stream", async () => {
    const { text, end } = await ask(answer(["Helo"], { final: "Hello" }));
    expect([text, end?.text]).toEqual(["Helo", "Hello"]);
  });

  test("finalContent is taken for finalContentX", async () => {
    expect((await ask(answer([], { final: "Hello", finalField: "finalContent" }))).text).toBe("Hello");
  });

  test("an answer that says nothing is an error, not an empty success", async () => {
    for (const format of ["v2", "legacy"] as const)
      expect(kindOf(await ask(answer([], { format, final: "" })))).toBe("upstream-broken");
  });

  test("L10 a filtered answer ends as filtered, even when it is empty", async () => {
    for (const format of ["v2", "legacy"] as const)
      expect((await ask(answer([], { format, final: "", finishType: "sensitive" }))).end?.reason).toBe(
        "content-filter",
      );
  });

  test("counts under tokenInfo are usage too, and no counts are none", async () => {
    expect((await ask(answer(TEXT, { tokensAs: "tokenInfo" }))).end?.usage?.outputTokens).toBe(7);
    expect((await ask(answer(TEXT, { tokens: false }))).end?.usage).toBeUndefined();
  });
});

describe("thinking", () => {
  const thinking = { model: "longcat-thinking" };
  test("thinking and answer stay apart", async () => {
    const { text, reasoning } = await ask(answer(TEXT, { thinking: "Let me think.", summary: "thought" }), thinking);
    expect([text, reasoning]).toEqual([TEXT, "Let me think."]);
  });

  test("text before the answer is thinking, with and without the whole text", async () => {
    for (const final of [undefined, false] as const) {
      const options = { thinking: "Hmm. ", preamble: "I will look. ", ...(final === false ? { final } : {}) };
      const { text, reasoning, end } = await ask(answer(TEXT, options), thinking);
      expect([text, reasoning]).toEqual([TEXT, "Hmm. I will look. Now the answer."]);
      expect(end?.text).toBe(TEXT);
    }
  });

  test("a long answer streams before its end is known", async () => {
    const gate = new Gate();
    const pieces = Array.from({ length: 6 }, (_, index) => `${index}`.repeat(100));
    const token = `token-${accounts++}`;
    sim.account(token).next("chat", answer(pieces, { gate }));
    const longcat = createLongcat({ url: sim.url });
    const context = testContext({ token });
    const id = (await longcat.chats?.open(context, "longcat-thinking")) ?? "";
    const turn = longcat.chat(chatRequest("hi"), context.turn("longcat-thinking", id))[Symbol.asyncIterator]();
    gate.release(5);
    let text = "";
    while (!text.includes("2")) {
      const { value } = await turn.next();
      for (const event of value ?? []) if (event.type === "text-delta") text += event.text;
    }
    expect(text.startsWith("0".repeat(100))).toBe(true);
    await turn.return?.();
    await sim.until(() => sim.openStreams() === 0);
  });

  test.each(["eof", "cut", "reset"] as const)(
    "an answer broken off by %s keeps what was held back",
    async (breakBy) => {
      const broken = answer(["one ", "two ", "three"], { thinking: "Hmm.", breakAfter: 2, breakBy });
      const told = await ask(broken, thinking);
      expect([told.reasoning, told.text, kindOf(told)]).toEqual(["Hmm.", "one two ", "upstream-broken"]);
    },
  );

  test("what was held back of an answer that had not begun leaves room for another account", async () => {
    const told = await ask(answer(["one ", "two "], { breakAfter: 1 }), thinking);
    expect([told.text, kindOf(told)]).toEqual(["", "upstream-broken"]);
  });

  test("a group that more thinking follows is the answer when no other comes", async () => {
    const frames = stream((ids) => [
      { frame: v2Frame(ids, "content", { content: "The answer." }) },
      { frame: v2Frame(ids, "think", { content: "Done." }) },
      { frame: v2Frame(ids, "finish", {}, { lastOne: true }), done: true },
    ]);
    expect((await ask(frames, thinking)).text).toBe("The answer.");
  });

  test("the request switches it on and off", async () => {
    await ask(answer(TEXT), { reasoning: { effort: "high" } });
    expect(sim.requests.at(-1)?.body?.["reasonEnabled"]).toBe(1);
    await ask(answer(TEXT), { ...thinking, reasoning: { effort: "none" } });
    expect(sim.requests.at(-1)?.body?.["reasonEnabled"]).toBe(0);
  });
});

test("search hits become citations in every shape and never answer text", async () => {
  const { text, events } = await ask(answer(TEXT, { search: Object.values(SEARCH_SHAPES) }), {
    model: "LongCat-Search",
  });
  expect(text).toBe(TEXT);
  const citations = events.flatMap((event) => (event.type === "citations" ? event.citations : []));
  expect(citations).toEqual([{ title: "Cats", url: "https://cats.example", snippet: "Long cats are long." }]);
});

describe("errors on a turn", () => {
  const errors: { name: string; meets: Behaviour; kind: FailureKind }[] = [
    { name: "L16 a code in HTTP 200", meets: fail.code(429, "slow"), kind: "rate-limited" },
    { name: "a JSON error in two segments", meets: fail.code(401, "no", { wire: { cut: 1 } }), kind: "auth-rejected" },
    { name: "L16 a code in a frame", meets: fail.frame(429, "slow"), kind: "rate-limited" },
    {
      name: "L16 a code in a frame after text",
      meets: fail.frame(500, "boom", { after: ["a"] }),
      kind: "upstream-broken",
    },
    { name: "an error event", meets: fail.event("操作太快啦"), kind: "rate-limited" },
    {
      name: "an eventError with content",
      meets: fail.event("boom", { type: "eventError", field: "content" }),
      kind: "upstream-broken",
    },
    { name: "HTTP 401", meets: fail.status(401, "no"), kind: "auth-rejected" },
    { name: "HTTP 403", meets: fail.status(403, "no"), kind: "auth-rejected" },
    { name: "HTTP 429", meets: fail.status(429, "slow"), kind: "rate-limited" },
    { name: "HTTP 500", meets: fail.status(500, "boom"), kind: "upstream-broken" },
    { name: "signed out", meets: fail.signedOut(200), kind: "auth-rejected" },
    { name: "the rate text alone", meets: fail.tooFast(), kind: "rate-limited" },
    { name: "an unknown conversation", meets: fail.unknownConversation(), kind: "conversation-lost" },
    { name: "a page with HTTP 200", meets: fail.html(), kind: "challenge" },
    {
      name: "a page without its type",
      meets: plain(200, { "content-type": "text/event-stream" }, " \n<html>"),
      kind: "challenge",
    },
    { name: "Cloudflare's page", meets: fail.cloudflare(503), kind: "challenge" },
    { name: "a check with HTTP 503", meets: fail.html(503), kind: "challenge" },
    {
      name: "a proxy's error page",
      meets: plain(502, { "content-type": "text/html" }, "<html><h1>502 Bad Gateway</h1>"),
      kind: "upstream-broken",
    },
    { name: "HTTP 418", meets: fail.teapot(), kind: "challenge" },
    { name: "the verification code", meets: fail.verify(), kind: "challenge" },
    { name: "a redirect to the sign-in", meets: fail.redirect(), kind: "auth-rejected" },
    { name: "a redirect elsewhere", meets: plain(301, { location: "/api/v2/chat" }, ""), kind: "upstream-broken" },
    { name: "a redirect to nowhere", meets: plain(302, {}, ""), kind: "upstream-broken" },
    { name: "a reset", meets: fail.resetBeforeHead(), kind: "upstream-broken" },
    { name: "L2 an empty stream", meets: fail.emptyBody(), kind: "upstream-broken" },
    { name: "an early end", meets: answer(TEXT, { breakAfter: 1 }), kind: "upstream-broken" },
    { name: "a cut", meets: answer(TEXT, { breakAfter: 1, breakBy: "cut" }), kind: "upstream-broken" },
    { name: "a reset midway", meets: answer(TEXT, { breakAfter: 1, breakBy: "reset" }), kind: "upstream-broken" },
    { name: "broken JSON in an event", meets: hostile.malformedEvent(["a", "b"]), kind: "upstream-changed" },
    { name: "a line without end", meets: hostile.hugeLine(16 << 20), kind: "upstream-broken" },
    { name: "a gzip bomb", meets: hostile.gzipBomb(64 << 20), kind: "upstream-broken" },
    {
      name: "a gzip bomb of JSON",
      meets: plain(200, { "content-encoding": "gzip" }, Bun.gzipSync(Buffer.alloc(40 << 20, "{"))),
      kind: "upstream-broken",
    },
    { name: "JSON that is no error", meets: envelope(200, 0, "success"), kind: "upstream-changed" },
  ];
  test.each(errors)("L17 $name is $kind", async ({ name, meets, kind }) => {
    // A reset on a kept connection is met twice: the call is repeated once.
    const told = name === "a reset" ? await alwaysAsk(meets) : await ask(meets);
    expect(kindOf(told)).toBe(kind);
  });

  const whole = { raw: JSON.stringify({ code: 429, message: "slow down", data: null }) };
  const endless: { name: string; calls: "create" | "chat"; meets: Behaviour; kind: FailureKind }[] = [
    { name: "status", calls: "chat", meets: stream([{ hang: true }], { status: 401 }), kind: "auth-rejected" },
    {
      name: "half",
      calls: "chat",
      meets: stream([{ raw: '{"co' }, { hang: true }], { status: 429 }),
      kind: "rate-limited",
    },
    { name: "whole body", calls: "chat", meets: stream([whole, { hang: true }]), kind: "rate-limited" },
    { name: "whole body", calls: "create", meets: stream([whole, { hang: true }]), kind: "rate-limited" },
  ];
  test.each(endless)("the $name of a refused $calls tells what it is, though its end never comes", async (given) => {
    const token = `token-${accounts++}`;
    sim.account(token).next(given.calls, given.meets);
    const longcat = createLongcat({ url: sim.url });
    const context = testContext({ token });
    const turn = async (): Promise<unknown> => {
      const id = (await longcat.chats?.open(context, "LongCat")) ?? "";
      return (await listen(longcat.chat(chatRequest("hi"), context.turn("LongCat", id)))).error;
    };
    let error: unknown;
    void turn().then(
      (told) => (error = told),
      (thrown: unknown) => (error = thrown),
    );
    while (error === undefined) await context.clock.advance(100);
    expect(kindOf({ error })).toBe(given.kind);
    await context.clock.advance(2000);
    expect(context.clock.pending).toBe(0);
  });

  async function alwaysAsk(meets: Behaviour) {
    const token = `token-${accounts++}`;
    sim.account(token).always("chat", meets);
    const longcat = createLongcat({ url: sim.url });
    const context = testContext({ token });
    const id = (await longcat.chats?.open(context, "LongCat")) ?? "";
    return listen(longcat.chat(chatRequest("hi"), context.turn("LongCat", id)));
  }

  test("text that came before the error is kept", async () => {
    const { text, error } = await ask(fail.frame(500, "boom", { after: ["Hel", "lo"], wire: { cut: "whole" } }));
    expect([text, error instanceof GatewayError]).toEqual(["Hello", true]);
  });

  test("a rate limit carries the time that the service named", async () => {
    const { error } = await ask(fail.status(429, "slow", { retryAfter: 30 }));
    expect((error as GatewayError).retryAt).toBe(testContext({ token: "" }).clock.now() + 30_000);
  });

  test("broken JSON names its field", async () => {
    expect(((await ask(hostile.malformedEvent(["a", "b"]))).error as GatewayError).field).toBe("data");
  });

  test("bytes that are not UTF-8 in one event harm no other", async () => {
    expect((await ask(hostile.invalidUtf8(["a", "b"]))).text).toBe("ab");
  });
});

describe("the end", () => {
  test("a socket that stays open after the finish is waited for 2 s", async () => {
    const gate = new Gate();
    const context = { clock: testContext({ token: "" }).clock };
    const steps = stream((ids) => [
      { frame: v2Frame(ids, "content", { content: TEXT }) },
      { frame: v2Frame(ids, "finish", { finalContentX: TEXT }), done: true },
      { gate },
      { hang: true },
    ]);
    const told = ask(steps, context);
    await gate.arrived();
    while (context.clock.pending === 0) await context.clock.advance(0);
    await context.clock.advance(1999);
    gate.open();
    await context.clock.advance(1);
    expect((await told).end?.text).toBe(TEXT);
  });

  test("a connection that breaks after the finish does not spoil the answer", async () => {
    const gate = new Gate();
    const token = `token-${accounts++}`;
    const cut = stream((ids) => [
      { frame: v2Frame(ids, "finish", { finalContentX: TEXT }), done: true },
      { gate },
      { cut: true },
    ]);
    sim.account(token).next("chat", cut);
    const longcat = createLongcat({ url: sim.url });
    const context = testContext({ token });
    const id = (await longcat.chats?.open(context, "LongCat")) ?? "";
    const turn = longcat.chat(chatRequest("hi"), context.turn("LongCat", id))[Symbol.asyncIterator]();
    expect((await turn.next()).value).toEqual([{ type: "text-delta", text: TEXT }]);
    gate.open();
    expect((await turn.next()).value?.at(-1)?.type).toBe("end");
  });

  test("L11 a client that leaves ends the upstream's turn, and the reason is its own", async () => {
    const leave = new AbortController();
    const before = sim.aborted.length;
    const told = ask(answer(TEXT, { breakAfter: 1, breakBy: "hang" }), { signal: leave.signal });
    await sim.until(() => sim.openStreams() === 1);
    leave.abort(new GatewayError("cancelled", "left"));
    expect(kindOf(await told)).toBe("cancelled");
    await sim.until(() => sim.aborted.length === before + 1);
  });

  test("L11 a reader that stops ends the upstream's turn", async () => {
    const token = `token-${accounts++}`;
    sim.account(token).next("chat", answer(TEXT, { breakAfter: 1, breakBy: "hang" }));
    const longcat = createLongcat({ url: sim.url });
    const context = testContext({ token });
    const id = (await longcat.chats?.open(context, "LongCat")) ?? "";
    const before = sim.aborted.length;
    for await (const batch of longcat.chat(chatRequest("hi"), context.turn("LongCat", id)))
      if (batch.some(({ type }) => type === "text-delta")) break;
    await sim.until(() => sim.aborted.length === before + 1);
  });

  test("the connection of a finished turn serves the next call", async () => {
    const token = `token-${accounts++}`;
    await using alone = await startLongcatSim();
    alone.account(token);
    const longcat = createLongcat({ url: alone.url });
    const context = testContext({ token });
    for (let turn = 0; turn < 5; turn++) {
      const id = (await longcat.chats?.open(context, "LongCat")) ?? "";
      await listen(longcat.chat(chatRequest("hi"), context.turn("LongCat", id)));
    }
    expect(alone.connections()).toBeLessThanOrEqual(2);
  });
});

describe("calls", () => {
  test("L7 null and array contents never become words of a program", async () => {
    const token = `token-${accounts++}`;
    sim.account(token);
    const longcat = createLongcat({ url: sim.url });
    const context = testContext({ token });
    const id = (await longcat.chats?.open(context, "LongCat")) ?? "";
    const request = chatRequest("x", {
      messages: [
        { role: "assistant", parts: [] },
        {
          role: "user",
          parts: [
            { type: "text", text: "a" },
            { type: "text", text: "b" },
          ],
        },
      ],
    });
    await listen(longcat.chat(request, context.turn("LongCat", id)));
    expect(String(sim.requests.at(-1)?.body?.["content"]).trim()).toBe("ab");
  });

  test("each call has the service's headers, the account's cookies and a trace id of its own", async () => {
    const token = `token-${accounts++}`;
    sim.account(token);
    const longcat = createLongcat({ url: `${sim.url}/`, language: "en" });
    const context = testContext({ token, cookies: "a=1" });
    const id = (await longcat.chats?.open(context, "longcat-pro")) ?? "";
    await listen(longcat.chat(chatRequest("hi"), context.turn("longcat-pro", id)));
    const [create, chat] = sim.requests.slice(-2);
    expect(create?.body).toEqual({ model: "", agentId: "2" });
    expect(create?.headers["referer"]).toBe(`${sim.url}/t`);
    expect(chat?.body).toEqual({
      conversationId: id,
      content: "hi",
      agentId: "2",
      reasonEnabled: 1,
      searchEnabled: 1,
      parentMessageId: 0,
      regenerate: 0,
      files: [],
    });
    expect(chat?.headers).toMatchObject({
      accept: "text/event-stream,application/json",
      cookie: `a=1; passport_token_key=${token}`,
      origin: sim.url,
      referer: `${sim.url}/c/${id}`,
      "user-agent": "TestBrowser/1.0",
      "x-client-language": "en",
    });
    expect(chat?.headers["m-traceid"]).toMatch(/^\d+$/);
    expect(chat?.headers["m-traceid"]).not.toBe(create?.headers["m-traceid"]);
  });

  test.each([404, 405] as const)(
    "a server without V2 (%d) is asked the old way, and that is remembered",
    async (v2Status) => {
      await using old = await startLongcatSim({ v2Status });
      old.account("t");
      const longcat = createLongcat({ url: old.url });
      const context = testContext({ token: "t" });
      const id = (await longcat.chats?.open(context, "LongCat")) ?? "";
      expect((await listen(longcat.chat(chatRequest("hi"), context.turn("LongCat", id)))).end?.reason).toBe("stop");
      expect(context.remembered).toEqual([{ path: "legacy" }]);
      const next = testContext({ token: "t" }, { memory: context.remembered[0] });
      await listen(longcat.chat(chatRequest("hi"), next.turn("LongCat", id)));
      expect(old.requests.slice(-2).map(({ path }) => path)).toEqual([
        "/api/v1/chat-completion",
        "/api/v1/chat-completion",
      ]);
    },
  );
});

describe("chats and the probe", () => {
  const longcat = () => createLongcat({ url: sim.url });

  test("a chat is deleted, and one that is unknown is deleted already", async () => {
    const token = `token-${accounts++}`;
    sim.account(token);
    const context = testContext({ token });
    const id = (await longcat().chats?.open(context, "LongCat")) ?? "";
    await longcat().chats?.remove?.(context, id);
    await longcat().chats?.remove?.(context, id);
    expect(sim.conversations.find((conversation) => conversation.id === id)?.deleted).toBe(true);
  });

  const opens: { name: string; meets: Behaviour; kind: FailureKind }[] = [
    { name: "the rate text", meets: fail.tooFast(), kind: "rate-limited" },
    { name: "no id", meets: envelope(200, 0, "success", { data: { conversationId: "" } }), kind: "upstream-changed" },
    { name: "a page", meets: fail.html(), kind: "challenge" },
    { name: "no JSON", meets: plain(200, {}, "ok"), kind: "upstream-changed" },
    { name: "a redirect to the sign-in", meets: fail.redirect(), kind: "auth-rejected" },
    { name: "a redirect elsewhere", meets: plain(301, { location: "/api/v2/chat" }, ""), kind: "upstream-broken" },
    { name: "a redirect to nowhere", meets: plain(302, {}, ""), kind: "upstream-broken" },
    {
      name: "a gzip bomb",
      meets: plain(200, { "content-encoding": "gzip" }, Bun.gzipSync(Buffer.alloc(40 << 20, "{"))),
      kind: "upstream-broken",
    },
  ];
  test.each(opens)("opening a chat that meets $name is $kind", async ({ meets, kind }) => {
    const token = `token-${accounts++}`;
    sim.account(token).next("create", meets);
    const error: unknown = await longcat()
      .chats?.open(testContext({ token }), "LongCat")
      .catch((thrown: unknown) => thrown);
    expect(kindOf({ error })).toBe(kind);
  });

  test("the probe believes the login status, not code 0", async () => {
    const token = `token-${accounts++}`;
    sim.account(token);
    expect(await longcat().probe?.(testContext({ token }))).toEqual({});
    sim.account(token).signedIn = false;
    const error: unknown = await longcat()
      .probe?.(testContext({ token }))
      .catch((thrown: unknown) => thrown);
    expect(kindOf({ error })).toBe("auth-rejected");
  });

  test("the first event may take longer when the turn thinks", () => {
    const provider = longcat();
    expect(provider.firstEventMs(chatRequest("", { model: "LongCat" }))).toBe(60_000);
    expect(provider.firstEventMs(chatRequest("", { model: "longcat-thinking" }))).toBe(120_000);
  });
});
