import { expect, test } from "bun:test";
import { listen, Peers } from "../../src/http/listen.ts";

/** What a server at `basePath` took this request for: its path, query and body. */
async function seen(request: string, basePath = "/"): Promise<string> {
  const echo = async (inner: Request): Promise<Response> => {
    const { pathname, search } = new URL(inner.url);
    return new Response(`${pathname}${search} ${await inner.text()}`);
  };
  const { ports, kill } = listen(echo, new Peers(), { host: "127.0.0.1", ports: [0], basePath });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = "";
  await Bun.connect({
    hostname: "127.0.0.1",
    port: ports[0] ?? 0,
    socket: {
      open: (socket) => void socket.write(request),
      data: (_, bytes) => void (text += bytes.toString()),
      close: () => resolve(text),
      error: (_, error) => reject(error),
    },
  });
  const answer = await promise;
  await kill();
  return `${answer.slice(9, 12)} ${answer.slice(answer.indexOf("\r\n\r\n") + 4)}`;
}

const CLOSE = "Connection: close\r\n";

test.each([
  ["no host", "GET /v1/models/demo?x=1 HTTP/1.0\r\n\r\n", "/", "200 /v1/models/demo?x=1 "],
  ["no host and a body", "POST /v1/a HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi", "/", "200 /v1/a hi"],
  ["no host at a mount", "GET /gw/healthz HTTP/1.0\r\n\r\n", "/gw", "200 /healthz "],
  ["a host that is none", `GET /v1 HTTP/1.1\r\nHost: ]]:99999999\r\n${CLOSE}\r\n`, "/", "200 /v1 "],
  ["a host with a path", `GET //v1//a HTTP/1.1\r\nHost: a/b?c\r\n${CLOSE}\r\n`, "/", "200 /v1//a "],
  ["a doubled slash before the mount", `GET //gw//v1 HTTP/1.1\r\nHost: x\r\n${CLOSE}\r\n`, "/gw/", "200 /v1 "],
  [
    "doubled slashes before its path",
    `GET ///console/?a=//b HTTP/1.1\r\nHost: x\r\n${CLOSE}\r\n`,
    "/",
    "200 /console/?a=//b ",
  ],
  ["another's mount", `GET /gwx/v1 HTTP/1.1\r\nHost: x\r\n${CLOSE}\r\n`, "/gw", "200 /gwx/v1 "],
])("a request with %s is understood", async (_, request, basePath, expected) => {
  expect(await seen(request, basePath)).toBe(expected);
});
