/** Slow clients and clocks that jump, in virtual time. */
import { expect, test } from "bun:test";
import { connect } from "node:net";
import { startGateway } from "../gateway.ts";
import { answer, fail, startLongcatSim } from "../sims/longcat.ts";
import { VirtualClock } from "../virtual-clock.ts";
import { A, B } from "./world.ts";

const HOUR_MS = 3_600_000;

/** A chat sent by hand over one socket; `answered` resolves to what came back once it ends in a JSON body. */
function upload(url: string, key: string) {
  const { hostname, port } = new URL(url);
  const body = JSON.stringify({ model: "demo", messages: [{ role: "user", content: "echo slowly" }] });
  const socket = connect({ host: hostname, port: Number(port) });
  let text = "";
  const answered = new Promise<string>((resolve) => {
    socket.on("data", (data) => {
      text += data.toString();
      if (text.endsWith("}")) resolve(text);
    });
    socket.on("close", () => resolve(text));
  });
  const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\n`;
  const send = (piece: string) => new Promise<void>((resolve) => socket.write(piece, () => resolve()));
  return { socket, body, answered, send, begin: () => send(`${head}Content-Length: ${body.length}\r\n\r\n`) };
}

test("an honest slow upload is answered, one byte every 2 s", async () => {
  const clock = new VirtualClock();
  await using gateway = await startGateway({ clock });
  const { socket, body, answered, send, begin } = upload(gateway.url, gateway.key);
  await begin();
  while (gateway.app.turns.size === 0) await new Promise(setImmediate);
  for (const byte of body.slice(0, 50)) {
    await send(byte);
    await clock.advance(2000);
  }
  await send(body.slice(50));
  expect(await answered).toContain('"content":"slowly"');
  socket.destroy();
});

test("an upload that is not done in 120 s is a 408 in words, not a silent close", async () => {
  const clock = new VirtualClock();
  await using gateway = await startGateway({ clock });
  const { socket, body, answered, send, begin } = upload(gateway.url, gateway.key);
  await begin();
  await send(body.slice(0, 10));
  while (gateway.app.turns.size === 0) await new Promise(setImmediate);
  await clock.advance(120_000);
  const text = await answered;
  expect(text).toStartWith("HTTP/1.1 408");
  expect(text).toContain("120 seconds");
  expect(gateway.app.turns.size).toBe(0);
  socket.destroy();
});

const jumps: [string, number][] = [
  ["400 days on", 400 * 24 * HOUR_MS],
  ["2 hours back", -2 * HOUR_MS],
  ["400 days back", -400 * 24 * HOUR_MS],
];
test.each(jumps)("a clock that jumps %s rests no account for more than a day and breaks no turn", async (_, ms) => {
  const clock = new VirtualClock();
  // Our clock alone jumps, not the service's.
  await using sim = await startLongcatSim();
  await using gateway = await startGateway({
    clock,
    env: { LONGCAT_URL: sim.url, AUTH_COOKIES: `${A},${B}`, SESSION_READY: "off" },
  });
  const cats = [A, B].map((token) => sim.account(token).always("chat", fail.status(429, "slow", { retryAfter: 600 })));
  expect((await gateway.chat({ model: "LongCat" })).status).toBe(429);
  clock.jump(ms);
  const response = await gateway.chat({ model: "LongCat" });
  expect(response.status).toBe(429);
  expect(Number(response.headers.get("retry-after"))).toBeLessThanOrEqual(24 * 3600);
  for (const cat of cats) cat.always("chat", answer("back"));
  await clock.advance(24 * HOUR_MS + 1000);
  expect((await gateway.chat({ model: "LongCat" })).status).toBe(200);
});

test("an idle upstream and one that only comments end with an error frame after the idle time", async () => {
  for (const breakBy of ["hang", "comments"] as const) {
    const clock = new VirtualClock();
    await using sim = await startLongcatSim({ now: () => clock.now() });
    await using gateway = await startGateway({
      clock,
      env: { LONGCAT_URL: sim.url, AUTH_COOKIES: A, SESSION_READY: "off", UPSTREAM_IDLE_MS: "30000" },
    });
    sim.account(A).always("chat", answer(["Hello", " you"], { breakAfter: 1, breakBy }));
    const response = await gateway.chat({ model: "LongCat", stream: true });
    const text = response.text();
    await clock.advance(30_000);
    expect(await text).toContain('"code":"upstream_timeout"');
    expect(await text).not.toContain("[DONE]");
    await sim.until(() => sim.openStreams() === 0);
    const [account] = await gateway.app.admin.accounts.list();
    expect([account?.state, account?.rotationFailures]).toEqual(["ready", 0]);
  }
});
