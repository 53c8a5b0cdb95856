import { expect, test } from "bun:test";
import { folderOf, run } from "./harness.ts";

/** A server whose /healthz answers with a status, under `base` alone. */
function healthy(status: number, base = "") {
  return Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: ({ url }) =>
      new URL(url).pathname === `${base}/healthz`
        ? new Response("state", { status })
        : new Response("", { status: 404 }),
  });
}

const cases: {
  name: string;
  status: number;
  base?: string;
  env?: Record<string, string>;
  code: number;
  says: string;
}[] = [
  { name: "well", status: 200, code: 0, says: "ok\n" },
  { name: "well on all addresses", status: 200, env: { HOST: "0.0.0.0" }, code: 0, says: "ok\n" },
  { name: "well behind a prefix", status: 200, base: "/gate", env: { BASE_PATH: "/gate" }, code: 0, says: "ok\n" },
  { name: "stopping", status: 503, code: 1, says: "answers 503: state" },
];
test.each(cases)("health of a gateway that is $name", async ({ status, base, env = {}, code, says }) => {
  using server = healthy(status, base);
  const ran = await run(["health"], { env: { PORT: String(server.port), ...env } });
  expect(ran.code).toBe(code);
  expect(ran.stdout).toContain(says);
  expect(ran.opened).toEqual([]);
});

test("health without a gateway exits 1 and says where it asked", async () => {
  const ran = await run(["health", "--port", "1", "--json"]);
  expect(ran.code).toBe(1);
  expect(JSON.parse(ran.stdout)).toMatchObject({ ok: false, url: "http://127.0.0.1:1/healthz" });
});

test("health finds a port that the system chose", async () => {
  using server = healthy(200);
  const { cwd, remove } = folderOf(`http://127.0.0.1:${server.port}`);
  const ran = await run(["health", "--port", "0", "--json"], { cwd });
  remove();
  expect(JSON.parse(ran.stdout)).toMatchObject({ ok: true, status: 200, text: "state" });
});

test("health does not go through a proxy of the environment", async () => {
  using server = healthy(200);
  using proxy = healthy(404);
  const before = process.env["HTTP_PROXY"];
  process.env["HTTP_PROXY"] = `http://127.0.0.1:${proxy.port}`;
  try {
    expect((await run(["health", "--port", String(server.port)])).code).toBe(0);
  } finally {
    if (before === undefined) delete process.env["HTTP_PROXY"];
    else process.env["HTTP_PROXY"] = before;
  }
});
