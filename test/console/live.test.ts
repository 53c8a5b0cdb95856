import { expect, test } from "bun:test";
import { desk, handClock, operator } from "./desk.ts";
import { account, everyState, verdict } from "./fake-admin.ts";

/** Reads whole events off a live stream. */
function events(response: Response) {
  const reader = (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  return {
    async next(): Promise<string | undefined> {
      while (!rest.includes("\n\n")) {
        const { done, value } = await reader.read();
        if (done) return undefined;
        rest += value;
      }
      const end = rest.indexOf("\n\n");
      const event = rest.slice(0, end);
      rest = rest.slice(end + 2);
      return event;
    },
    cancel: () => reader.cancel(),
  };
}

async function watching(page = "overview") {
  const clock = handClock();
  const at = await desk({ clock });
  at.world.accounts = everyState(clock.now());
  const browser = await operator(at);
  const response = await browser.get(`/console/live?page=${page}`, { "hx-request": "true" });
  expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  const stream = events(response);
  const first = await stream.next();
  return { at, clock, browser, stream, first: first ?? "" };
}

test("R20 the first message draws the whole page, later ones only what changed", async () => {
  const { at, stream, first } = await watching();
  for (const id of ["verdict", "figures", "accounts", "providers", "requests"]) {
    expect(first).toContain(`<hx-partial hx-target="#${id}" hx-swap="outerMorph">`);
  }
  at.world.verdict = verdict({ state: "down", usable: 0 });
  at.changed();
  const second = (await stream.next()) ?? "";
  expect(second).toContain("Down: no account can answer.");
  expect(second).not.toContain('hx-target="#requests"');
  await stream.cancel();
});

test("a silent gateway beats within two seconds", async () => {
  const { clock, stream } = await watching();
  const beat = stream.next();
  await clock.armed();
  clock.turn(2000);
  expect(await beat).toBe(`event: beat\ndata: ${clock.now()}`);
  await stream.cancel();
});

test("R20 what no event tells of is on the page within two seconds", async () => {
  const { at, clock, stream } = await watching();
  const news = stream.next();
  await clock.armed();
  at.world.verdict = verdict({ state: "degraded", trouble: "the disk is full" });
  clock.turn(2000);
  expect(await news).toContain('hx-target="#verdict"');
  await stream.cancel();
});

test("a change that no page shows sends no markup", async () => {
  const { at, stream } = await watching();
  at.changed();
  expect(await stream.next()).toStartWith("event: beat\n");
  await stream.cancel();
});

test("what an operator does reaches every open page at once", async () => {
  const { browser, stream } = await watching("accounts");
  const news = stream.next();
  await browser.post("/console/accounts/acc_1/disable", {});
  expect(await news).toContain('id="row-acc_1"');
  await stream.cancel();
});

test("the stream ends with its session", async () => {
  const { at, clock, stream } = await watching();
  at.sessions.clear();
  const end = stream.next();
  await clock.armed();
  clock.turn(4000);
  expect(await end).toBeUndefined();
});

test("R32 the stream ends when the program stops, and lets go of the watch", async () => {
  const { at, stream } = await watching();
  expect(at.watchers.size).toBe(1);
  const end = stream.next();
  at.stopping.abort();
  expect(await end).toBeUndefined();
  expect(at.watchers.size).toBe(0);
});

test("a page that was closed is not drawn for", async () => {
  const { at, stream } = await watching();
  await stream.cancel();
  expect(at.watchers.size).toBe(0);
});

test("without a session there is no stream and htmx is sent to the sign-in", async () => {
  const at = await desk();
  await operator(at);
  const response = await at.app.handle(
    new Request("http://localhost/console/live", { headers: { "hx-request": "true" } }),
  );
  expect(response.status).toBe(401);
  expect(response.headers.get("hx-redirect")).toBe("/console/login");
});

test("no form and no field stands in a region that updates replace", async () => {
  for (const page of ["overview", "accounts"]) {
    const { stream, first } = await watching(page);
    expect(first).not.toMatch(/<(form|input|textarea|select)\b/);
    await stream.cancel();
  }
});

test("an account's name with line breaks stays one event", async () => {
  const clock = handClock();
  const at = await desk({ clock });
  at.world.accounts = [account("acc_1", clock.now(), { label: "a\n\nevent: x\r\n\r\nb\rc" })];
  const stream = events(await (await operator(at)).get("/console/live?page=accounts"));
  const first = (await stream.next()) ?? "";
  expect(first.split(/\r\n|\r|\n/).every((line) => line.startsWith("data: "))).toBe(true);
  await stream.cancel();
});
