/** What the client makes of an answer's bytes, however they are cut. */
import { describe, expect, test } from "bun:test";
import { readText } from "../../../src/lib/body.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { createUpstreamFetch } from "../../../src/providers/upstream-fetch.ts";
import { seededRandom } from "../../seeded-random.ts";
import { onRequest, startRawServer } from "./raw-server.ts";

const signal = new AbortController().signal;
const CHUNKED = "transfer-encoding: chunked\r\n\r\n";

/** @param size of each piece, characters */
function piecesOf(text: string, size: number): readonly string[] {
  return text.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
}

/** What came of one call, and over how many connections two went. */
async function ask(pieces: readonly string[], closes: boolean) {
  let connections = 0;
  using server = await startRawServer((socket) => {
    connections++;
    socket.setNoDelay(true);
    onRequest(socket, () => {
      const write = (index: number): void => {
        const piece = pieces[index];
        if (piece !== undefined) socket.write(piece, "latin1", () => setImmediate(write, index + 1));
        else if (closes) socket.end();
      };
      write(0);
    });
  });
  const fetch = createUpstreamFetch({ clock: systemClock, connectMs: 5000 });
  const once = async () => {
    const response = await fetch(server.url, { signal });
    return `${response.status} ${await readText(response.body)}`;
  };
  const said = await once();
  return { said, again: await once(), connections };
}

interface Answered {
  readonly name: string;
  readonly bytes: string;
  readonly said: string;
  readonly isKept: boolean;
  readonly closes?: boolean;
}

const ANSWERED: readonly Answered[] = [
  { name: "a length", bytes: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", said: "200 hello", isKept: true },
  { name: "no body", bytes: "HTTP/1.1 204 No Content\r\n\r\n", said: "204 ", isKept: true },
  {
    name: "nothing changed",
    bytes: "HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n",
    said: "304 ",
    isKept: true,
  },
  { name: "a length of none", bytes: "HTTP/1.1 500 \r\ncontent-length: 0\r\n\r\n", said: "500 ", isKept: true },
  {
    name: "chunks",
    bytes: `HTTP/1.1 200 OK\r\n${CHUNKED}5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n`,
    said: "200 hello!",
    isKept: true,
  },
  {
    name: "chunks with extensions, capitals and trailers",
    bytes: `HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\nA;name="x"\r\n0123456789\r\n00 \r\nchecksum: 1\r\nb: 2\r\n\r\n`,
    said: "200 0123456789",
    isKept: true,
  },
  {
    name: "chunks and a length, which does not count",
    bytes: `HTTP/1.1 200 OK\r\ncontent-length: 2\r\n${CHUNKED}3\r\nabc\r\n0\r\n\r\n`,
    said: "200 abc",
    isKept: true,
  },
  {
    name: "an announcement before the answer",
    bytes:
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    said: "200 ok",
    isKept: true,
  },
  {
    name: "a length said twice alike",
    bytes: "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nok",
    said: "200 ok",
    isKept: true,
  },
  {
    name: "the wish to close",
    bytes: "HTTP/1.1 200 OK\r\nconnection: Close\r\ncontent-length: 2\r\n\r\nok",
    said: "200 ok",
    isKept: false,
  },
  { name: "HTTP/1.0", bytes: "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", said: "200 ok", isKept: false },
  {
    name: "a length, with a coding that is none",
    bytes: "HTTP/1.1 200 OK\r\ntransfer-encoding: Identity\r\ncontent-length: 2\r\n\r\nok",
    said: "200 ok",
    isKept: true,
  },
  {
    name: "the end of the connection",
    bytes: "HTTP/1.1 200 OK\r\n\r\nall of it",
    said: "200 all of it",
    isKept: false,
    closes: true,
  },
];

describe("an answer that ends with", () => {
  test.each(ANSWERED)("$name", async ({ bytes, said, isKept, closes = false }) => {
    for (const size of [bytes.length, 1, 3, 7]) {
      const pieces = piecesOf(bytes, size);
      const kept = { said, again: said, connections: isKept ? 1 : 2 };
      expect(await ask(pieces, closes)).toEqual(kept);
    }
  });
});

test("chunks of any size come as they are", async () => {
  const random = seededRandom(1);
  const chunks = [1, 2, 999, 1000, 1001, 2100, 65_536].map((size) =>
    String.fromCharCode(...Array.from({ length: size }, () => 0x20 + Math.floor(random() * 0x5f))),
  );
  const body = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join("");
  const bytes = `HTTP/1.1 200 OK\r\n${CHUNKED}${body}0\r\n\r\n`;
  const said = `200 ${chunks.join("")}`;
  for (const size of [bytes.length, 1500])
    expect(await ask(piecesOf(bytes, size), false)).toEqual({ said, again: said, connections: 1 });
});

test("bytes beyond the body are not taken for the next answer", async () => {
  const bytes = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 500 Broken\r\n\r\n";
  expect(await ask([bytes], false)).toEqual({ said: "200 ok", again: "200 ok", connections: 2 });
});

interface Refused {
  readonly name: string;
  readonly bytes: string;
  readonly words: RegExp;
}

const LONG = `x: ${"y".repeat(70_000)}\r\n`;
const REFUSED: readonly Refused[] = [
  { name: "no HTTP", bytes: "SSH-2.0-OpenSSH_9.7\r\n\r\n", words: /did not answer as a web server does/ },
  { name: "another HTTP", bytes: "HTTP/2 200\r\n\r\n", words: /did not answer as a web server does/ },
  { name: "a length that is no number", bytes: "HTTP/1.1 200 OK\r\ncontent-length: 5x\r\n\r\nhello", words: /length/ },
  { name: "a negative length", bytes: "HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\nhello", words: /length/ },
  {
    name: "two lengths",
    bytes: "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
    words: /length/,
  },
  { name: "a head without end", bytes: `HTTP/1.1 200 OK\r\n${LONG}`, words: /head/ },
  { name: "a head that is too long", bytes: `HTTP/1.1 200 OK\r\n${LONG}\r\n`, words: /head/ },
  { name: "an end before the head's", bytes: "HTTP/1.1 200 OK\r\nco", words: /closed the connection/ },
  { name: "no byte", bytes: "", words: /closed the connection/ },
];

test.each(REFUSED)("an answer with $name is refused in words", async ({ bytes, words }) => {
  const failure = ask([bytes], true);
  await expect(failure).rejects.toThrow(words);
  await expect(failure).rejects.toHaveProperty("kind", "upstream-broken");
});

const BROKEN: readonly (readonly [name: string, bytes: string])[] = [
  ["a chunk without a size", `HTTP/1.1 200 OK\r\n${CHUNKED}\r\nhello\r\n0\r\n\r\n`],
  ["a chunk longer than it says", `HTTP/1.1 200 OK\r\n${CHUNKED}2\r\nhello\r\n0\r\n\r\n`],
  ["a size without end", `HTTP/1.1 200 OK\r\n${CHUNKED}${"0".repeat(20_000)}`],
  ["an end within its length", "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhello"],
  ["an end within its chunks", `HTTP/1.1 200 OK\r\n${CHUNKED}5\r\nhello\r\n`],
];

test.each(BROKEN)("a body with %s fails and is never taken for whole", async (_name, bytes) => {
  await expect(ask([bytes], true)).rejects.toThrow();
  await expect(ask(piecesOf(bytes.slice(0, 200), 1), true)).rejects.toThrow();
});

test("headers are found whatever their case, joined when they repeat, cookies one by one", async () => {
  const head =
    "HTTP/1.1 200 OK\r\nX-One:  a b \r\nx-two: 1\r\nX-TWO: 2\r\nSet-Cookie: a=1; Path=/\r\nset-cookie: b=2\r\ncontent-length: 0\r\n\r\n";
  using server = await startRawServer((socket) => onRequest(socket, () => socket.write(head)));
  const { headers } = await createUpstreamFetch({ clock: systemClock, connectMs: 5000 })(server.url, { signal });
  expect([headers.get("x-one"), headers.get("x-two"), headers.get("x-three"), headers.get("one")]).toEqual([
    "a b",
    "1, 2",
    null,
    null,
  ]);
  expect(headers.getSetCookie()).toEqual(["a=1; Path=/", "b=2"]);
});
