/** Many streams at once: their memory, what is left of those that clients hang up on, and long silence. */
import { chatCall, Connection, load } from "../client.ts";
import { residentKb } from "../process-stats.ts";
import { promptOf } from "../programs/plan.ts";
import type { Report } from "../report.ts";
import { KEY, startGateway, startProgram, type Mock, type Target } from "../targets.ts";
import type { World } from "../world.ts";

const HOLD = promptOf({ kind: "hold", tokens: 1, everyMs: 0 });
const ANSWER = promptOf({ kind: "packed", tokens: 20, everyMs: 0 });
const LIVE = 5000;
const HUNG_UP = 1000;
/** Streams opened at a time: a listening socket's queue is short. */
const AT_ONCE = 100;
const SILENCE_S = 120;
/** Fifty accounts carry the 5,000 turns that any number of accounts may have at once. */
const ROOM = { accounts: 50, env: { CONCURRENCY: "100" } };

/** Memory of 5,000 open streams, each in a fresh process. */
export async function live(world: World, report: Report): Promise<void> {
  const { binary, longcat, openai } = world;
  const starts: [string, Mock, () => Promise<Target>][] = [
    ["pipe", openai, () => startProgram("pipe-floor", { UPSTREAM: `http://127.0.0.1:${openai.port}` })],
    ["lc", longcat, () => startProgram("longcat-floor", { UPSTREAM: `http://127.0.0.1:${longcat.port}` })],
    ["sluice", longcat, () => startGateway({ binary, longcatPort: longcat.port, ...ROOM })],
  ];
  for (const [name, mock, start] of starts) {
    const target = await start();
    await load(chatCall(target.port, ANSWER, { key: KEY }), 300, 8, "token");
    const beforeKb = residentKb(target.pid);
    const hangUp = await hold(target, LIVE);
    await Bun.sleep(500);
    const afterKb = residentKb(target.pid);
    const { open } = await mock.state();
    report.set(name, {
      "KB/stream": (afterKb - beforeKb) / LIVE,
      "MB with 5,000": afterKb / 1024,
      "live streams": open,
    });
    if (name === "sluice") {
      report.goal(7, "streams lost of 5,000", LIVE - open, 0, 0);
      report.goal(7, "memory with 5,000 live streams", afterKb / 1024, 250, 120, " MB");
      report.goal(7, "memory per open stream", (afterKb - beforeKb) / LIVE, Infinity, 12, " KB");
    }
    hangUp();
    await Bun.sleep(300);
    await target.stop();
  }
}

/** Upstream streams and memory that are left of 1,000 clients who hang up. */
export async function orphans(world: World, report: Report): Promise<void> {
  const { binary, longcat } = world;
  const target = await startGateway({ binary, longcatPort: longcat.port, ...ROOM });
  await load(chatCall(target.port, ANSWER, { key: KEY }), 1000, 16, "token");
  const beforeKb = residentKb(target.pid);
  const hangUp = await hold(target, HUNG_UP);
  const { open: before } = await longcat.state();
  hangUp();
  await Bun.sleep(1000);
  const { open } = await longcat.state();
  await Bun.sleep(4000);
  const growth = residentKb(target.pid) / beforeKb;
  await target.stop();
  report.set("sluice", { orphans: open, "memory after, ×": growth });
  report.goal(8, `upstream streams left of ${before} hang-ups`, open, 0, 0);
  report.goal(8, "memory 5 s after them, × before", growth, 1.4, 1.15);
}

/** An upstream that says nothing for 120 s after its first event. */
export async function silence(world: World, report: Report): Promise<void> {
  const { port } = world.targets.sluice;
  let text = "";
  const connection = await Connection.open(port);
  const ended = connection
    .ask(chatCall(port, HOLD, { stream: true, key: KEY }), (piece) => (text += piece))
    .then(() => true);
  const isOver = await Promise.race([ended, Bun.sleep((SILENCE_S + 2) * 1000).then(() => false)]);
  connection.close();
  const pings = text.split("\n:").length - 1;
  report.set("sluice", { silence: isOver ? "cut" : "ok", pings });
  report.goal(9, "streams cut by 120 s of silence", isOver ? 1 : 0, 0, 0);
  report.goal(9, "pings missing in it, of 8", Math.max(0, SILENCE_S / 15 - pings), 0, 0);
}

/** Opens `count` streams and waits for the first token of each. @returns what hangs up on all of them */
async function hold({ port }: Target, count: number): Promise<() => void> {
  const call = chatCall(port, HOLD, { stream: true, key: KEY });
  const connections: Connection[] = [];
  for (let opened = 0; opened < count; opened += AT_ONCE) {
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, count - opened) }, async () => {
        const connection = await Connection.open(port);
        connections.push(connection);
        await new Promise<void>((resolve, reject) => {
          const see = (piece: string) => {
            if (/"t\d{16} /.test(piece)) resolve();
          };
          connection.ask(call, see).then(() => reject(new Error("a held stream ended")), reject);
        });
      }),
    );
  }
  return () => connections.forEach((connection) => connection.close());
}
