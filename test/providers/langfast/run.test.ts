import { describe, expect, test } from "bun:test";
import { collect } from "../../../src/chat/collect.ts";
import { GatewayError } from "../../../src/chat/error.ts";
import type { ChatStream, UpstreamEvent } from "../../../src/chat/event.ts";
import { Gate } from "../../sims/gate.ts";
import type { SimRun } from "../../sims/langfast.ts";
import { chatRequest } from "../context.ts";
import { openDesk, until } from "./desk.ts";

const PUBLIC_PROMPT = "6456df9f-f4fd-42b3-97ff-df29af7188b7";

describe("a run", () => {
  test("T2, trap 1: the socket stands before the run starts, so that a run which is over at once loses nothing", async () => {
    await using desk = await openDesk();
    let sockets = 0;
    desk.sim.play((run) => {
      sockets = desk.sim.sockets().length;
      for (const text of ["a", "ab", "abc"]) run.chunk(text);
      run.chunk("abc", "completed", { finish_reason: "length" });
    });
    expect(await desk.own().ask()).toMatchObject({ text: "abc", end: { reason: "length" }, error: undefined });
    expect(sockets).toBe(1);
  });

  test("P7 starts under the account's own prompt, with its user, and all the messages", async () => {
    await using desk = await openDesk();
    const account = desk.own();
    await account.ask("Hi", {
      messages: [
        { role: "system", parts: [{ type: "text", text: "S" }] },
        { role: "user", parts: [{ type: "text", text: "U" }] },
        { role: "assistant", parts: [{ type: "text", text: "A" }] },
        { role: "user", parts: [{ type: "text", text: "V" }] },
      ],
    });
    const [run] = desk.sim.runs;
    expect(run?.body).toMatchObject({ created_by: account.kept.credential.userId, prompt_id: desk.sim.prompts[0]?.id });
    expect(run?.body["prompt_id"]).not.toBe(PUBLIC_PROMPT);
    expect((run?.meta["messages"] as { content: string }[]).map(({ content }) => content).join("")).toBe("SUAV");
    expect(JSON.stringify(desk.sim.prompts[0]?.body)).not.toContain('"U"');
  });

  test("gives each piece as it comes, byte-exact", async () => {
    await using desk = await openDesk();
    const gate = new Gate();
    const text = "漢😀\r\né";
    desk.sim.play(async (run) => {
      for (let end = 1; end <= text.length; end++) {
        run.chunk(text.slice(0, end));
        await gate.pass();
      }
      run.chunk(text, "completed");
    });
    const pieces: string[] = [];
    for await (const batch of desk.provider.chat(chatRequest("Hi"), desk.own().turn())) {
      for (const event of batch) if (event.type === "text-delta") pieces.push(event.text);
      gate.release();
    }
    expect(pieces).toEqual(["漢", "😀", "\r", "\n", "é"]);
  });

  const ends: [name: string, end: (run: SimRun) => void][] = [
    ["status done", (run) => run.chunk("Hello", "done")],
    ["completion_finished with the job's id", (run) => run.emit("completion_finished", { executionId: run.jobId })],
    ["completion_finished with the run's id", (run) => run.emit("completion_finished", { run_id: run.runId })],
    [
      "a payload that is a string",
      (run) =>
        run.emit("execution:chunk", JSON.stringify({ executionId: run.jobId, status: "completed", content: "Hello" })),
    ],
    ["P2, trap 13: a last chunk without content", (run) => run.chunk("", "completed")],
    ["a last chunk whose content is null", (run) => run.chunk(null, "completed")],
  ];
  test.each(ends)("trap 5: ends by %s", async (_name, end) => {
    await using desk = await openDesk();
    desk.sim.play((run) => {
      run.chunk("Hello");
      run.emit("prompt:updated", { any: "noise" });
      end(run);
    });
    const told = await desk.own().ask();
    expect(told).toMatchObject({ text: "Hello", end: { type: "end", reason: "stop" }, error: undefined });
    expect(told.events.at(-1)?.type).toBe("end");
  });

  test("trap 5: an end that names no run counts when nothing of the run follows it", async () => {
    await using desk = await openDesk();
    desk.sim.play((run) => {
      run.chunk("Hello");
      run.emit("completion_finished", {});
    });
    const told = desk.own().ask();
    await until(() => desk.sim.runs.length === 1, "the run");
    await until(() => desk.clock.pending > 0, "a deadline");
    let over = false;
    void told.then(() => (over = true));
    while (!over) await desk.clock.advance(50);
    expect(await told).toMatchObject({ text: "Hello", end: { type: "end" } });
  });

  test("P8, P4: a failed run is an error, after the text that came before it", async () => {
    await using desk = await openDesk();
    desk.sim.play((run) => {
      run.chunk("Hel");
      run.chunk("Hello", "failed", { error: { message: "model crashed" } });
    });
    const { text, end, error } = await desk.own().ask();
    expect({ text, end }).toEqual({ text: "Hello", end: undefined });
    expect(error).toMatchObject({ kind: "upstream-broken" });
    expect((error as GatewayError).message).toContain("model crashed");
  });

  test("P4, trap 10: an error before any text is an error and never text", async () => {
    await using desk = await openDesk();
    desk.sim.play((run) => run.chunk(null, "in_progress", { error: "Rate limit reached for requests" }));
    expect(await desk.own().ask()).toMatchObject({ text: "", end: undefined, error: { kind: "rate-limited" } });
  });
});

describe("two runs of one account", () => {
  test("trap 12: are never mixed, though each hears the other", async () => {
    await using desk = await openDesk();
    const account = desk.own();
    await account.ask();
    const [first, second] = [new Gate(), new Gate()];
    const speak = (word: string, own: Gate, other: Gate) => async (run: SimRun) => {
      for (let end = 1; end <= word.length; end++) {
        await own.pass();
        run.chunk(word.slice(0, end));
        other.release();
      }
      await own.pass();
      run.emit("completion_finished", { executionId: run.jobId });
      other.release();
    };
    desk.sim.play(speak("aaaa", first, second));
    desk.sim.play(speak("bbbb", second, first));
    const told = Promise.all([account.ask("1"), account.ask("2")]);
    await until(() => first.waiting + second.waiting === 2, "both runs");
    first.release();
    expect((await told).map(({ text }) => text).sort()).toEqual(["aaaa", "bbbb"]);
  });

  test("an end that names no run does not cut the other's answer short", async () => {
    await using desk = await openDesk();
    const account = desk.own();
    await account.ask();
    const gate = new Gate();
    desk.sim.play(async (run) => {
      run.chunk("one");
      await gate.pass();
      run.chunk("one and more", "completed");
    });
    desk.sim.play((run) => {
      run.chunk("two", "completed");
      run.emit("completion_finished", {});
    });
    const first = account.ask("1");
    await gate.arrived();
    expect((await account.ask("2")).text).toBe("two");
    gate.open();
    expect((await first).text).toBe("one and more");
  });

  test("many first runs at once make one prompt", async () => {
    await using desk = await openDesk();
    const account = desk.own();
    const told = await Promise.all(Array.from({ length: 20 }, () => account.ask()));
    expect(told.map(({ text }) => text)).toEqual(Array(20).fill("Hello"));
    expect(desk.sim.count("prompt")).toBe(1);
    expect(desk.sim.count("run")).toBe(20);
  });
});

describe("text that was given out", () => {
  test("trap 6: cannot be taken back in a stream", async () => {
    await using desk = await openDesk();
    const gate = new Gate();
    desk.sim.play(async (run) => {
      run.chunk("Hello");
      await gate.pass();
      run.chunk("Help");
      run.chunk("Help me", "completed");
    });
    const told = desk.own().ask();
    await gate.arrived();
    gate.open();
    expect(await told).toMatchObject({ end: undefined, error: { kind: "upstream-broken" } });
  });

  test("trap 6: is replaced by the final text in a whole answer", async () => {
    await using desk = await openDesk();
    desk.sim.play((run) => {
      run.chunk("Hello");
      run.chunk("Help");
      run.chunk("Help me", "completed");
    });
    const stream = desk.provider.chat(chatRequest("Hi", { stream: false }), desk.own().turn());
    const usage = { inputTokens: 1, outputTokens: 1, estimated: true };
    const filled = (async function* (): ChatStream {
      for await (const batch of stream) {
        yield batch.flatMap((event: UpstreamEvent) =>
          event.type === "progress" ? [] : event.type === "end" ? [{ ...event, usage }] : [event],
        );
      }
    })();
    expect((await collect(filled)).parts).toEqual([{ type: "text", text: "Help me" }]);
  });
});

describe("sessions", () => {
  test("P9, trap 16: a token about to lapse is renewed before the run, once for all", async () => {
    await using desk = await openDesk();
    const account = desk.own();
    await desk.clock.advance(3_590_000);
    const told = await Promise.all(Array.from({ length: 50 }, () => account.ask()));
    expect(told.every(({ text }) => text === "Hello")).toBe(true);
    expect(desk.sim.count("refresh")).toBe(1);
  });

  const turnedAway: [name: string, kind: "prompt" | "run"][] = [
    ["create_prompt", "prompt"],
    ["initiate-prompt-run", "run"],
  ];
  test.each(turnedAway)("a token that %s turns away is renewed once, and the turn goes on", async (_name, kind) => {
    await using desk = await openDesk();
    const account = desk.own();
    desk.sim.next(kind, { status: 401, body: { code: 401, message: "Invalid JWT" } });
    expect((await account.ask()).text).toBe("Hello");
    expect([desk.sim.count("refresh"), desk.sim.count(kind)]).toEqual([1, 2]);
  });

  test("trap 5: a token that the socket turns away is renewed once", async () => {
    await using desk = await openDesk();
    const account = desk.own();
    await account.ask();
    desk.sim.auth.revoked.add(account.kept.credential.accessToken);
    expect((await account.ask()).text).toBe("Hello");
    expect(desk.sim.count("refresh")).toBe(1);
  });

  test("a token that is turned away again is an error of the account, without a third try", async () => {
    await using desk = await openDesk();
    desk.sim.state.refuse = "invalid token";
    expect(await desk.own().ask()).toMatchObject({ error: { kind: "auth-rejected" } });
    expect([desk.sim.count("refresh"), desk.sim.state.handshakes, desk.sim.count("run")]).toEqual([1, 2, 0]);
  });

  test("a password alone serves", async () => {
    await using desk = await openDesk();
    desk.sim.auth.addUser("cat@example.com", "secret");
    expect((await desk.accountOf(desk.paste("cat@example.com:secret")).ask()).text).toBe("Hello");
  });

  test("guests that are turned away although fresh stop sign-ups with words", async () => {
    await using desk = await openDesk();
    const guest = await desk.guest();
    desk.sim.next("run", { status: 403, body: { error: "Please sign in to run prompts" } });
    const { error } = await guest.ask();
    expect(error).toMatchObject({ kind: "auth-rejected", needsLogin: false });
    expect((error as GatewayError).message).toContain("paste your own session");
    expect(desk.guest()).rejects.toThrow("paste your own session");
    expect(desk.sim.count("signup")).toBe(1);
  });
});

describe("refusals", () => {
  test("a daily limit without a time rests until the next UTC day, and no guest is signed up for it", async () => {
    await using desk = await openDesk();
    const guest = await desk.guest();
    desk.sim.next("run", { status: 429, body: { error: "You have reached your daily limit" } });
    expect(await guest.ask()).toMatchObject({ error: { kind: "quota-exhausted", retryAt: Date.UTC(2026, 10, 21) } });
    expect(desk.sim.count("signup")).toBe(1);
  });

  test("trap 9: an upstream's 429 keeps its time", async () => {
    await using desk = await openDesk();
    desk.sim.next("run", { status: 429, body: { error: "Too many requests" }, headers: { "retry-after": "30" } });
    expect(await desk.own().ask()).toMatchObject({
      error: { kind: "rate-limited", retryAt: desk.clock.now() + 30_000 },
    });
  });

  const passing: [status: number, code: string][] = [
    [546, "WORKER_LIMIT"],
    [503, "BOOT_ERROR"],
    [504, "IDLE_TIMEOUT"],
  ];
  test.each(passing)("HTTP %d %s is tried once more, as another run", async (status, code) => {
    await using desk = await openDesk();
    desk.sim.next("run", { status, body: { code, message: "x" } });
    expect((await desk.own().ask()).text).toBe("Hello");
    const ids = desk.sim.calls
      .filter(({ kind }) => kind === "run")
      .map(({ request }) => (JSON.parse(request.body.toString()) as { run_id: string }).run_id);
    expect(new Set(ids).size).toBe(2);
    desk.sim.next("run", { status, body: { code, message: "x" } });
    desk.sim.next("run", { status, body: { code, message: "x" } });
    expect((await desk.own("b").ask()).error).toBeInstanceOf(GatewayError);
    expect(desk.sim.count("run")).toBe(4);
  });

  const words = "Unsupported parameter: 'temperature' is not supported with this model.";
  test("a parameter that the client set and the model refuses is the request's fault, over HTTP and in a chunk", async () => {
    await using desk = await openDesk();
    const account = desk.own();
    const hot = { sampling: { temperature: 1 } };
    desk.sim.next("run", { status: 400, body: { error: words } });
    expect(await account.ask("Hi", hot)).toMatchObject({ error: { kind: "invalid-request", field: "temperature" } });
    desk.sim.play((run) => run.chunk(null, "in_progress", { error: words }));
    expect(await account.ask("Hi", hot)).toMatchObject({ error: { kind: "invalid-request", field: "temperature" } });
  });

  test("a parameter that only the table added is the service's change", async () => {
    await using desk = await openDesk();
    desk.sim.next("run", { status: 400, body: { error: "Unsupported parameter: 'response_format' is not supported" } });
    expect(await desk.own().ask()).toMatchObject({ error: { kind: "upstream-changed", field: "response_format" } });
  });

  test("a model that the plan lacks is remembered, and forgotten when models are asked for again", async () => {
    await using desk = await openDesk();
    const account = desk.own();
    desk.sim.next("run", { status: 403, body: { error: "Premium model: upgrade to use it" } });
    expect(await account.ask("Hi", {}, "gpt-4")).toMatchObject({ error: { kind: "upstream-changed", field: "model" } });
    const served = () =>
      desk.provider
        .modelsOf?.({ credential: account.kept.credential, memory: account.kept.memory })
        ?.map(({ id }) => id);
    expect(served()).not.toContain("gpt-4");
    await desk.provider.refreshModels?.(account.context());
    expect(served()).toBeUndefined();
  });

  test("a prompt that is gone is made again, once", async () => {
    await using desk = await openDesk();
    const account = desk.own();
    await account.ask();
    desk.sim.prompts.length = 0;
    expect((await account.ask()).text).toBe("Hello");
    expect(desk.sim.count("prompt")).toBe(2);
    expect((account.kept.memory as { promptId: string }).promptId).toBe(String(desk.sim.prompts[0]?.id));
  });

  const changes: [name: string, kind: "prompt" | "run", reply: { status: number; body: unknown }, field: string][] = [
    ["a prompt without an id", "prompt", { status: 200, body: { ok: true } }, "create_prompt"],
    ["an error with a good status", "run", { status: 200, body: { error: "Model gpt-4o not found" } }, "model"],
    ["a replaced key", "run", { status: 401, body: { message: "Invalid API key" } }, "apikey"],
  ];
  test.each(changes)("%s is reported with its field and blames no account", async (_name, kind, reply, field) => {
    await using desk = await openDesk();
    desk.sim.next(kind, reply);
    const { error } = await desk.own().ask();
    expect(error).toMatchObject({ kind: "upstream-changed", field, blames: "provider" });
  });

  test("a stored prompt survives a restart", async () => {
    await using desk = await openDesk();
    const before = desk.own();
    await before.ask();
    await using other = await openDesk();
    const after = other.accountOf(before.kept.credential);
    after.kept.memory = JSON.parse(JSON.stringify(before.kept.memory));
    other.sim.prompts.push({ userId: "", id: String(desk.sim.prompts[0]?.id), body: {} });
    expect((await after.ask()).text).toBe("Hello");
    expect(other.sim.count("prompt")).toBe(0);
  });
});

describe("variant B", () => {
  test("without create_prompt the public prompt serves, and the service is not asked again that day", async () => {
    await using desk = await openDesk();
    Object.assign(desk.sim.state, { keepsPrompts: false, givesJobs: false });
    const account = desk.own();
    expect((await account.ask()).text).toBe("Hello");
    expect((await account.ask()).text).toBe("Hello");
    expect(desk.sim.count("prompt")).toBe(1);
    expect(desk.sim.runs[0]?.body).toMatchObject({ prompt_id: PUBLIC_PROMPT, test_cases: [] });
    await desk.clock.advance(86_400_000);
    desk.sim.state.keepsPrompts = true;
    expect((await account.ask()).text).toBe("Hello");
    expect(desk.sim.prompts).toHaveLength(1);
  });

  test("runs of one account go one at a time, those of two accounts side by side", async () => {
    await using desk = await openDesk();
    Object.assign(desk.sim.state, { keepsPrompts: false, givesJobs: false });
    const [one, two] = [desk.own("one"), desk.own("two")];
    const gate = new Gate();
    for (const word of ["a", "b", "c"]) {
      desk.sim.play(async (run) => {
        await gate.pass();
        run.chunk(word, "completed");
      });
    }
    const told = Promise.all([one.ask(), one.ask(), two.ask()]);
    await until(() => gate.waiting === 2, "a run of each account");
    expect(new Set(desk.sim.runs.map(({ userId }) => userId)).size).toBe(2);
    gate.open();
    expect((await told).map(({ text }) => text).sort()).toEqual(["a", "b", "c"]);
  });

  test("late events of a run that was given up do not get into the next one", async () => {
    await using desk = await openDesk();
    Object.assign(desk.sim.state, { keepsPrompts: false, givesJobs: false });
    const account = desk.own();
    const [gate, leave] = [new Gate(), new AbortController()];
    desk.sim.play(async (run) => {
      run.chunk("old");
      await gate.pass();
      run.chunk("old text");
    });
    desk.sim.play(async (run) => {
      gate.open();
      await Promise.resolve();
      run.chunk("new", "completed");
    });
    const stream = desk.provider.chat(chatRequest("Hi"), account.turn("gpt-4o", leave.signal));
    for await (const batch of stream) if (batch.length > 0) break;
    expect((await account.ask()).text).toBe("new");
  });

  test("a run that was given up before it said anything keeps the account for half a minute", async () => {
    await using desk = await openDesk();
    Object.assign(desk.sim.state, { keepsPrompts: false, givesJobs: false });
    const account = desk.own();
    const leave = new AbortController();
    desk.sim.play(() => {});
    const given = account.ask("Hi", {}, "gpt-4o", leave.signal);
    await until(() => desk.sim.runs.length === 1, "the run");
    leave.abort(new GatewayError("cancelled", "gone"));
    expect((await given).error).toMatchObject({ kind: "cancelled" });
    const next = account.ask();
    await desk.clock.advance(29_000);
    expect(desk.sim.runs).toHaveLength(1);
    await desk.clock.advance(1000);
    expect((await next).text).toBe("Hello");
  });

  test("a missing job id in variant A is bridged the same way", async () => {
    await using desk = await openDesk();
    desk.sim.state.givesJobs = false;
    const account = desk.own();
    expect((await account.ask()).text).toBe("Hello");
    expect((await account.ask()).text).toBe("Hello");
    expect(desk.sim.runs[1]?.body["prompt_id"]).toBe(String(desk.sim.prompts[0]?.id));
  });
});
