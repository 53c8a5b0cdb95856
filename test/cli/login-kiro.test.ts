import { expect, setDefaultTimeout, test } from "bun:test";
import { startGateway } from "../gateway.ts";
import { startKiroSim } from "../sims/kiro.ts";
import { VirtualClock } from "../virtual-clock.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { folderOf, run } from "./harness.ts";
import { kiroEnv } from "./kiro-env.ts";

setDefaultTimeout(20_000);

/** Each wait of the command line stands still until the test lets it go on. */
function steppedClock() {
  const waits: { ms: number; wake: () => void }[] = [];
  let arrived = () => {};
  const clock = {
    ...systemClock,
    after(ms: number, wake: () => void) {
      waits.push({ ms, wake });
      arrived();
      return () => {};
    },
  };
  return {
    clock,
    async next() {
      while (waits.length === 0) await new Promise<void>((resolve) => (arrived = resolve));
      return waits.shift();
    },
  };
}

test("row 39 login makes an account at Kiro by device code over a gateway that serves", async () => {
  await using sim = await startKiroSim();
  const bob = sim.account("bob", "builder-id");
  const time = new VirtualClock();
  await using gateway = await startGateway({ clock: time, env: kiroEnv(sim) });
  const { cwd, remove } = folderOf(gateway.url, gateway.adminKey);
  const { clock, next } = steppedClock();
  const asked = () => sim.requests.filter(({ host, path }) => `${host} ${path}` === "oidc /token").length;
  try {
    const running = run(["login", "kiro", "builder-id", "--label", "Bob"], { cwd, clock });
    for (let polls = 1; polls <= 2; polls++) {
      const wait = await next();
      expect(wait?.ms).toBe(5000);
      // The gateway's own question and the command's look fall on the same moment: the service is asked once.
      await time.advance(5000);
      wait?.wake();
    }
    const wait = await next();
    sim.signsIn = bob;
    await time.advance(5000);
    wait?.wake();
    const ran = await running;
    const accounts = await gateway.app.admin.accounts.list();
    expect(accounts).toMatchObject([{ provider: "kiro", label: "Bob", state: "ready" }]);
    expect(ran).toMatchObject({ code: 0, stdout: `${accounts[0]?.id}\n`, opened: [] });
    expect(ran.stderr).toContain("https://device.sso.example/?user_code=ABCD-EFGH");
    expect(ran.stderr).toContain("|   ABCD-EFGH   |");
    expect(asked()).toBe(3);
    const again = await run(["login", "list", "--json"], { cwd });
    expect(JSON.parse(again.stdout)).toMatchObject([{ status: "done", label: "Bob" }]);
  } finally {
    remove();
  }
  expect(sim.violations).toEqual([]);
});

test("login by browser takes the address that is pasted over a gateway that serves", async () => {
  await using sim = await startKiroSim();
  sim.signsIn = sim.account("cat", "social");
  await using gateway = await startGateway({ env: kiroEnv(sim) });
  const { signIn, accounts } = gateway.app.admin;
  const { cwd, remove } = folderOf(gateway.url, gateway.adminKey);
  const { clock, next } = steppedClock();
  async function* person() {
    await next();
    const [open] = await signIn.list();
    yield "http://localhost/?code=none&state=other\n";
    yield `${sim.authorize(open?.prompt?.url ?? "")}\n`;
  }
  try {
    const ran = await run(["login", "kiro", "google"], { cwd, clock, stdin: person() });
    const [cat] = await accounts.list();
    expect(ran).toMatchObject({ code: 0, stdout: `${cat?.id}\n` });
    expect(ran.stderr).not.toContain("code=");
  } finally {
    remove();
  }
});
