/** A kept connection that the upstream closes at the very moment of the next request. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { connect, createServer, type Socket } from "node:net";
import { startGateway } from "../gateway.ts";
import { answer, type Behaviour, startLongcatSim } from "../sims/longcat.ts";
import { A, readStream } from "./world.ts";

setDefaultTimeout(30_000);

const ROUNDS = 500;

/** Passes bytes on to the sim, and closes the connections that wait for their next request when told to. */
async function startRelay(simUrl: string) {
  const near = new Set<Socket>();
  const idle = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    const far = connect({ port: Number(new URL(simUrl).port), host: "127.0.0.1", noDelay: true });
    near.add(socket);
    socket.pipe(far).pipe(socket);
    socket.on("data", () => idle.delete(socket));
    far.on("data", (bytes: Buffer) => /(?:\r\n0\r\n\r\n|})$/.test(bytes.toString("latin1")) && idle.add(socket));
    for (const end of [socket, far]) end.on("error", () => undefined); // A reset is the point; "close" follows.
    socket.on("close", () => {
      near.delete(socket);
      idle.delete(socket);
      far.destroy();
    });
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`,
    /** Closes what is idle, each second one with RST. */
    drop(): number {
      const open = [...idle];
      for (const [at, socket] of open.entries()) void (at % 2 === 0 ? socket.destroy() : socket.resetAndDestroy());
      return open.length;
    },
    async stop() {
      const closed = new Promise<void>((done) => server.close(() => done()));
      for (const socket of near) socket.destroy();
      await closed;
    },
  };
}

test("row 13 500 requests at the moment that their kept connections close: each is answered, and no turn is sent twice", async () => {
  await using sim = await startLongcatSim();
  const relay = await startRelay(sim.url);
  const cat = sim.account(A).always("chat", answer(["meow"]));
  await using gateway = await startGateway({
    env: { LONGCAT_URL: relay.url, AUTH_COOKIES: A, SESSION_READY: "off", SESSION_DELETE_DELAY_MS: "0" },
  });
  let dropped = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const asked = gateway.chat({
      model: "LongCat",
      stream: true,
      messages: [{ role: "user", content: `round ${round}` }],
    });
    // From before the request leaves to while its chat is made.
    for (let turn = 0; turn < round % 12; turn++) await new Promise(setImmediate);
    if (round % 3 !== 2) dropped += relay.drop();
    const response = await asked;
    expect([response.status, readStream(await response.text()).text]).toEqual([200, "meow"]);
  }
  await sim.until(() => sim.liveConversations().length === 0);
  expect(dropped).toBeGreaterThan(ROUNDS / 2);
  expect(cat.counts).toMatchObject({ create: ROUNDS, chat: ROUNDS });
  expect(sim.violations).toEqual([]);
  await relay.stop();
});

test("row 13 an upstream that breaks off after the first byte of its answer is not asked the same again", async () => {
  await using sim = await startLongcatSim();
  const cat = sim.account(A);
  const env = { BREAKER_FAILURES: "1000", ROTATION_MAX_FAILURES: "1000", SESSION_READY: "off" };
  await using gateway = await startGateway({ env: { ...env, LONGCAT_URL: sim.url, AUTH_COOKIES: A } });
  const begun: Behaviour = async ({ exchange }) => {
    await exchange.raw("H");
    exchange.cut();
  };
  for (let round = 1; round <= 50; round++) {
    cat.next("chat", begun);
    expect((await gateway.chat({ model: "LongCat" })).status).toBe(502);
    expect(cat.counts.chat).toBe(round);
  }
});
