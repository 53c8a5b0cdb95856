import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { kiroEnv } from "../cli/kiro-env.ts";
import { startKiroSim } from "../sims/kiro.ts";
import { folder, sluice } from "./program.ts";

setDefaultTimeout(30_000);

const MAIN = join(import.meta.dir, "..", "..", "src", "main.ts");

test("row 39 without a gateway the command itself asks for the account of a code, and closes the folder", async () => {
  using home = folder();
  await using sim = await startKiroSim();
  sim.signsIn = sim.account("bob", "builder-id");
  const env = kiroEnv(sim);
  const ran = await sluice(home.path, ["login", "kiro", "builder-id", "--label", "Bob"], { env });
  expect(ran.stderr).toContain("|   ABCD-EFGH   |");
  expect(ran.code).toBe(0);
  expect(ran.stdout).toMatch(/^\w+\n$/);
  const listed = await sluice(home.path, ["account", "list", "--json"], { env });
  expect(JSON.parse(listed.stdout)).toMatchObject([{ id: ran.stdout.trim(), label: "Bob", state: "ready" }]);
  expect(await sluice(home.path, ["login", "list"], { env })).toMatchObject({ code: 0, stderr: "" });
  expect(sim.violations).toEqual([]);
});

test("without a gateway a pasted address ends the sign-in while standard input stays open", async () => {
  using home = folder();
  await using sim = await startKiroSim();
  sim.signsIn = sim.account("cat", "social");
  const child = Bun.spawn([process.execPath, MAIN, "login", "kiro", "google-ide"], {
    cwd: home.path,
    env: { PATH: process.env["PATH"] ?? "", HOME: home.path, LANG: "C", ...kiroEnv(sim) },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  });
  let stderr = "";
  let pasted = false;
  for await (const piece of child.stderr.pipeThrough(new TextDecoderStream())) {
    stderr += piece;
    const [, address] = /^ {4}(http\S+)\n/m.exec(stderr) ?? [];
    if (pasted || address === undefined) continue;
    pasted = true;
    void child.stdin.write(`nonsense\n${sim.authorize(address)}\n`);
    await child.stdin.flush();
  }
  expect({ code: await child.exited, stderr }).toMatchObject({ code: 0 });
  expect(await new Response(child.stdout).text()).toMatch(/^\w+\n$/);
  expect(stderr).not.toContain("code-1");
  expect(sim.violations).toEqual([]);
});
