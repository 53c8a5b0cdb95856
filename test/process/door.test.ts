/** The console's door as the network sees it: guessed passwords, and a first start that nobody has set up yet. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { folder, serve, type Served, sluice } from "./program.ts";

setDefaultTimeout(30_000);

const PASSWORD = "correct horse battery";

/** Sends a form of the console; `from` is the address that a proxy in between saw. */
function post({ url }: Served, path: string, form: Record<string, string>, from?: string): Promise<Response> {
  return fetch(`${url}/console/${path}`, {
    method: "POST",
    redirect: "manual",
    headers: { origin: url, ...(from === undefined ? {} : { "x-forwarded-for": from }) },
    body: new URLSearchParams(form),
  });
}
const guess = (gateway: Served, password: string, from?: string) => post(gateway, "login", { password }, from);

test("row 42 five guesses from an address, then 429, whatever it says it is; the command line lets its owner in", async () => {
  using home = folder();
  await using gateway = await serve(home.path, { ADMIN_PASSWORD: PASSWORD });
  // All at once, each under another name: only the connection's own address counts.
  const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => guess(gateway, `guess ${i}`, `9.9.9.${i}`)));
  expect(answers.map(({ status }) => status).toSorted()).toEqual([...Array(5).fill(401), ...Array(7).fill(429)]);
  const throttled = await guess(gateway, PASSWORD);
  expect(throttled.status).toBe(429);
  expect(Number(throttled.headers.get("retry-after"))).toBeWithin(800, 901);
  expect(throttled.headers.get("set-cookie")).toBeNull();

  expect((await sluice(home.path, ["password"], { stdin: "another horse battery\n" })).code).toBe(0);
  expect((await guess(gateway, PASSWORD)).status).toBe(401);
  expect((await guess(gateway, "another horse battery")).status).toBe(303);
  expect(gateway.output()).not.toMatch(/horse battery|guess \d/);
});

test("row 42 behind a proxy that is trusted one address locks out no other", async () => {
  using home = folder();
  await using gateway = await serve(home.path, { ADMIN_PASSWORD: PASSWORD, TRUSTED_PROXIES: "127.0.0.1" });
  for (let i = 0; i < 6; i++) expect((await guess(gateway, "wrong", "9.9.9.9")).status).toBe(i < 5 ? 401 : 429);
  expect((await guess(gateway, PASSWORD, "9.9.9.9")).status).toBe(429);
  const signedIn = await guess(gateway, PASSWORD, "9.9.9.8");
  expect(signedIn.status).toBe(303);
  expect(signedIn.headers.get("set-cookie")).toMatch(/HttpOnly.*SameSite=Strict/i);
});

test("row 43 a first start listens here alone, shows strangers nothing, and its link sets one password once", async () => {
  using home = folder();
  await using gateway = await serve(home.path);
  const link = /\S+\/console\/setup\?token=(\S+)/.exec(gateway.output());
  const [address = "", token = ""] = link ?? [];
  expect(new URL(gateway.url).hostname).toBe("127.0.0.1");
  expect(token.length).toBeGreaterThan(40);

  for (const path of ["", "accounts", "login", "setup", `setup?token=${"x".repeat(token.length)}`]) {
    const page = await (await fetch(`${gateway.url}/console/${path}`, { headers: { accept: "text/html" } })).text();
    expect(page).toContain("setup link");
    expect(page).not.toContain(token);
    expect(page).not.toContain('type="password"');
  }
  const forms = ["login", "accounts", "import", "export", "setup/key", "setup"];
  for (const path of forms) expect((await post(gateway, path, { password: PASSWORD })).status).toBe(403);
  for (const path of ["accounts", "keys", "settings", "overview"]) {
    for (const key of [undefined, "sk-1234567890", "changeme", gateway.key]) {
      const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
      expect((await fetch(`${gateway.url}/api/${path}`, { headers })).status).toBe(401);
    }
  }
  const models = (key: string | undefined) =>
    fetch(`${gateway.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } }).then(({ status }) => status);
  expect([await models(gateway.key), await models("sk-1234567890")]).toEqual([200, 401]);

  expect((await fetch(address)).status).toBe(200);
  const set = (password: string) => post(gateway, "setup", { token, password, again: password });
  expect((await set("short")).status).toBe(422);
  const both = await Promise.all([set(PASSWORD), set("another horse battery")]);
  expect(both.map(({ status }) => status).toSorted()).toEqual([303, 403]);
  expect((await set(PASSWORD)).status).toBe(403);
  const winner = both[0]?.status === 303 ? PASSWORD : "another horse battery";
  expect((await guess(gateway, winner)).status).toBe(303);
});

test("row 43 a password that the command line sets ends the setup link that the start printed", async () => {
  using home = folder();
  await using gateway = await serve(home.path);
  const [link = "", token = ""] = /\S+\/console\/setup\?token=(\S+)/.exec(gateway.output()) ?? [];
  expect((await sluice(home.path, ["password"], { stdin: `${PASSWORD}\n` })).code).toBe(0);
  const page = await fetch(link, { redirect: "manual" });
  expect([page.status, page.headers.get("location")]).toEqual([303, "/console/login"]);
  const taken = await post(gateway, "setup", {
    token,
    password: "taken over by another",
    again: "taken over by another",
  });
  expect([taken.status, taken.headers.get("set-cookie")]).toEqual([403, null]);
  expect((await guess(gateway, PASSWORD)).status).toBe(303);
});

test.each([
  ["admin123", "counts as not set", 403],
  ["elevenchars", "shorter than 12 characters", 303],
])("O20 at a first start ADMIN_PASSWORD=%s is warned about: %s", async (password, says, status) => {
  using home = folder();
  await using gateway = await serve(home.path, { ADMIN_PASSWORD: password });
  expect(gateway.output()).toContain(says);
  expect(gateway.output().includes("/console/setup?token=")).toBe(status !== 303);
  expect((await guess(gateway, password)).status).toBe(status);
});

test("the key that the start prints and the one that the setup page makes have names of their own", async () => {
  using home = folder();
  await using gateway = await serve(home.path);
  const [, token = ""] = /\/console\/setup\?token=(\S+)/.exec(gateway.output()) ?? [];
  const signedIn = await post(gateway, "setup", { token, password: PASSWORD, again: PASSWORD });
  const cookie = signedIn.headers.get("set-cookie")?.split(";")[0] ?? "";
  const made = await fetch(`${gateway.url}/console/setup/key`, {
    method: "POST",
    headers: { origin: gateway.url, cookie },
  });
  expect(made.status).toBe(200);
  const { stdout } = await sluice(home.path, ["key", "list", "--json"]);
  expect((JSON.parse(stdout) as { name: string }[]).map(({ name }) => name).toSorted()).toEqual(["first", "start"]);
});
