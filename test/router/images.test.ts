import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/chat/error.ts";
import type { ChatRequest, ImagePart, Message, Part, TextPart } from "../../src/chat/request.ts";
import { createFetchImage, type FetchImage, ImageRefused } from "../../src/lib/fetch-image.ts";
import { PNG, PUBLIC, servePictures } from "../pictures.ts";
import { VirtualClock } from "../virtual-clock.ts";
import { FakeProvider, fails } from "./fake-provider.ts";
import { openWorld } from "./world.ts";

const image = (url: string): ImagePart => ({ type: "image", source: { kind: "url", url }, detail: "high" });
const say = (words: string): TextPart => ({ type: "text", text: words });
const user = (...parts: Part[]): Message => ({ role: "user", parts });
const asks = (...parts: Part[]): Partial<ChatRequest> => ({ messages: [user(...parts)] });
const fetched = { kind: "base64", mediaType: "image/png", data: PNG.toString("base64") } as const;

/** Fetches at once, or what `answer` makes of it; remembers what was asked for and how many were under way at once. */
function fakeFetch(answer?: (url: string, signal: AbortSignal) => Promise<void>) {
  const asked: string[] = [];
  let active = 0;
  let most = 0;
  const fetchImage: FetchImage = async (url, signal) => {
    asked.push(url);
    most = Math.max(most, ++active);
    try {
      await (answer?.(url, signal) ?? Promise.resolve());
      return { mediaType: "image/png", bytes: PNG };
    } finally {
      active--;
    }
  };
  return { fetchImage, asked, most: () => most, active: () => active };
}

/** A provider that takes images so, and the requests that reached it. */
function seeing(images: "none" | "base64" | "any", name = "fake") {
  const fake = new FakeProvider(name);
  fake.capabilities = { ...fake.capabilities, images };
  const requests: ChatRequest[] = [];
  const chat = fake.chat.bind(fake);
  fake.chat = (request, context) => {
    requests.push(request);
    return chat(request, context);
  };
  return { fake, requests, sources: () => requests.map(({ messages }) => messages.flatMap(sourcesIn)) };
}

const sourcesIn = ({ parts }: Message): unknown[] =>
  parts
    .flatMap((part): readonly Part[] => (part.type === "tool-result" ? part.content : [part]))
    .flatMap((part) => (part.type === "image" ? [part.source] : []));

async function failureOf(work: Promise<unknown>): Promise<GatewayError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof GatewayError) return error;
  throw new Error("it did not fail", { cause: error });
}

describe("images named by address", () => {
  test("reach an upstream that takes bytes as bytes, from a real server, wherever they stand", async () => {
    await using pictures = await servePictures((_, response) => response.end(PNG));
    const lookup = () => Promise.resolve([PUBLIC]);
    const fetchImage = createFetchImage({ clock: new VirtualClock(), lookup, get: pictures.get });
    const { fake, requests } = seeing("base64");
    await using world = await openWorld({ providers: [fake], fetchImage });
    await world.add("a");
    const at = (path: string) => image(`http://pictures.test:${pictures.port}${path}`);
    const own: ImagePart = { type: "image", source: { kind: "base64", mediaType: "image/gif", data: "R0lG" } };
    const before: Message[] = [
      user(say("Look"), at("/a"), own),
      { role: "assistant", parts: [{ type: "tool-call", id: "call_1", name: "see", json: "{}" }] },
      user({ type: "tool-result", callId: "call_1", isError: false, content: [say("Here"), at("/b")] }),
    ];
    expect(await world.ask({}, { messages: before })).toBe("hello from a");
    const bytes = { type: "image", source: fetched, detail: "high" };
    expect(requests[0]?.messages as unknown).toEqual([
      user(say("Look"), bytes as ImagePart, own),
      before[1],
      user({ type: "tool-result", callId: "call_1", isError: false, content: [say("Here"), bytes as ImagePart] }),
    ]);
    expect(pictures.asked.toSorted()).toEqual(["/a", "/b"]);
  });

  test("go on as addresses to an upstream that fetches them itself, and nothing is fetched", async () => {
    const { fake, sources } = seeing("any");
    const { fetchImage, asked } = fakeFetch();
    await using world = await openWorld({ providers: [fake], fetchImage });
    await world.add("a");
    await world.ask({}, asks(image("https://a.test/1")));
    expect([sources(), asked]).toEqual([[[{ kind: "url", url: "https://a.test/1" }]], []]);
  });

  test("are refused for an upstream that takes text only, and nothing is fetched", async () => {
    const { fake } = seeing("none");
    const { fetchImage, asked } = fakeFetch();
    await using world = await openWorld({ providers: [fake], fetchImage });
    await world.add("a");
    expect(await world.ask({}, asks(image("https://a.test/1")))).toBe("invalid-request");
    expect([fake.asked, asked]).toEqual([[], []]);
  });

  test("are fetched once a request, however often they stand there and however many attempts it takes", async () => {
    const { fake, sources } = seeing("base64");
    const { fetchImage, asked } = fakeFetch();
    await using world = await openWorld({ providers: [fake], fetchImage });
    await world.add("a,b");
    fake.next("a", fails("rate-limited"));
    expect(await world.ask({}, asks(image("https://a.test/1"), image("https://a.test/1")))).toBe("hello from b");
    expect([sources(), asked]).toEqual([
      [
        [fetched, fetched],
        [fetched, fetched],
      ],
      ["https://a.test/1"],
    ]);
  });

  test("are not fetched for a provider that has nobody to ask", async () => {
    const first = seeing("base64", "first");
    const second = seeing("any", "second");
    const { fetchImage, asked } = fakeFetch();
    await using world = await openWorld({ providers: [first.fake, second.fake], fetchImage });
    await world.add("a", "second");
    expect(await world.ask({}, asks(image("https://a.test/1")))).toBe("hello from a");
    expect(asked).toEqual([]);
    expect(await world.ask({ provider: "first" }, asks(image("https://a.test/1")))).toBe("no-account");
  });

  test("stay with the history's key, so that a follow-up finds its chat and sends bytes", async () => {
    const { fake, sources } = seeing("base64");
    fake.chats = { open: () => Promise.resolve("chat"), ready: false, keep: "reuse", deleteDelayMs: [0, 0] };
    const { fetchImage, asked } = fakeFetch();
    await using world = await openWorld({ providers: [fake], fetchImage });
    await world.add("a");
    const first = user(say("Look"), image("https://a.test/1"));
    expect(await world.ask({}, { messages: [first] })).toBe("hello from a");
    await world.clock.advance(0);
    const answer: Message = { role: "assistant", parts: [say("hello from a")] };
    await world.ask({}, { messages: [first, answer, user(say("And"), image("https://a.test/2"))] });
    expect(sources()).toEqual([[fetched], [fetched]]);
    expect(asked).toEqual(["https://a.test/1", "https://a.test/1", "https://a.test/2"]);
  });
});

describe("an image that cannot be fetched", () => {
  test("is an invalid request that names the message and the reason, blames no account and stops the others", async () => {
    const { fake } = seeing("base64");
    const stopped: string[] = [];
    const { fetchImage, active } = fakeFetch((url, signal) => {
      if (url === "https://a.test/bad") return Promise.reject(new ImageRefused("a.test cannot be reached"));
      return new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          stopped.push(url);
          reject(signal.reason as Error);
        });
      });
    });
    await using world = await openWorld({ providers: [fake], fetchImage });
    await world.add("a");
    const bad = image("https://a.test/bad");
    const messages = [user(say("Hi")), user(image("https://a.test/slow"), bad), user(bad)];
    const failure = await failureOf(world.run({}, { messages }));
    expect(failure).toMatchObject({
      kind: "invalid-request",
      field: "messages[1].content",
      message: "`messages[1].content` names an image by its address that cannot be used: a.test cannot be reached.",
    });
    await world.clock.advance(0);
    expect([stopped, active(), fake.asked]).toEqual([["https://a.test/slow"], 0, []]);
    expect(world.view("a")).toMatchObject({ state: "ready", attempts: 0, failures: 0 });
  });

  test("does not keep the request from the next provider, which takes the address", async () => {
    const first = seeing("base64", "first");
    const second = seeing("any", "second");
    const { fetchImage } = fakeFetch(() => Promise.reject(new ImageRefused("a.test cannot be reached")));
    await using world = await openWorld({ providers: [first.fake, second.fake], fetchImage });
    await world.add("a", "first");
    await world.add("b", "second");
    expect(await world.ask({}, asks(image("https://a.test/bad")))).toBe("hello from b");
    expect(first.fake.asked).toEqual([]);
  });

  test("because the client left ends the request as cancelled, with the fetch", async () => {
    const { fake } = seeing("base64");
    const { promise: begun, resolve } = Promise.withResolvers<void>();
    const { fetchImage, active } = fakeFetch((_, signal) => {
      resolve();
      return new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason as Error));
      });
    });
    await using world = await openWorld({ providers: [fake], fetchImage });
    await world.add("a");
    const client = new AbortController();
    const failure = failureOf(world.run({ signal: client.signal }, asks(image("https://a.test/1"))));
    await begun;
    client.abort(new GatewayError("cancelled", "The client left."));
    expect((await failure).kind).toBe("cancelled");
    expect([active(), fake.asked, world.router.active]).toEqual([0, [], 0]);
  });
});

describe("many images", () => {
  const numbered = (count: number) => Array.from({ length: count }, (_, i) => image(`https://a.test/${i}`));

  test("are fetched four at once", async () => {
    const { fake } = seeing("base64");
    const { fetchImage, asked, most } = fakeFetch(() => new Promise((resolve) => setImmediate(resolve)));
    await using world = await openWorld({ providers: [fake], fetchImage });
    await world.add("a");
    expect(await world.ask({}, asks(...numbered(20)))).toBe("hello from a");
    expect([asked.length, most()]).toEqual([20, 4]);
  });

  test("are refused from the 21st on, before any is fetched", async () => {
    const { fake } = seeing("base64");
    const { fetchImage, asked } = fakeFetch();
    await using world = await openWorld({ providers: [fake], fetchImage });
    await world.add("a");
    const messages = [user(...numbered(20)), user(image("https://a.test/0")), user(image("https://a.test/20"))];
    const { kind, field } = await failureOf(world.run({}, { messages }));
    expect([kind, field, asked]).toEqual(["invalid-request", "messages[2].content", []]);
  });

  test("are refused when they are larger than 32 MiB together", async () => {
    const { fake } = seeing("base64");
    const bytes = Buffer.alloc(9 * 1024 * 1024);
    const fetchImage: FetchImage = () => Promise.resolve({ mediaType: "image/png", bytes });
    await using world = await openWorld({ providers: [fake], fetchImage });
    await world.add("a");
    expect(await world.ask({}, asks(...numbered(3)))).toBe("hello from a");
    const failure = await failureOf(world.run({}, asks(...numbered(4))));
    expect(failure.message).toContain("32 MiB together");
  });
});
