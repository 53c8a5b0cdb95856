import { describe, expect, test } from "bun:test";
import type { IncomingHttpHeaders, RequestListener } from "node:http";
import { createFetchImage, ImageRefused } from "../../src/lib/fetch-image.ts";
import { GIF, JPEG, type Pictures, PNG, PUBLIC, servePictures, WEBP } from "../pictures.ts";
import { VirtualClock } from "../virtual-clock.ts";

const MIB = 1024 * 1024;
const never = new AbortController().signal;

/** Fetches from `pictures` by a name whose look-ups give these answers, the last one for ever. */
function fetcher(pictures: Pictures, answers: readonly (readonly string[])[] = [[PUBLIC]], clock = new VirtualClock()) {
  const lookups: string[] = [];
  const lookup = (name: string) => {
    lookups.push(name);
    return Promise.resolve(answers[lookups.length - 1] ?? answers.at(-1) ?? []);
  };
  const fetchImage = createFetchImage({ clock, lookup, get: pictures.get });
  const at = (path: string, signal = never) => fetchImage(`http://pictures.test:${pictures.port}${path}`, signal);
  return { fetchImage, at, lookups, clock };
}

async function refusalOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ImageRefused)) throw new Error("it was not refused", { cause: error });
  return error.message.replace(/:\d+/g, "");
}

const send =
  (body: Uint8Array, headers: Record<string, string> = {}): RequestListener =>
  (_, response) =>
    response.writeHead(200, headers).end(body);

const redirect =
  (to: (path: string, port: number) => string, status = 302): RequestListener =>
  (request, response) =>
    response.writeHead(status, { location: to(request.url ?? "", request.socket.localPort ?? 0) }).end();

describe("an image at a public address", () => {
  const kinds: [string, Buffer][] = [
    ["image/png", PNG],
    ["image/jpeg", JPEG],
    ["image/gif", GIF],
    ["image/webp", WEBP],
  ];
  test.each(kinds)("is %s by its bytes, whatever its server says", async (mediaType, bytes) => {
    await using pictures = await servePictures(send(bytes, { "content-type": "text/html" }));
    const image = await fetcher(pictures).at("/picture");
    expect({ ...image, bytes: image.bytes.equals(bytes) }).toEqual({
      mediaType: mediaType as "image/png",
      bytes: true,
    });
  });

  test("is asked for without credentials and without a word of whose request it is", async () => {
    let headers: IncomingHttpHeaders = {};
    await using pictures = await servePictures((request, response) => {
      headers = request.headers;
      response.end(PNG);
    });
    await fetcher(pictures).at("/picture");
    expect(Object.keys(headers).toSorted()).toEqual(["accept", "accept-encoding", "connection", "host"]);
  });

  test("may be exactly 10 MiB", async () => {
    await using pictures = await servePictures(send(Buffer.concat([PNG], 10 * MIB)));
    expect((await fetcher(pictures).at("/picture")).bytes.length).toBe(10 * MIB);
  });

  test("is fetched from the next address when one takes no connection, IPv4 before IPv6", async () => {
    await using pictures = await servePictures(send(PNG));
    const dialled: string[] = [];
    const fetchImage = createFetchImage({
      clock: new VirtualClock(),
      lookup: () => Promise.resolve(["2606:4700::1111", PUBLIC]),
      get(url, options) {
        dialled.push(options.address);
        return dialled.length === 1 ? Promise.reject(new Error("refused")) : pictures.get(url, options);
      },
    });
    await fetchImage(`http://pictures.test:${pictures.port}/`, never);
    expect(dialled).toEqual([PUBLIC, "2606:4700::1111"]);
  });
});

describe("45 an image at an address that is not public is refused before anything connects", () => {
  const ranges: [string, string][] = [
    ["0.0.0.0/8, this network", "0.0.0.0"],
    ["10.0.0.0/8, private", "10.0.0.1"],
    ["100.64.0.0/10, carrier NAT and VPNs", "100.64.0.1"],
    ["100.100.100.200, a cloud's metadata", "100.100.100.200"],
    ["127.0.0.0/8, this machine", "127.0.0.1"],
    ["127.0.0.0/8, its last address", "127.255.255.255"],
    ["168.63.129.16, a cloud's wire server", "168.63.129.16"],
    ["169.254.0.0/16, metadata", "169.254.169.254"],
    ["172.16.0.0/12, private", "172.16.0.1"],
    ["172.16.0.0/12, its last address", "172.31.255.255"],
    ["192.0.0.0/24, protocol assignments", "192.0.0.192"],
    ["192.0.2.0/24, documentation", "192.0.2.1"],
    ["192.88.99.0/24, relays", "192.88.99.1"],
    ["192.168.0.0/16, private", "192.168.1.1"],
    ["198.18.0.0/15, benchmarks", "198.19.255.255"],
    ["198.51.100.0/24, documentation", "198.51.100.1"],
    ["203.0.113.0/24, documentation", "203.0.113.1"],
    ["224.0.0.0/4, multicast", "239.255.255.250"],
    ["240.0.0.0/4, reserved", "240.0.0.1"],
    ["the broadcast address", "255.255.255.255"],
    ["::, unspecified", "::"],
    ["::1, this machine", "::1"],
    ["64:ff9b:1::/48, local translation", "64:ff9b:1::1"],
    ["100::/64, discarded", "100::1"],
    ["2001::/32, Teredo", "2001::1"],
    ["2001:db8::/32, documentation", "2001:db8::1"],
    ["3fff::/20, documentation", "3fff::1"],
    ["5f00::/16, segment routing", "5f00::1"],
    ["fc00::/7, private", "fd12:3456::1"],
    ["fd00:ec2::254, a cloud's metadata", "fd00:ec2::254"],
    ["fd20:ce::254, a cloud's metadata", "fd20:ce::254"],
    ["fe80::/10, link-local", "fe80::1"],
    ["fec0::/10, site-local", "fec0::1"],
    ["ff00::/8, multicast", "ff02::1"],
    ["::/96, an IPv4 address within", "::7f00:1"],
    ["::ffff:0:0/96, an IPv4 address within", "::ffff:a9fe:a9fe"],
    ["::ffff:0:0:0/96, an IPv4 address within", "::ffff:0:a00:1"],
    ["64:ff9b::/96, an IPv4 address within", "64:ff9b::c0a8:101"],
    ["2002::/16, an IPv4 address within", "2002:7f00:1::1"],
  ];
  test.each(ranges)("%s: %s, in the URL or behind a name", async (_name, address) => {
    await using pictures = await servePictures(send(PNG));
    const host = address.includes(":") ? `[${address}]` : address;
    const behind = fetcher(pictures, [[address]]);
    expect(await refusalOf(behind.at("/"))).toBe("pictures.test is not on the public internet");
    const among = fetcher(pictures, [[PUBLIC, address]]);
    expect(await refusalOf(among.at("/"))).toBe("pictures.test is not on the public internet");
    const literal = fetcher(pictures);
    const work = literal.fetchImage(`http://${host}:${pictures.port}/`, never);
    expect(await refusalOf(work)).toEndWith("is not on the public internet");
    expect([pictures.dialled, literal.lookups]).toEqual([[], []]);
  });

  const spellings = [
    "http://localhost/",
    "http://LOCALHOST./",
    "http://box.localhost/",
    "http://2130706433/",
    "http://0177.0.0.1/",
    "http://0x7f.1/",
    "http://127.1/",
    "http://0/",
    "http://１２７.0.0.1/",
    "http://metadata.google.internal/",
    "http://metadata/",
    "http://metadata.goog/",
    "http://instance-data/",
  ];
  test.each(spellings)("%s, without a look-up", async (url) => {
    await using pictures = await servePictures(send(PNG));
    const { fetchImage, lookups } = fetcher(pictures);
    expect(await refusalOf(fetchImage(url, never))).toEndWith("is not on the public internet");
    expect([pictures.dialled, lookups]).toEqual([[], []]);
  });
});

describe("45 DNS that answers differently the second time", () => {
  test("is not asked a second time: the connection goes to the address that was checked", async () => {
    await using pictures = await servePictures(send(PNG));
    const { at, lookups } = fetcher(pictures, [[PUBLIC], ["127.0.0.1"]]);
    await at("/picture");
    expect([lookups, pictures.dialled]).toEqual([["pictures.test"], [PUBLIC]]);
  });

  test("is refused when a redirect leads to the same name, which is private by now", async () => {
    await using pictures = await servePictures(redirect(() => "/secret"));
    const { at, lookups } = fetcher(pictures, [[PUBLIC], ["127.0.0.1"]]);
    expect(await refusalOf(at("/picture"))).toBe("pictures.test is not on the public internet");
    expect([lookups.length, pictures.asked]).toEqual([2, ["/picture"]]);
  });
});

describe("a redirect", () => {
  test.each([301, 302, 303, 307, 308])("of status %p is followed", async (status) => {
    await using pictures = await servePictures((request, response) =>
      request.url === "/picture" ? response.writeHead(status, { location: "moved?to=here" }).end() : response.end(PNG),
    );
    expect((await fetcher(pictures).at("/picture")).mediaType).toBe("image/png");
    expect(pictures.asked).toEqual(["/picture", "/moved?to=here"]);
  });

  const hops = redirect((path) => `/${Number(path.slice(1)) - 1}`);
  const upTo: RequestListener = (request, response) =>
    request.url === "/0" ? response.end(PNG) : hops(request, response);

  test("is followed three times, each with a look-up of its own", async () => {
    await using pictures = await servePictures(upTo);
    const { at, lookups } = fetcher(pictures);
    expect((await at("/3")).mediaType).toBe("image/png");
    expect(lookups.length).toBe(4);
  });

  test("is not followed a fourth time", async () => {
    await using pictures = await servePictures(upTo);
    expect(await refusalOf(fetcher(pictures).at("/4"))).toBe("pictures.test redirects more than 3 times");
    expect(pictures.asked).toEqual(["/4", "/3", "/2", "/1"]);
  });

  const refused: [string, string, string][] = [
    ["this machine", "http://127.0.0.1/", "127.0.0.1 is not on the public internet"],
    ["metadata", "http://169.254.169.254/latest", "169.254.169.254 is not on the public internet"],
    ["a file", "file:///etc/passwd", "pictures.test redirects to an address that is not http:// or https://"],
    [
      "a data URL",
      "data:image/png;base64,AA==",
      "pictures.test redirects to an address that is not http:// or https://",
    ],
    [
      "a URL with a password",
      "http://a:b@c.test/",
      "pictures.test redirects to an address that holds a user name or password",
    ],
    ["nonsense", "http://[", "pictures.test redirects to an address that is not http:// or https://"],
  ];
  test.each(refused)("45 to %s is refused", async (_name, location, words) => {
    await using pictures = await servePictures(redirect(() => location));
    expect(await refusalOf(fetcher(pictures).at("/picture"))).toBe(words);
    expect(pictures.asked).toEqual(["/picture"]);
  });
});

describe("an image that cannot be used", () => {
  const endless: RequestListener = (_, response) => {
    response.writeHead(200);
    response.on("drain", () => response.write(Buffer.alloc(MIB)));
    response.write(Buffer.alloc(MIB));
  };
  const cases: [string, RequestListener, string][] = [
    ["is not there", (_, response) => response.writeHead(404).end(PNG), "pictures.test answered with status 404"],
    [
      "says a redirect without saying where",
      (_, response) => response.writeHead(302).end(),
      "pictures.test answered with status 302",
    ],
    [
      "is announced as larger than 10 MiB",
      (_, response) => response.writeHead(200, { "content-length": 10 * MIB + 1 }).write(PNG),
      "it is larger than 10 MiB",
    ],
    ["has no end", endless, "it is larger than 10 MiB"],
    [
      "is a page",
      send(Buffer.from("<html>"), { "content-type": "image/png" }),
      "what pictures.test sends is no PNG, JPEG, GIF or WebP image",
    ],
    [
      "is a drawing with scripts",
      send(Buffer.from("<svg/>"), { "content-type": "image/svg+xml" }),
      "what pictures.test sends is no PNG, JPEG, GIF or WebP image",
    ],
    ["is empty", send(Buffer.alloc(0)), "what pictures.test sends is no PNG, JPEG, GIF or WebP image"],
    [
      "is packed, though that was not asked for",
      send(Bun.gzipSync(new Uint8Array(PNG)), { "content-encoding": "gzip" }),
      "what pictures.test sends is no PNG, JPEG, GIF or WebP image",
    ],
    [
      "breaks off",
      (_, response) => response.writeHead(200, { "content-length": 99 }).write(PNG, () => response.destroy()),
      "pictures.test broke off in the middle of it",
    ],
    ["is never answered", (request) => request.socket.destroy(), "pictures.test cannot be reached"],
  ];
  test.each(cases)("because it %s is refused in words", async (_name, listener, words) => {
    await using pictures = await servePictures(listener);
    expect(await refusalOf(fetcher(pictures).at("/picture?token=secret"))).toBe(words);
  });

  const addresses: [string, string][] = [
    ["ftp://pictures.test/", "its address is not http:// or https://"],
    ["file:///etc/passwd", "its address is not http:// or https://"],
    ["http://", "its address is not http:// or https://"],
    ["http://user:word@pictures.test/", "its address holds a user name or password"],
  ];
  test.each(addresses)("because of its address, %s, is refused without a look-up", async (address, words) => {
    await using pictures = await servePictures(send(PNG));
    const { fetchImage, lookups } = fetcher(pictures);
    expect(await refusalOf(fetchImage(address, never))).toBe(words);
    expect(lookups).toEqual([]);
  });

  test("because no DNS knows its name is refused in words", async () => {
    const lookup = () => Promise.reject(new Error("ENOTFOUND"));
    const fetchImage = createFetchImage({ clock: new VirtualClock(), lookup });
    expect(await refusalOf(fetchImage("https://gone.test/", never))).toBe("gone.test cannot be resolved");
  });

  test("because its certificate is another's is refused in words", async () => {
    const get = () => Promise.reject(Object.assign(new Error(), { code: "ERR_TLS_CERT_ALTNAME_INVALID" }));
    const fetchImage = createFetchImage({ clock: new VirtualClock(), lookup: () => Promise.resolve([PUBLIC]), get });
    expect(await refusalOf(fetchImage("https://a.test/", never))).toBe("the certificate of a.test is not valid");
  });
});

describe("an image that does not come", () => {
  /** Stalls at one point; resolves `reached` there and `left` when the connection is closed. */
  function stall(begin: RequestListener) {
    const reached = Promise.withResolvers<void>();
    const left = Promise.withResolvers<void>();
    const listener: RequestListener = (request, response) => {
      request.socket.on("close", () => left.resolve());
      begin(request, response);
      reached.resolve();
    };
    return { listener, reached: reached.promise, left: left.promise };
  }

  const points: [string, RequestListener][] = [
    ["before its head", () => undefined],
    ["in its body", (_, response) => void response.writeHead(200).write(PNG)],
  ];
  test.each(points)("%s is given up after 10 s in all", async (_name, begin) => {
    const { listener, reached, left } = stall(begin);
    await using pictures = await servePictures(listener);
    const { at, clock } = fetcher(pictures);
    const words = refusalOf(at("/picture"));
    await reached;
    await clock.advance(9999);
    expect(clock.pending).toBe(1);
    await clock.advance(1);
    expect(await words).toBe("it did not arrive within 10 s");
    await left;
  });

  test.each(points)("%s is given up as soon as the client leaves", async (_name, begin) => {
    const { listener, reached, left } = stall(begin);
    await using pictures = await servePictures(listener);
    const { at, clock } = fetcher(pictures);
    const client = new AbortController();
    const failure = at("/picture", client.signal).catch((error: unknown) => error);
    await reached;
    const reason = new Error("the client left");
    client.abort(reason);
    expect(await failure).toBe(reason);
    await left;
    expect(clock.pending).toBe(0);
  });

  test("because DNS is silent is given up after 10 s, and nothing connects afterwards", async () => {
    await using pictures = await servePictures(send(PNG));
    const clock = new VirtualClock();
    const answer = Promise.withResolvers<string[]>();
    const fetchImage = createFetchImage({ clock, lookup: () => answer.promise, get: pictures.get });
    const words = refusalOf(fetchImage("http://pictures.test/", never));
    await clock.advance(10_000);
    expect(await words).toBe("it did not arrive within 10 s");
    answer.resolve([PUBLIC]);
    await clock.advance(0);
    expect(pictures.dialled).toEqual([]);
  });
});
