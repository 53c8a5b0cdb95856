import { afterAll, beforeAll, expect, test } from "bun:test";
import { GatewayError } from "../../../src/chat/error.ts";
import { answerSteps, startOpenaiSim, stream, type ServiceSim } from "../../sims/openai.ts";
import { ask } from "./turns.ts";

let sim: ServiceSim;
beforeAll(async () => {
  sim = await startOpenaiSim();
});
afterAll(() => sim.stop());

interface Heard {
  readonly id: string;
  readonly name: string;
  json: string;
  ended: boolean;
}

/** The calls of an answer whose chunks hold these entries, in the order in which they began. */
async function heard(calls: object[], finish = "tool_calls") {
  const steps = answerSteps({ text: [], calls: calls as Record<string, unknown>[], finish });
  const { events, error, end } = await ask(sim, stream(steps));
  const byId = new Map<string, Heard>();
  for (const event of events) {
    if (event.type === "tool-call-start")
      byId.set(event.id, { id: event.id, name: event.name, json: "", ended: false });
    if (event.type === "tool-call-delta") (byId.get(event.id) as Heard).json += event.json;
    if (event.type === "tool-call-end") (byId.get(event.id) as Heard).ended = true;
  }
  return { calls: [...byId.values()], error, reason: end?.reason };
}

const call = (index: number | undefined, id?: string, name?: string, json?: string) => ({
  ...(index === undefined ? {} : { index }),
  ...(id === undefined ? {} : { id, type: "function" }),
  function: { ...(name === undefined ? {} : { name }), ...(json === undefined ? {} : { arguments: json }) },
});

const WEATHER = ["get_weather", '{"city":"Zürich"}'] as const;
const TIME = ["get_time", '{"zone":"Asia/Tokyo"}'] as const;

const cases: { name: string; calls: object[]; want: (readonly [string, string])[]; finish?: string }[] = [
  {
    name: "one call in pieces",
    calls: [call(0, "a", "get_weather", ""), call(0, undefined, undefined, '{"city":'), call(0, undefined, undefined, '"Zürich"}')],
    want: [WEATHER],
  },
  { name: "arguments in one piece", calls: [call(0, "a", ...WEATHER)], want: [WEATHER] },
  {
    name: "interleaved calls",
    calls: [
      call(0, "a", "get_weather", ""),
      call(1, "b", "get_time", ""),
      call(0, undefined, undefined, '{"city":'),
      call(1, undefined, undefined, '{"zone":"Asia'),
      call(0, undefined, undefined, '"Zürich"}'),
      call(1, undefined, undefined, '/Tokyo"}'),
    ],
    want: [WEATHER, TIME],
  },
  {
    name: "no index, pieces by id",
    calls: [call(undefined, "a", "get_weather", '{"city":'), call(undefined, "a", undefined, '"Zürich"}'), call(undefined, "b", ...TIME)],
    want: [WEATHER, TIME],
  },
  {
    name: "no index and no id after the first piece",
    calls: [call(undefined, "a", "get_weather", '{"city":'), call(undefined, undefined, undefined, '"Zürich"}')],
    want: [WEATHER],
  },
  { name: "no ids at all", calls: [call(0, undefined, ...WEATHER), call(1, undefined, ...TIME)], want: [WEATHER, TIME] },
  {
    name: "id and name again in each piece",
    calls: [call(0, "a", "get_weather", '{"city":'), call(0, "a", "get_weather", '"Zürich"}')],
    want: [WEATHER],
  },
  {
    name: "another id in each piece",
    calls: [call(0, "a", "get_weather", '{"city":'), call(0, "a2", undefined, '"Zürich"}')],
    want: [WEATHER],
  },
  {
    name: "empty id and name in later pieces",
    calls: [call(0, "a", "get_weather", '{"city":'), call(0, "", "", '"Zürich"}')],
    want: [WEATHER],
  },
  {
    name: "a name that comes later than its arguments",
    calls: [call(0, "a", undefined, '{"city":'), call(0, undefined, "get_weather", '"Zürich"}')],
    want: [WEATHER],
  },
  {
    name: "a name in pieces",
    calls: [call(0, "a", "get_"), call(0, undefined, "weather"), call(0, undefined, undefined, WEATHER[1])],
    want: [WEATHER],
  },
  { name: "index 0 for every call", calls: [call(0, "a", ...WEATHER), call(0, "b", ...TIME)], want: [WEATHER, TIME] },
  {
    name: "index 0 and an empty id for every call",
    calls: [call(0, "", ...WEATHER), call(0, "", "get_weather", '{"city":"Bern"}')],
    want: [WEATHER, ["get_weather", '{"city":"Bern"}']],
  },
  { name: "O5 two equal calls", calls: [call(0, "a", ...WEATHER), call(1, "b", ...WEATHER)], want: [WEATHER, WEATHER] },
  { name: "the same id for two calls", calls: [call(0, "a", ...WEATHER), call(1, "a", ...TIME)], want: [WEATHER, TIME] },
  {
    name: "an index that rises within one call",
    calls: [call(0, "a", "get_weather", '{"city":'), call(1, "a", undefined, '"Zürich"}')],
    want: [WEATHER],
  },
  { name: "an object for arguments", calls: [{ index: 0, id: "a", function: { name: "get_weather", arguments: { city: "Zürich" } } }], want: [WEATHER] },
  { name: "a call without arguments", calls: [call(0, "a", "now")], want: [["now", ""]] },
  { name: "finish_reason stop with calls", calls: [call(0, "a", ...WEATHER)], want: [WEATHER], finish: "stop" },
]; // prettier-ignore
test.each(cases)("$name", async ({ calls, want, finish }) => {
  const told = await heard(calls, finish);
  expect(told.error).toBeUndefined();
  expect(told.calls.map(({ name, json }) => [name, json] as const)).toEqual(want);
  expect(told.calls.every(({ ended }) => ended)).toBe(true);
  expect(new Set(told.calls.map(({ id }) => id)).size).toBe(want.length);
  expect(told.reason).toBe("tool-calls");
});

test("the service's own ids are kept", async () => {
  expect((await heard([call(0, "call_abc", ...WEATHER)])).calls[0]?.id).toBe("call_abc");
});

test("the legacy function_call is a call too", async () => {
  const steps = [
    { frame: { choices: [{ delta: { function_call: { name: "now", arguments: "" } } }] } },
    { frame: { choices: [{ delta: { function_call: { arguments: "{}" } }, finish_reason: "function_call" }] } },
  ];
  const { events } = await ask(sim, stream(steps));
  expect(events.map(({ type }) => type)).toEqual(["tool-call-start", "tool-call-delta", "tool-call-end", "end"]);
});

test("O6 a call whose arguments are cut is never whole", async () => {
  const cut = await heard([call(0, "a", "write", '{"path":"a')]);
  expect(cut.error).toBeInstanceOf(GatewayError);
  expect([cut.calls.some(({ ended }) => ended), cut.reason]).toEqual([false, undefined]);
  const limited = await heard([call(0, "a", "write", '{"path":"a')], "length");
  expect([limited.error, limited.calls[0]?.ended, limited.reason]).toEqual([undefined, false, "length"]);
});

test("a call without a name is an error", async () => {
  expect((await heard([call(0, "a", undefined, "{}")])).error).toBeInstanceOf(GatewayError);
});

test("arguments that are no object are an error", async () => {
  expect((await heard([call(0, "a", "now", "[1]")])).error).toBeInstanceOf(GatewayError);
});
