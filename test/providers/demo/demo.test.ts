import { expect, test } from "bun:test";
import { createDemo } from "../../../src/providers/demo/index.ts";
import { piecesOf, understand } from "../../../src/providers/demo/commands.ts";
import { chatRequest, listen, testContext } from "../context.ts";

const demo = createDemo();
const say = (text: string) => listen(demo.chat(chatRequest(text), testContext(undefined as never).turn("demo")));

const commands: { ask: string; says: string }[] = [
  { ask: "echo hello  世界 🐈", says: "hello  世界 🐈" },
  { ask: "复述：你好", says: "你好" },
  { ask: "count 5", says: "1, 2, 3, 4, 5" },
  { ask: "Count to 3", says: "1, 2, 3" },
  { ask: "数到 3", says: "1，2，3" },
  { ask: "lorem 3", says: "lorem ipsum dolor" },
  { ask: "假文 4", says: "天地玄黄" },
  { ask: "think echo x", says: "x" },
];
test.each(commands)("$ask is answered at once", async ({ ask, says }) => {
  const { text, end, error } = await say(ask);
  expect([text, end?.reason, error]).toEqual([says, "stop", undefined]);
});

test("anything else gets the help in its own language, the same every time", async () => {
  expect((await say("hi")).text).toContain("I am the demo model");
  expect((await say("你是谁")).text).toContain("演示模型");
  expect(await say("hi")).toEqual(await say("hi"));
});

test("thinking comes when the text or the request asks for it, before the answer", async () => {
  const told = await say("think slowly");
  expect(told.events[0]?.type).toBe("reasoning-delta");
  expect(understand("count 2", { effort: "low" }).thinking).not.toBe("");
  expect(understand("count 2", { effort: "none" }).thinking).toBe("");
});

test("speed sets the pace on the clock", async () => {
  const context = testContext(undefined as never);
  const stream = demo.chat(chatRequest("speed 10 count 3"), context.turn("demo"))[Symbol.asyncIterator]();
  const first = stream.next();
  await context.clock.advance(99);
  expect(context.clock.pending).toBe(1);
  await context.clock.advance(1);
  expect((await first).value).toEqual([{ type: "text-delta", text: "1, " }]);
});

test("a client that leaves stops it", async () => {
  const leave = new AbortController();
  const context = testContext(undefined as never, { signal: leave.signal });
  const told = listen(demo.chat(chatRequest("slow count 100"), context.turn("demo")));
  await context.clock.advance(120);
  leave.abort(new Error("gone"));
  const { text, error } = await told;
  expect(text).toBe("1, 2, ");
  expect(error).toEqual(new Error("gone"));
  expect(context.clock.pending).toBe(0);
});

test("pieces join to the text", () => {
  for (const text of ["", "a b\n\nc", "你好 world 🐈，ok", "  x"]) expect(piecesOf(text).join("")).toBe(text);
});
