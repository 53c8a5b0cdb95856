/** A process that may open few files, under more callers than it has files for. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { answer, Gate, startLongcatSim } from "../sims/longcat.ts";
import { byHand, chat, footprint, until } from "./load.ts";
import { folder, serve } from "./program.ts";

setDefaultTimeout(30_000);

const COOKIE = "C".repeat(100);

const cases: [string, { openFiles: number; callers: number; most: number }][] = [
  ["128 files and 200 callers", { openFiles: 128, callers: 200, most: 21 }],
  ["200 files and 1,000 callers at once", { openFiles: 200, callers: 1000, most: 45 }],
];
test.each(cases)("row 28 %s: who cannot be served is told so, nothing spins, and then all is well", async (_, load) => {
  using home = folder();
  await using sim = await startLongcatSim();
  const gate = new Gate();
  sim.account(COOKIE).always("chat", answer(["one ", "two"], { gate }));
  const env = {
    LONGCAT_URL: sim.url,
    AUTH_COOKIES: COOKIE,
    CONCURRENCY: "100",
    SESSION_READY: "off",
    SESSION_DELETE_DELAY_MS: "0",
  };
  await using gateway = await serve(home.path, env, { openFiles: load.openFiles });

  const callers = Array.from({ length: load.callers }, () => {
    const { socket, request } = byHand(gateway);
    const caller = { text: "", isClosed: false };
    socket.on("data", (data) => (caller.text += data.toString()));
    socket.on("close", () => (caller.isClosed = true));
    socket.write(request);
    return caller;
  });
  await until(() => sim.openStreams() + callers.filter(({ isClosed }) => isClosed).length === load.callers);
  const refused = callers.filter(({ isClosed }) => isClosed);
  expect(sim.openStreams()).toBe(load.most);
  for (const { text } of refused) {
    expect(text).toStartWith("HTTP/1.1 503");
    expect(text).toMatch(/retry-after: 2\r\n/i);
    expect(text).toContain('"code":"overloaded"');
  }

  const before = footprint(gateway).cpuMs;
  const printed = gateway.output().length;
  expect((await fetch(`${gateway.url}/health`)).status).toBe(200);
  await Bun.sleep(1000);
  expect(footprint(gateway).cpuMs - before).toBeLessThan(250);
  expect(gateway.output().length).toBe(printed);

  gate.open();
  await until(() => callers.every(({ text, isClosed }) => isClosed || text.includes("data: [DONE]")));
  expect(await (await chat(gateway)).text()).toEndWith("data: [DONE]\n\n");
  await until(() => sim.liveConversations().length === 0);
  expect(gateway.output()).not.toMatch(/ERROR|unhandled|uncaught/);
});
