/** A process of its own for the tests: holds the lock of a folder, or fills its store and then waits to be killed. */
import { systemClock } from "../../src/lib/clock.ts";
import { acquireLock } from "../../src/store/lock.ts";
import { openStore } from "../../src/store/open.ts";
import { silent } from "./folder.ts";
import { account, attempt, NOON, request } from "./records.ts";

const [task, dataDir = ""] = process.argv.slice(2);

if (task === "hold") {
  acquireLock(dataDir).describe({ pid: process.pid, url: "http://127.0.0.1:8123" });
  process.stdout.write("held\n");
} else {
  const { store } = await openStore({ dataDir, clock: systemClock, log: silent });
  await store.accounts.insert(account("acc_1"));
  await store.accounts.saveCredential("acc_1", { cookie: "renewed" });
  await store.settings.set("acknowledged", true);
  const chat = { accountId: "acc_1", key: undefined, dueAt: NOON, tries: 0 };
  await store.conversations.put({ ...chat, upstreamId: "up_2", state: "kept", key: "history", dueAt: NOON + 1 });
  await store.conversations.put({
    ...chat,
    upstreamId: "up_1",
    state: "leaving",
  });
  for (let i = 0; i < 250; i++) {
    store.attempts.recordAttempt(attempt(`req_${i}`));
    store.attempts.recordRequest(request(`req_${i}`));
    if (i % 10 === 9) await Bun.sleep(1);
  }
  process.stdout.write("filled\n");
}
await new Promise(() => setInterval(() => undefined, 60_000));
