import { expect, test } from "bun:test";
import { createServer, type AddressInfo } from "node:net";
import { createUpstreamFetch } from "../../src/providers/upstream-fetch.ts";
import { proxyFor, proxyRules } from "../../src/lib/proxy.ts";
import { readText } from "../../src/lib/body.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { END, FakeProvider, text, type Behaviour } from "../router/fake-provider.ts";
import { openWorld } from "../router/world.ts";

/** A proxy that writes down who was asked for, and answers in the upstream's place. */
async function startProxy(name: string) {
  const asked: string[] = [];
  const server = createServer((socket) => {
    socket.once("data", (bytes) => {
      asked.push(bytes.toString("latin1").split("\r\n")[0] ?? "");
      socket.end(`HTTP/1.1 200 OK\r\ncontent-length: ${name.length}\r\nconnection: close\r\n\r\n${name}`);
    });
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, asked, [Symbol.dispose]: () => void server.close() };
}

/** A turn that says what it fetched, and the proxy it was told of. */
const fetching: Behaviour = async function* ({ fetch, signal, proxy }) {
  const response = await fetch("http://upstream.invalid/chat", { signal });
  yield [text(`${await readText(response.body)} ${proxy ?? "none"}`), END];
};

test("an account's calls go through its own proxy, else through the environment's, from the moment it is set", async () => {
  using own = await startProxy("own");
  using usual = await startProxy("usual");
  const provider = new FakeProvider().always("a", fetching);
  const rules = proxyRules({ HTTP_PROXY: usual.url });
  await using world = await openWorld({
    providers: [provider],
    proxy: () => usual.url,
    createFetch: ({ proxy }) =>
      createUpstreamFetch({ clock: systemClock, connectMs: 5000, proxy: (url) => proxy ?? proxyFor(url, rules) }),
  });
  await world.add("a");
  const { id } = world.view("a");
  expect(await world.ask()).toBe(`usual ${usual.url}`);
  await world.pool.roster.configure(id, { proxy: own.url });
  expect(await world.ask()).toBe(`own ${own.url}`);
  await world.pool.roster.configure(id, { proxy: undefined });
  expect(await world.ask()).toBe(`usual ${usual.url}`);
  expect(own.asked).toEqual(["GET http://upstream.invalid/chat HTTP/1.1"]);
});

test("a new credential of an account is checked over the account's own proxy", async () => {
  const provider = new FakeProvider();
  const proxies: (string | undefined)[] = [];
  provider.probe = async ({ proxy }) => {
    proxies.push(proxy);
    return {};
  };
  await using world = await openWorld({ providers: [provider] });
  await world.add("a");
  const { id } = world.view("a");
  await world.pool.roster.configure(id, { proxy: "http://proxy.test:3128" });
  const { signal } = new AbortController();
  await world.pool.check("fake", "a2", signal, id);
  await world.pool.check("fake", "b", signal);
  expect(proxies).toEqual(["http://proxy.test:3128", undefined]);
});

test("an account keeps its proxy over a restart", async () => {
  const proxies: (string | undefined)[] = [];
  const createFetch = ({ proxy }: { proxy: string | undefined }) => {
    proxies.push(proxy);
    return createUpstreamFetch({ clock: systemClock, connectMs: 5000 });
  };
  const first = await openWorld({ providers: [new FakeProvider()] });
  await first.add("a");
  await first.pool.roster.configure(first.view("a").id, { proxy: "http://proxy.test:3128" });
  await first.close();
  await using _second = await openWorld({ providers: [new FakeProvider()], dataDir: first.dataDir, createFetch });
  expect(proxies).toEqual(["http://proxy.test:3128"]);
});
