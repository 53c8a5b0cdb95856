import { expect, test } from "bun:test";
import { startGateway } from "../gateway.ts";
import { VirtualClock } from "../virtual-clock.ts";

test.each([
  ["that needs no account", { model: "demo" }, 200],
  ["for a model that nobody has", { model: "nobody-has-this" }, 404],
  ["for a service without accounts", { model: "LongCat" }, 503],
])(
  "R20 a request %s is in the figures and in the log that a page looks up when it is told",
  async (_, body, status) => {
    await using gateway = await startGateway({ clock: new VirtualClock() });
    const { admin } = gateway.app;
    expect((await admin.overview()).hour.requests).toBe(0);
    const told = Promise.withResolvers<void>();
    const unwatch = admin.watch(told.resolve);
    const answer = await gateway.chat(body);
    expect(answer.status).toBe(status);
    await answer.text();
    await told.promise;
    const [{ hour, providers }, log] = await Promise.all([admin.overview(), admin.requests.list({ limit: 5 })]);
    expect(hour).toMatchObject({ requests: 1, answered: status === 200 ? 1 : 0 });
    expect(providers.find(({ name }) => name === "demo")?.hour.requests).toBe(status === 200 ? 1 : 0);
    expect(log).toMatchObject([{ ...body, status }]);
    unwatch();
  },
);
