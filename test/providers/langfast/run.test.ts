import { describe, expect, test } from "bun:test";
import { collect } from "../../../src/chat/collect.ts";
import { GatewayError } from "../../../src/chat/error.ts";
import type { ChatEvent } from "../../../src/chat/event.ts";
import { streamFrom } from "../../chat/streams.ts";
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
    const [run] = desk.sim.runs as [SimRun];
    expect(run.body).toMatchObject({ created_by: account.kept.credential.userId, prompt_id: desk.sim.prompts[0]?.id });
    expect(run.body["prompt_id"]).not.toBe(PUBLIC_PROMPT);
    expect((run.meta["messages"] as { content: string }[]).map(({ content }) => content).join("")).toBe("SUAV");
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

  test("trap 15: a last chunk is not lost, however many come at once with the end", async () => {
    await using desk = await openDesk();
    const text = "x".repeat(500);
    desk.sim.play((run) => {
      for (let end = 1; end <= text.length; end++) run.chunk(text.slice(0, end));
      run.emit("completion_finished", { executionId: run.jobId });
    });
    const told = await desk.own().ask();
    expect(told).toMatchObject({ text, error: undefined });
    expect(told.events.filter(({ type }) => type === "end")).toHaveLength(1);
  });

  test("trap 5: an end that names no run counts when nothing of the run follows it", async () => {
    await using desk = await openDesk();
    desk.sim.play((run) => {
      run.chunk("Hello");
      run.emit("completion_finished", {});
    });
    const account = desk.own();
    const told = account.ask();
    await until(() => account.runs() === 1, "the job's id");
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
    expect((await told).map(({ text }) => text).toSorted()).toEqual(["aaaa", "bbbb"]);
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
    const filled = (async function* (): AsyncGenerator<ChatEvent[]> {
      for await (const batch of stream) {
        yield batch.flatMap((event): ChatEvent[] =>
          event.type === "progress" ? [] : event.type === "end" ? [{ ...event, usage }] : [event],
        );
      }
    })();
    expect((await collect(streamFrom(filled))).parts).toEqual([{ type: "text", text: "Help me" }]);
  });
});
