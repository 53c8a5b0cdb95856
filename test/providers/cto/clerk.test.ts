import { afterEach, describe, expect, test } from "bun:test";
import { GatewayError, type FailureKind } from "../../../src/chat/error.ts";
import { answer, challengePage, clerkError, clientCookie, empty, Gate, json, jwt, page } from "../../sims/cto.ts";
import { type Desk, type DeskOptions, openDesk, type Seat } from "./desk.ts";

let desk: Desk;
const open = async (options: DeskOptions = {}): Promise<Desk> => (desk = await openDesk(options));
afterEach(async () => {
  await desk.sim.until(() => desk.sim.openSockets() === 0);
  expect(desk.sim.violations).toEqual([]);
  await desk.stop();
});

const speak = (name: string, turns = 1): Seat => {
  desk.sim.account(name).says(...Array.from({ length: turns }, () => answer(["ok"])));
  return desk.account(name);
};
const works = async (seat: Seat): Promise<void> => {
  const { failure, text } = await seat.turn();
  expect([failure, text]).toEqual([undefined, "ok"]);
};

describe("who is signed in", () => {
  test("E3 R22 trap 3 session, user and organisation are discovered for each account", async () => {
    const { sim } = await open({ protocol: "v2", provider: { protocol: "v2" } });
    await works(speak("ann"));
    await works(speak("bob"));
    expect(sim.requests.filter(({ kind }) => kind === "tokens").map(({ path, body }) => [path, body])).toEqual([
      ["/v1/client/sessions/sess_ann/tokens", "organization_id=org_ann"],
      ["/v1/client/sessions/sess_bob/tokens", "organization_id=org_bob"],
    ]);
    expect(sim.requests.filter(({ kind }) => kind === "socket").map(({ query }) => query)).toEqual([
      { token: "user_ann:org_ann", workspaceId: "ws_ann" },
      { token: "user_bob:org_bob", workspaceId: "ws_bob" },
    ]);
  });

  test("trap 4 an expired session is passed over, even if it is the first or was the last one active", async () => {
    const { sim } = await open();
    const ann = sim.account("ann");
    ann.sessions = [
      { id: "sess_old", status: "expired", user: "user_old" },
      { id: "sess_other", status: "active", user: "user_other", organisation: "org_other" },
      { id: "sess_now", status: "active", user: "user_now", organisation: "org_now" },
    ];
    ann.lastActiveSession = "sess_now";
    ann.lastActiveOrganisation = null;
    await works(speak("ann"));
    expect(sim.requests.find(({ kind }) => kind === "tokens")).toMatchObject({
      path: "/v1/client/sessions/sess_now/tokens",
      body: "organization_id=org_now",
    });
    expect(sim.requests.find(({ kind }) => kind === "socket")?.query).toEqual({ token: "user_now" });
    desk.restart();
    ann.lastActiveSession = "sess_old";
    await works(speak("ann"));
    expect(sim.requests.findLast(({ kind }) => kind === "tokens")?.path).toContain("sess_other");
  });

  const nobody: [string, () => Response | Promise<Response>][] = [
    ["no response", () => Response.json({ response: null, client: null })],
    ["no sessions", () => Response.json({ response: { sessions: [], last_active_session_id: null } })],
    ["only ended sessions", () => Response.json({ response: { sessions: [{ id: "s", status: "ended" }] } })],
    ["401 signed_out", () => clerkError(401, "signed_out")({} as never)],
    ["401 authentication_invalid", () => clerkError(401, "authentication_invalid")({} as never)],
  ];
  test.each(nobody)("%s means that the account has to sign in again", async (_name, behaviour) => {
    const { sim } = await open();
    sim.account("ann").next("client", behaviour);
    const { failure } = await speak("ann").turn();
    expect(failure).toMatchObject({ kind: "auth-rejected", needsLogin: true });
    expect(failure?.message).toContain("paste the new __client");
  });

  const strange: [string, unknown, string][] = [
    ["no response field", { other: 1 }, "response"],
    ["no sessions", { response: {} }, "response.sessions"],
    ["a session without id", { response: { sessions: [{ status: "active" }] } }, "id"],
    ["a session without user", { response: { sessions: [{ status: "active", id: "s" }] } }, "user.id"],
  ];
  test.each(strange)("an answer with %s is a changed service and blames no account", async (_name, body, field) => {
    const { sim } = await open();
    sim.account("ann").next("client", json(200, body));
    const { failure } = await speak("ann").turn();
    expect(failure).toMatchObject({ kind: "upstream-changed", field, blames: "provider" });
  });

  test("a session id that Clerk no longer knows is discovered again, once", async () => {
    const { sim } = await open();
    const ann = sim.account("ann");
    const seat = speak("ann", 2);
    await works(seat);
    ann.sessions = [{ id: "sess_new", status: "active", user: "user_ann", organisation: "org_ann" }];
    ann.lastActiveSession = "sess_new";
    await desk.clock.advance(50_000);
    await works(seat);
    expect([sim.count("client"), sim.count("tokens")]).toEqual([2, 3]);
    ann.next("tokens", clerkError(404, "resource_not_found"), clerkError(404, "resource_not_found"));
    await desk.clock.advance(50_000);
    expect((await seat.turn()).failure?.kind).toBe("upstream-changed");
    expect([sim.count("client"), sim.count("tokens")]).toEqual([3, 5]);
  });

  test("an organisation that is gone is discovered again, and then left out", async () => {
    const { sim } = await open();
    const ann = sim.account("ann");
    ann.lastActiveOrganisation = "org_gone";
    await works(speak("ann"));
    expect(sim.requests.filter(({ kind }) => kind === "tokens").map(({ body }) => body)).toEqual([
      "organization_id=org_gone",
      "organization_id=",
    ]);
  });
});

describe("tokens", () => {
  test("trap 10 trap 13 one token serves many turns, and is renewed when fewer than 15 s remain", async () => {
    const { sim, clock } = await open();
    const seat = speak("ann", 5);
    await works(seat);
    await clock.advance(30_000);
    await works(seat);
    await clock.advance(15_000);
    await works(seat);
    expect(sim.count("tokens")).toBe(1);
    await clock.advance(1);
    await works(seat);
    expect([sim.count("tokens"), sim.count("client")]).toEqual([2, 1]);
  });

  test("50 parallel turns ask who is signed in once and for one token, before and after it lapsed", async () => {
    const { sim, clock } = await open();
    const seat = speak("ann", 100);
    for (const round of [1, 2]) {
      const results = await Promise.all(Array.from({ length: 50 }, () => seat.turn()));
      expect(results.filter(({ failure }) => failure)).toEqual([]);
      expect([sim.count("client"), sim.count("tokens")]).toEqual([1, round]);
      await clock.advance(60_000);
    }
  });

  test("the caller that began a renewal may leave without ending it for the others", async () => {
    const { sim } = await open();
    const gate = new Gate();
    sim.account("ann").next("client", async () => {
      await gate.pass();
      return Response.json({
        response: { sessions: [{ id: "sess_ann", status: "active", user: { id: "user_ann" } }] },
      });
    });
    const seat = speak("ann");
    const controller = new AbortController();
    const first = seat.turn({ signal: controller.signal });
    await gate.arrived();
    const second = seat.turn();
    controller.abort(new GatewayError("cancelled", "The client left."));
    expect((await first).failure?.kind).toBe("cancelled");
    gate.open();
    expect((await second).failure).toBeUndefined();
    expect(sim.count("client")).toBe(1);
  });

  test.each([-3_600_000, 3_600_000])("a service whose clock is off by %i ms is asked no more often", async (skewMs) => {
    const { sim, clock } = await open({ skewMs });
    const seat = speak("ann", 3);
    await works(seat);
    await clock.advance(40_000);
    await works(seat);
    expect(sim.count("tokens")).toBe(1);
    await clock.advance(10_000);
    await works(seat);
    expect(sim.count("tokens")).toBe(2);
  });

  test("a jump of our own wall clock changes nothing", async () => {
    const { sim, clock } = await open();
    const seat = speak("ann", 2);
    await works(seat);
    clock.jump(-7_200_000);
    await works(seat);
    expect(sim.count("tokens")).toBe(1);
  });

  test("missing_expired_token is answered once, with the last token", async () => {
    const { sim, clock } = await open();
    const seat = speak("ann", 2);
    await works(seat);
    const last = sim.requests.find(({ kind }) => kind === "chat")?.headers["authorization"]?.replace("Bearer ", "");
    await clock.advance(60_000);
    sim.account("ann").next("tokens", clerkError(422, "missing_expired_token"));
    await works(seat);
    expect(sim.requests.findLast(({ kind }) => kind === "tokens")?.query["expired_token"]).toBe(last ?? "");
    await clock.advance(60_000);
    const again = clerkError(422, "missing_expired_token");
    sim.account("ann").next("tokens", again, again);
    expect((await seat.turn()).failure?.kind).toBe("upstream-changed");
    expect(sim.count("tokens")).toBe(5);
  });

  test("at first the token that came with the session answers missing_expired_token", async () => {
    const { sim } = await open();
    sim.account("ann").next("tokens", clerkError(422, "missing_expired_token"));
    await works(speak("ann"));
    expect(sim.requests.findLast(({ kind }) => kind === "tokens")?.query["expired_token"]).toBe(
      jwt({ sid: "sess_ann", exp: 1, first: true }),
    );
  });

  test("fault 4 while Clerk fails the old token serves until it lapses", async () => {
    const { sim, clock } = await open();
    const seat = speak("ann", 3);
    await works(seat);
    await clock.advance(50_000);
    // A turn looks at its token twice: for the socket and for the prompt.
    sim.account("ann").next("tokens", empty(500), empty(500));
    await works(seat);
    expect(sim.count("tokens")).toBe(3);
    await clock.advance(9000);
    sim.account("ann").next("tokens", page(502, "<h1>Bad Gateway</h1>"));
    expect((await seat.turn()).failure?.kind).toBe("upstream-broken");
    await works(seat);
    await clock.advance(50_000);
    sim.account("ann").next("tokens", clerkError(401, "signed_out"));
    expect((await seat.turn()).failure?.needsLogin).toBe(true);
  });

  test("a token inside `response` counts too, and one that is missing is a changed service", async () => {
    const { sim } = await open();
    sim.account("ann").next("tokens", json(200, { response: {} }));
    expect((await speak("ann").turn()).failure).toMatchObject({ kind: "upstream-changed", field: "jwt" });
  });

  const refusals: [string, () => Parameters<ReturnType<Desk["sim"]["account"]>["next"]>[1], FailureKind, object][] = [
    ["401 signed_out", () => clerkError(401, "signed_out"), "auth-rejected", { needsLogin: true }],
    ["403 user_banned", () => clerkError(403, "user_banned"), "suspended", {}],
    ["403 user_deactivated", () => clerkError(403, "user_deactivated"), "suspended", {}],
    ["429", () => clerkError(429, "too_many_requests", { "retry-after": "30" }), "rate-limited", {}],
    ["a challenge page", () => challengePage(403), "challenge", {}],
    ["a challenge page with 200", () => challengePage(200), "challenge", {}],
    ["a challenge header", () => page(403, "no", { "cf-mitigated": "challenge" }), "challenge", {}],
    ["a page of a broken server", () => page(502, "<h1>Bad Gateway</h1>"), "upstream-broken", {}],
    ["500", () => empty(500), "upstream-broken", {}],
    ["a redirect", () => () => new Response("", { status: 302, headers: { location: "/x" } }), "upstream-broken", {}],
  ];
  test.each(refusals)("%s of the token call has its meaning", async (_name, behaviour, kind, more) => {
    const { sim } = await open();
    sim.account("ann").next("tokens", behaviour());
    expect((await speak("ann").turn()).failure).toMatchObject({ kind, ...more });
    expect(sim.count("tokens")).toBe(1);
  });

  test("Clerk's Retry-After is kept", async () => {
    const { sim, clock } = await open();
    sim.account("ann").next("tokens", clerkError(429, "too_many_requests", { "retry-after": "30" }));
    expect((await speak("ann").turn()).failure?.retryAt).toBe(clock.now() + 30_000);
  });

  test("a silent Clerk is given up after 20 s, and the next turn asks again", async () => {
    const { sim, clock } = await open();
    const gate = new Gate();
    sim.account("ann").next("client", async () => {
      await gate.pass();
      return new Response();
    });
    const seat = speak("ann");
    const turn = seat.turn();
    await gate.arrived();
    await clock.advance(20_000);
    expect((await turn).failure?.kind).toBe("upstream-timeout");
    gate.open();
    await works(seat);
    expect(clock.pending).toBe(0);
  });
});

describe("trap 5 rotation", () => {
  test("every rotated cookie is committed before it is used, with no grace at all", async () => {
    const { sim, clock, diary } = await open();
    sim.account("ann").rotateOn = "always";
    const seat = speak("ann", 3);
    for (let turn = 0; turn < 3; turn++) {
      await works(seat);
      await clock.advance(60_000);
    }
    expect(diary).toEqual([
      "call r1",
      "save begins r2",
      "save ends r2",
      "call r2",
      "save begins r3",
      "save ends r3",
      "call r3",
      "save begins r4",
      "save ends r4",
      "call r4",
      "save begins r5",
      "save ends r5",
    ]);
    expect(seat.credential).toEqual({
      client: clientCookie("ann", 5),
      clientUat: String(Math.floor((clock.now() - 60_000) / 1000)),
    });
    expect(sim.turns.length).toBe(3);
  });

  test("kill -9 after any commit: what is stored is what Clerk takes", async () => {
    const { sim, clock } = await open();
    sim.account("ann").rotateOn = "always";
    const seat = speak("ann", 4);
    for (let turn = 0; turn < 4; turn++) {
      await works(seat);
      expect(seat.credential.client).toBe(sim.account("ann").client);
      desk.restart();
      await clock.advance(60_000);
    }
  });

  test("R20 calls of one account never overlap, and those of two accounts do", async () => {
    const { sim } = await open();
    for (const name of ["ann", "bob"]) sim.account(name).rotateOn = "always";
    const seats = [speak("ann", 20), speak("bob", 20)];
    await Promise.all(seats.flatMap((seat) => Array.from({ length: 20 }, () => works(seat))));
    expect([sim.account("ann").clerkPeak, sim.account("bob").clerkPeak]).toEqual([1, 1]);
  });

  test("R20 a call waits until the one before it is answered and its rotation committed", async () => {
    const { sim, clock, diary } = await open();
    sim.account("ann").rotateOn = "always";
    const seat = speak("ann", 2);
    await works(seat);
    await clock.advance(60_000);
    const gate = new Gate();
    sim.account("ann").next("tokens", async () => {
      await gate.pass();
      return clerkError(500, "internal_error")({} as never);
    });
    const before = diary.length;
    const turn = seat.turn();
    await gate.arrived();
    const probe = desk.provider.probe?.(seat.context());
    await clock.advance(0);
    expect(diary.slice(before)).toEqual(["call r3"]);
    gate.open();
    expect((await turn).failure?.kind).toBe("upstream-broken");
    await probe;
    expect(diary.slice(before, before + 4)).toEqual(["call r3", "save begins r4", "save ends r4", "call r4"]);
  });

  test("a turn that began before a rotation goes on with the new cookie", async () => {
    const { sim, clock } = await open();
    sim.account("ann").rotateOn = "tokens";
    const seat = speak("ann", 2);
    const old = seat.context();
    await works(seat);
    await clock.advance(60_000);
    await expect(desk.provider.probe?.(old)).resolves.toBeDefined();
    expect(sim.account("ann").generation).toBe(3);
    await works(seat);
  });

  test("a rotation in an answer that failed counts too", async () => {
    const { sim } = await open();
    sim.account("ann").rotateOn = "always";
    sim.account("ann").next("tokens", clerkError(500, "internal_error"));
    const seat = speak("ann");
    expect((await seat.turn()).failure?.kind).toBe("upstream-broken");
    expect(seat.credential.client).toBe(sim.account("ann").client);
    await works(seat);
  });

  test("a commit that fails is made up for before the next call, with the rotated cookie", async () => {
    const { sim, diary } = await open();
    sim.account("ann").rotateOn = "always";
    const seat = speak("ann");
    const { store } = seat;
    seat.store = () => Promise.reject(new GatewayError("store-unavailable", "The disk is full."));
    expect((await seat.turn()).failure?.kind).toBe("store-unavailable");
    expect((await seat.turn()).failure?.kind).toBe("store-unavailable");
    expect(sim.count("client")).toBe(1);
    seat.store = store;
    await works(seat);
    expect(diary.slice(0, 5)).toEqual([
      "call r1",
      "save begins r2",
      "save begins r2",
      "save begins r2",
      "save ends r2",
    ]);
    expect(sim.count("tokens")).toBe(1);
  });

  test("the rotation survives the client that caused it", async () => {
    const { sim } = await open();
    sim.account("ann").rotateOn = "always";
    const gate = new Gate();
    sim.account("ann").next("client", async () => {
      await gate.pass();
      return Response.json({
        response: { sessions: [{ id: "sess_ann", status: "active", user: { id: "user_ann" } }] },
      });
    });
    const seat = speak("ann");
    const controller = new AbortController();
    const turn = seat.turn({ signal: controller.signal });
    await gate.arrived();
    controller.abort(new GatewayError("cancelled", "The client left."));
    await turn;
    gate.open();
    await works(seat);
    expect(desk.diary.slice(0, 4)).toEqual(["call r1", "save begins r2", "save ends r2", "call r2"]);
  });

  test("a dead cookie needs a login, and a new paste begins anew", async () => {
    const { sim, clock } = await open();
    const seat = speak("ann");
    sim.account("ann").generation = 7;
    expect((await seat.turn()).failure).toMatchObject({ kind: "auth-rejected", needsLogin: true });
    seat.credential = { client: sim.account("ann").client };
    await works(seat);
    await clock.advance(60_000);
    sim.account("ann").signedIn = false;
    expect((await seat.turn()).failure?.needsLogin).toBe(true);
  });

  test("E11 E12 no cookie and no token stands in the log or in an error", async () => {
    const { sim, logged } = await open();
    sim.account("ann").rotateOn = "always";
    sim.account("ann").next("offers", json(500, { message: "x" }));
    const seat = speak("ann");
    const secrets = [seat.credential.client];
    const results = [await seat.turn()];
    sim.account("ann").signedIn = false;
    await desk.clock.advance(60_000);
    results.push(await seat.turn());
    secrets.push(seat.credential.client, ...sim.requests.map(({ headers }) => headers["authorization"] ?? "-none-"));
    const said = [...logged, ...results.map(({ failure }) => `${failure?.message} ${failure?.stack}`)].join();
    for (const secret of secrets) expect(said).not.toContain(secret);
  });
});
