import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/chat/error.ts";
import type { LangfastCredential } from "../../../src/providers/langfast/index.ts";
import { chatRequest, listen } from "../context.ts";
import { openDesk } from "./desk.ts";

describe("sessions", () => {
  test("P9, trap 16: a token about to lapse is renewed before the run, once for all", async () => {
    await using desk = await openDesk();
    const account = desk.own();
    await desk.clock.advance(3_590_000);
    const told = await Promise.all(Array.from({ length: 50 }, () => account.ask()));
    expect(told.every(({ text }) => text === "Hello")).toBe(true);
    expect(desk.sim.count("refresh")).toBe(1);
  });

  const turnedAway: [name: string, kind: "prompt" | "run"][] = [
    ["create_prompt", "prompt"],
    ["initiate-prompt-run", "run"],
  ];
  test.each(turnedAway)("a token that %s turns away is renewed once, and the turn goes on", async (_name, kind) => {
    await using desk = await openDesk();
    const account = desk.own();
    desk.sim.next(kind, { status: 401, body: { code: 401, message: "Invalid JWT" } });
    expect((await account.ask()).text).toBe("Hello");
    expect([desk.sim.count("refresh"), desk.sim.count(kind)]).toEqual([1, 2]);
  });

  test("trap 5: a token that the socket turns away is renewed once", async () => {
    await using desk = await openDesk();
    const account = desk.own();
    await account.ask();
    desk.sim.auth.revoked.add(account.kept.credential.accessToken);
    expect((await account.ask()).text).toBe("Hello");
    expect(desk.sim.count("refresh")).toBe(1);
  });

  test("a token that is turned away again is an error of the account, without a third try", async () => {
    await using desk = await openDesk();
    desk.sim.state.refuse = "invalid token";
    expect(await desk.own().ask()).toMatchObject({ error: { kind: "auth-rejected" } });
    expect([desk.sim.count("refresh"), desk.sim.state.handshakes, desk.sim.count("run")]).toEqual([1, 2, 0]);
  });

  test("a token that is refused while none can be renewed is nobody's fault but the service's", async () => {
    await using desk = await openDesk();
    const account = desk.own();
    desk.sim.next("run", { status: 401, body: { code: 401, message: "Invalid JWT" } });
    const context = { ...account.turn(), renew: async (stale: LangfastCredential) => stale };
    const told = await listen(desk.provider.chat(chatRequest("Hi"), context));
    expect(told.error).toMatchObject({ kind: "upstream-broken" });
  });

  test("a password alone serves", async () => {
    await using desk = await openDesk();
    desk.sim.auth.addUser("cat@example.com", "secret");
    expect((await desk.accountOf(desk.paste("cat@example.com:secret")).ask()).text).toBe("Hello");
  });

  test("guests that are turned away although fresh stop sign-ups with words", async () => {
    await using desk = await openDesk();
    const guest = await desk.guest();
    desk.sim.next("run", { status: 403, body: { error: "Please sign in to run prompts" } });
    const { error } = await guest.ask();
    expect(error).toMatchObject({ kind: "auth-rejected", needsLogin: false });
    expect((error as GatewayError).message).toContain("paste your own session");
    expect(desk.guest()).rejects.toThrow("paste your own session");
    expect(desk.sim.count("signup")).toBe(1);
  });
});

describe("refusals", () => {
  test("a daily limit without a time rests until the next UTC day, and no guest is signed up for it", async () => {
    await using desk = await openDesk();
    const guest = await desk.guest();
    desk.sim.next("run", { status: 429, body: { error: "You have reached your daily limit" } });
    expect(await guest.ask()).toMatchObject({ error: { kind: "quota-exhausted", retryAt: Date.UTC(2026, 10, 21) } });
    expect(desk.sim.count("signup")).toBe(1);
  });

  test("trap 9: an upstream's 429 keeps its time", async () => {
    await using desk = await openDesk();
    desk.sim.next("run", { status: 429, body: { error: "Too many requests" }, headers: { "retry-after": "30" } });
    expect(await desk.own().ask()).toMatchObject({
      error: { kind: "rate-limited", retryAt: desk.clock.now() + 30_000 },
    });
  });

  const passing: [status: number, code: string][] = [
    [546, "WORKER_LIMIT"],
    [503, "BOOT_ERROR"],
    [504, "IDLE_TIMEOUT"],
  ];
  test.each(passing)("HTTP %d %s is tried once more, as another run", async (status, code) => {
    await using desk = await openDesk();
    desk.sim.next("run", { status, body: { code, message: "x" } });
    expect((await desk.own().ask()).text).toBe("Hello");
    const ids = desk.sim.calls
      .filter(({ kind }) => kind === "run")
      .map(({ request }) => (JSON.parse(request.body.toString()) as { run_id: string }).run_id);
    expect(new Set(ids).size).toBe(2);
    desk.sim.next("run", { status, body: { code, message: "x" } });
    desk.sim.next("run", { status, body: { code, message: "x" } });
    expect((await desk.own("b").ask()).error).toBeInstanceOf(GatewayError);
    expect(desk.sim.count("run")).toBe(4);
  });

  const words = "Unsupported parameter: 'temperature' is not supported with this model.";
  test("a parameter that the client set and the model refuses is the request's fault, over HTTP and in a chunk", async () => {
    await using desk = await openDesk();
    const account = desk.own();
    const hot = { sampling: { temperature: 1 } };
    desk.sim.next("run", { status: 400, body: { error: words } });
    expect(await account.ask("Hi", hot)).toMatchObject({ error: { kind: "invalid-request", field: "temperature" } });
    desk.sim.play((run) => run.chunk(null, "in_progress", { error: words }));
    expect(await account.ask("Hi", hot)).toMatchObject({ error: { kind: "invalid-request", field: "temperature" } });
  });

  test("a parameter that only the table added is the service's change", async () => {
    await using desk = await openDesk();
    desk.sim.next("run", { status: 400, body: { error: "Unsupported parameter: 'response_format' is not supported" } });
    expect(await desk.own().ask()).toMatchObject({ error: { kind: "upstream-changed", field: "response_format" } });
  });

  test("a model that the plan lacks is remembered, and forgotten when models are asked for again", async () => {
    await using desk = await openDesk();
    const account = desk.own();
    desk.sim.next("run", { status: 403, body: { error: "Premium model: upgrade to use it" } });
    expect(await account.ask("Hi", {}, "gpt-4")).toMatchObject({
      error: { kind: "model-unavailable", field: "model", blames: "nobody" },
    });
    const served = () =>
      desk.provider
        .modelsOf?.({ credential: account.kept.credential, memory: account.kept.memory })
        ?.map(({ id }) => id);
    expect(served()).not.toContain("gpt-4");
    await desk.provider.refreshModels?.(account.context());
    expect(served()).toBeUndefined();
  });

  test("a prompt that is gone is made again, once", async () => {
    await using desk = await openDesk();
    const account = desk.own();
    await account.ask();
    desk.sim.prompts.length = 0;
    expect((await account.ask()).text).toBe("Hello");
    expect(desk.sim.count("prompt")).toBe(2);
    expect((account.kept.memory as { promptId: string }).promptId).toBe(String(desk.sim.prompts[0]?.id));
  });

  const changes: [name: string, kind: "prompt" | "run", reply: { status: number; body: unknown }, field: string][] = [
    ["a prompt without an id", "prompt", { status: 200, body: { ok: true } }, "create_prompt"],
    ["a run without jobs", "run", { status: 200, body: { run_id: "x" } }, "jobs"],
    ["a run that answers with a text", "run", { status: 200, body: "started" }, "jobs"],
    [
      "an error with a good status",
      "run",
      { status: 200, body: { error: "Missing authorization header" } },
      "authorization",
    ],
    ["a replaced key", "run", { status: 401, body: { message: "Invalid API key" } }, "apikey"],
  ];
  test.each(changes)("%s is reported with its field and blames no account", async (_name, kind, reply, field) => {
    await using desk = await openDesk();
    desk.sim.next(kind, reply);
    const { error } = await desk.own().ask();
    expect(error).toMatchObject({ kind: "upstream-changed", field, blames: "provider" });
  });

  test("content in another form is reported with its field", async () => {
    await using desk = await openDesk();
    desk.sim.play((run) =>
      run.emit("execution:chunk", { executionId: run.jobId, status: "in_progress", content: ["Hi"] }),
    );
    expect(await desk.own().ask()).toMatchObject({ error: { kind: "upstream-changed", field: "content" } });
  });

  test("many turns whose prompt is gone make one new prompt", async () => {
    await using desk = await openDesk();
    const account = desk.own();
    await account.ask();
    desk.sim.prompts.length = 0;
    const told = await Promise.all(Array.from({ length: 10 }, () => account.ask()));
    expect(told.map(({ text }) => text)).toEqual(Array(10).fill("Hello"));
    expect(desk.sim.count("prompt")).toBe(2);
  });

  test("a stored prompt survives a restart", async () => {
    await using desk = await openDesk();
    const before = desk.own();
    await before.ask();
    await using other = await openDesk();
    const after = other.accountOf(before.kept.credential);
    after.kept.memory = JSON.parse(JSON.stringify(before.kept.memory));
    other.sim.prompts.push({ userId: "", id: String(desk.sim.prompts[0]?.id), body: {} });
    expect((await after.ask()).text).toBe("Hello");
    expect(other.sim.count("prompt")).toBe(0);
  });
});
