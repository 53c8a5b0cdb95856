/** TLS and proxies, over real certificates. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer as createPlainServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createSecureServer } from "node:tls";
import { makeCertificate } from "../../certificate.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-tls-"));
const { cert, key } = makeCertificate("localhost");
const stranger = makeCertificate("localhost");
const authority = join(folder, "authority.pem");
writeFileSync(authority, cert);

const answer = async (request: Request) => new Response(`${new URL(request.url).pathname} ${await request.text()}`);
const plain = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer });
const secure = Bun.serve({ port: 0, hostname: "127.0.0.1", tls: { cert, key }, fetch: answer });
const unknown = Bun.serve({ port: 0, hostname: "127.0.0.1", tls: stranger, fetch: answer });
afterAll(async () => {
  await Promise.all([plain.stop(true), secure.stop(true), unknown.stop(true)]);
  rmSync(folder, { recursive: true });
});

/** A proxy of the usual kind. It leads everywhere to this machine, and tells what it was asked. */
async function startProxy(isSecure: boolean, refusal?: string) {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const joined = (a: Socket, b: Socket) => {
    a.pipe(b);
    b.pipe(a);
  };
  const connected = (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {}); // The end of a test, for a proxy.
    socket.once("data", (bytes: Buffer) => {
      const head = bytes.toString("latin1");
      const [line = ""] = head.split("\r\n");
      const proof = /proxy-authorization: Basic (\S+)/i.exec(head)?.[1];
      asked.push(proof === undefined ? line : `${line} as ${Buffer.from(proof, "base64").toString()}`);
      if (refusal !== undefined) {
        socket.end(refusal);
        return;
      }
      const [, port = "0"] = /:(\d+)/.exec(line) ?? [];
      const upstream = connect(Number(port), "127.0.0.1");
      upstream.on("error", () => {});
      if (line.startsWith("CONNECT")) socket.write("HTTP/1.1 200 Connection established\r\nvia: 1.1 proxy\r\n\r\n");
      else upstream.write(head.replace(/ http:\/\/[^/]+/, " "));
      joined(socket, upstream);
    });
  };
  const server = isSecure ? createSecureServer({ cert, key }, connected) : createPlainServer(connected);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    asked,
    url: (login = "") => `${isSecure ? "https" : "http"}://${login}localhost:${port}`,
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

async function call(urls: readonly string[], env: Record<string, string> = {}): Promise<string[]> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "caller.ts"), ...urls], {
    env: { NODE_EXTRA_CA_CERTS: authority, ...env },
    stdout: "pipe",
    stderr: "inherit",
  });
  return JSON.parse(await new Response(child.stdout).text()) as string[];
}

describe("a secure call", () => {
  test("goes where the certificate is good, and keeps its connection", async () => {
    const url = `https://localhost:${secure.port}`;
    expect(await call([`${url}/a`, `${url}/b`])).toEqual(["200 /a hello", "200 /b hello"]);
  });

  test("is not made where the certificate is a stranger's or for another name", async () => {
    const [strange, misnamed, plainly] = await call([
      `https://localhost:${unknown.port}/`,
      `https://127.0.0.1:${secure.port}/`,
      `https://localhost:${plain.port}/`,
    ]);
    expect(strange).toMatch(/failed \(\w*SELF_SIGNED\w*\)|failed \(UNABLE_TO_VERIFY\w*\)/);
    expect(misnamed).toContain("failed (ERR_TLS_CERT_ALTNAME_INVALID)");
    expect(plainly).toMatch(/failed|closed/);
  });
});

describe.each([
  ["a proxy", false],
  ["a proxy that speaks TLS itself", true],
] as const)("through %s", (_name, isSecure) => {
  test("a secure call asks for a tunnel and checks who is at its end", async () => {
    using proxy = await startProxy(isSecure);
    const good = `localhost:${secure.port}`;
    const bad = `localhost:${unknown.port}`;
    const said = await call([`https://${good}/a`, `https://${good}/b`, `https://${bad}/`], {
      PROXY: proxy.url("user:p%40ss@"),
    });
    expect(said.slice(0, 2)).toEqual(["200 /a hello", "200 /b hello"]);
    expect(said[2]).toMatch(/failed \(\w*SELF_SIGNED\w*\)|failed \(UNABLE_TO_VERIFY\w*\)/);
    const asked = [good, bad].map((host) => `CONNECT ${host} HTTP/1.1 as user:p@ss`);
    expect(proxy.asked).toEqual(asked);
  });

  test("a plain call tells it the whole address", async () => {
    using proxy = await startProxy(isSecure);
    const url = `http://localhost:${plain.port}/a?b`;
    expect(await call([url], { PROXY: proxy.url("user:pass@") })).toEqual(["200 /a hello"]);
    expect(proxy.asked).toEqual([`POST ${url} HTTP/1.1 as user:pass`]);
  });

  test("a refusal is told in words, without the login", async () => {
    using proxy = await startProxy(isSecure, "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
    const host = `localhost:${secure.port}`;
    const said = await call([`https://${host}/`], { PROXY: proxy.url("user:secret@") });
    expect(said).toEqual([`The proxy did not lead to ${host}. The proxy answered 407.`]);
  });
});

test("a proxy that is not there is told as the call's failure", async () => {
  const [said] = await call([`https://localhost:${secure.port}/`], { PROXY: "http://127.0.0.1:1" });
  expect(said).toContain("refuses connections");
});
