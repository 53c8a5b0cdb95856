import { afterAll, describe, expect, test } from "bun:test";
import { pinnedGet } from "../../src/lib/pinned-get.ts";
import { makeCertificate } from "../certificate.ts";

const { cert, key } = makeCertificate("pictures.invalid");
const answer = (request: Request) => new Response(`${request.headers.get("host")} ${new URL(request.url).search}`);
const plain = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer });
const secure = Bun.serve({ port: 0, hostname: "127.0.0.1", tls: { cert, key }, fetch: answer });
afterAll(() => Promise.all([plain.stop(true), secure.stop(true)]));

async function get(url: string, address = "127.0.0.1", ca?: string): Promise<string> {
  const { signal } = new AbortController();
  const response = await pinnedGet(new URL(url), { address, headers: {}, signal, ...(ca ? { ca } : {}) });
  let text = "";
  for await (const piece of response) text += String(piece);
  return text;
}

describe("45 a pinned GET", () => {
  test("goes to the address given, though no DNS knows the name, with the name in Host", async () => {
    const { port } = plain;
    expect(await get(`http://pictures.invalid:${port}/a?b=c`)).toBe(`pictures.invalid:${port} ?b=c`);
  });

  test("goes to the address given and not to the one in the URL", async () => {
    const { port } = plain;
    expect(await get(`http://192.0.2.1:${port}/`)).toBe(`192.0.2.1:${port} `);
  });

  test("over TLS greets and checks the certificate by the name", async () => {
    const { port } = secure;
    expect(await get(`https://pictures.invalid:${port}/`, "127.0.0.1", cert)).toBe(`pictures.invalid:${port} `);
    expect(await get(`https://pictures.invalid.:${port}/`, "127.0.0.1", cert)).toBe(`pictures.invalid.:${port} `);
  });

  const refused: [string, string, string | undefined, RegExp][] = [
    ["a certificate of another name", "other.invalid", cert, /ALTNAME/],
    ["a certificate of a name where the URL has an address", "127.0.0.1", cert, /ALTNAME/],
    ["a certificate that nobody known vouches for", "pictures.invalid", undefined, /SELF_SIGNED/],
  ];
  test.each(refused)("refuses %s", async (_name, host, ca, code) => {
    const error = await get(`https://${host}:${secure.port}/`, "127.0.0.1", ca).catch((reason: unknown) => reason);
    expect((error as { code: string }).code).toMatch(code);
  });

  test("does not go through the environment's proxy, which would resolve the name itself", async () => {
    let proxied = 0;
    const socket = { open: () => void proxied++, data: () => undefined };
    const proxy = Bun.listen({ port: 0, hostname: "127.0.0.1", socket });
    const names = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "NO_PROXY", "no_proxy"];
    const before = names.map((name) => process.env[name]);
    for (const name of names) process.env[name] = /no/i.test(name) ? "" : `http://127.0.0.1:${proxy.port}`;
    try {
      await get(`http://pictures.invalid:${plain.port}/`);
      await get(`https://pictures.invalid:${secure.port}/`, "127.0.0.1", cert);
    } finally {
      for (const [i, name] of names.entries()) {
        if (before[i] === undefined) delete process.env[name];
        else process.env[name] = before[i];
      }
      proxy.stop(true);
    }
    expect(proxied).toBe(0);
  });
});
