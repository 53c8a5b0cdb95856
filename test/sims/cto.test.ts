import { afterEach, describe, expect, test } from "bun:test";
import { openSocket } from "../../src/lib/socket.ts";
import { VirtualClock } from "../virtual-clock.ts";
import { answer, clientCookie, type CtoSim, type CtoSimOptions, startCtoSim } from "./cto.ts";

const clock = new VirtualClock();
let sim: CtoSim;
const start = async (options: CtoSimOptions = {}): Promise<CtoSim> =>
  (sim = await startCtoSim({ now: () => clock.now(), ...options }));
afterEach(() => sim.stop());

const SITE = { origin: "https://cto.new" };
const VERSION = "__clerk_api_version=2025-04-10";
const whoIs = (client: string) =>
  fetch(`${sim.url}/v1/client?${VERSION}`, { headers: { ...SITE, cookie: `__client=${client}` } });

async function tokenOf(name: string): Promise<string> {
  const response = await fetch(`${sim.url}/v1/client/sessions/sess_${name}/tokens?${VERSION}`, {
    method: "POST",
    headers: {
      ...SITE,
      cookie: `__client=${sim.account(name).client}`,
      "content-type": "application/x-www-form-urlencoded",
    },
    body: `organization_id=org_${name}`,
  });
  return ((await response.json()) as { jwt: string }).jwt;
}

const rest = (jwt: string, path: string, body?: unknown) =>
  fetch(sim.url + path, {
    method: body === undefined ? "GET" : "POST",
    headers: { ...SITE, authorization: `Bearer ${jwt}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

describe("Clerk", () => {
  test("a superseded cookie lives as long as its grace, and then never again", async () => {
    await start({ graceMs: 10_000 });
    const ann = sim.account("ann");
    ann.rotateOn = "tokens";
    await tokenOf("ann");
    expect(ann.client).toBe(clientCookie("ann", 2));
    const old = clientCookie("ann", 1);
    expect((await whoIs(old)).status).toBe(200);
    await clock.advance(10_001);
    expect([(await whoIs(old)).status, (await whoIs(ann.client)).status]).toEqual([401, 200]);
  });

  test("a token is refused after 60 s, and so is one that was never issued", async () => {
    await start();
    const jwt = await tokenOf("ann");
    expect((await rest(jwt, "/billing")).status).toBe(200);
    await clock.advance(60_000);
    expect((await rest(jwt, "/billing")).status).toBe(401);
    expect((await rest(`${jwt}x`, "/billing")).status).toBe(401);
  });

  test("a call without the site's Origin is a violation", async () => {
    await start();
    await fetch(`${sim.url}/v1/client?${VERSION}`, { headers: { cookie: `__client=${sim.account("ann").client}` } });
    expect(sim.violations).toEqual(["a Clerk call without the site's Origin"]);
  });
});

describe("turns", () => {
  test("frames that are sent before somebody listens are lost", async () => {
    await start();
    sim.account("ann").says(answer(["lost"]), answer(["heard"]));
    const jwt = await tokenOf("ann");
    const turn = { prompt: "Hi", chatHistoryId: "chat_1", adapterName: "GPT5" };
    await rest(jwt, "/engine-agent/chat", turn);
    const url = `${sim.url.replace("http", "ws")}/engine-agent/chat-histories/chat_1/buffer/stream?token=user_ann`;
    const socket = await openSocket(url, { signal: new AbortController().signal, clock });
    await rest(jwt, "/engine-agent/chat", turn);
    let heard = "";
    for await (const messages of socket) {
      heard += messages.join("");
      if (heard.includes("label")) break;
    }
    expect([heard.includes("heard"), heard.includes("lost")]).toEqual([true, false]);
    expect(sim.turns.map(({ subscribed }) => subscribed)).toEqual([false, true]);
  });

  test("each protocol refuses the other's body, and v2 a project of somebody else", async () => {
    await start({ protocol: "v2" });
    sim.account("bob");
    const [ann, bob] = [await tokenOf("ann"), await tokenOf("bob")];
    const made = (await (await rest(ann, "/projects/create-hosted", { projectName: "p" })).json()) as {
      projectId: string;
    };
    const post = async (jwt: string, body: object) =>
      (await rest(jwt, "/engine-agent/chat", { prompt: "SGk=", chatHistoryId: made.projectId, ...body })).status;
    expect(await post(ann, { adapterName: "GPT5" })).toBe(400);
    expect(await post(bob, { encoded: true })).toBe(404);
    expect(await post(ann, { encoded: true })).toBe(202);
    expect(sim.turns).toMatchObject([{ prompt: "Hi" }]);
  });
});
