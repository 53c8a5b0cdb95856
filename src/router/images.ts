import type { Capabilities } from "../chat/capabilities.ts";
import { GatewayError } from "../chat/error.ts";
import type { ChatRequest, ImagePart, Message, Part } from "../chat/request.ts";
import { follow, type Abortable } from "../lib/abort.ts";
import { type FetchImage, ImageRefused } from "../lib/fetch-image.ts";

const MOST_IMAGES = 20;
const AT_ONCE = 4;
/** Of all fetched images of a request together: what a client may send as bytes by default. */
const MOST_BYTES = 32 * 1024 * 1024;

type Source = ImagePart["source"];

/** The images that one request names by their addresses, fetched once and not before an upstream needs their bytes. */
export class RequestImages {
  readonly #messages: readonly Message[];
  readonly #fetchImage: FetchImage;
  readonly #signal: Abortable;
  #fetched: Promise<ReadonlyMap<string, Source>> | undefined;

  /** @param messages as the client sent them, so that errors name its own places */
  constructor(messages: readonly Message[], fetchImage: FetchImage, signal: Abortable) {
    this.#messages = messages;
    this.#fetchImage = fetchImage;
    this.#signal = signal;
  }

  /** Whether an upstream with these capabilities needs bytes that the client did not send. */
  areNeeded({ images }: Capabilities): boolean {
    return images === "base64" && addressesIn(this.#messages).size > 0;
  }

  /**
   * The request as the upstream can take it: with bytes in the place of addresses, where it needs that.
   * @param request all the client's messages, or some of them
   * @throws GatewayError invalid-request for an image that cannot be used, or the signal's own when it aborts
   */
  async inline(request: ChatRequest, capabilities: Capabilities): Promise<ChatRequest> {
    if (!this.areNeeded(capabilities)) return request;
    this.#fetched ??= this.#fetch();
    const sources = await this.#fetched;
    const replace = <T extends Part>(part: T): T => {
      if (part.type === "tool-result") return { ...part, content: part.content.map(replace) };
      if (part.type !== "image" || part.source.kind === "base64") return part;
      return { ...part, source: sources.get(part.source.url) ?? part.source };
    };
    return {
      ...request,
      messages: request.messages.map((message) => ({ ...message, parts: message.parts.map(replace) })),
    };
  }

  async #fetch(): Promise<ReadonlyMap<string, Source>> {
    const addresses = addressesIn(this.#messages);
    const surplus = [...addresses.values()][MOST_IMAGES];
    if (surplus) throw refusal(surplus, `it is one more than the ${MOST_IMAGES} that a request may name`);
    const sources = new Map<string, Source>();
    const controller = new AbortController();
    const unfollow = follow(this.#signal, controller);
    const left = addresses.entries();
    let size = 0;
    const work = async (): Promise<void> => {
      for (const [url, field] of left) {
        const { mediaType, bytes } = await this.#fetchImage(url, controller.signal).catch((error: unknown) => {
          throw error instanceof ImageRefused ? refusal(field, error.message, error) : error;
        });
        size += bytes.length;
        if (size > MOST_BYTES)
          throw refusal(field, `with it they are larger than ${MOST_BYTES / 1024 / 1024} MiB together`);
        sources.set(url, { kind: "base64", mediaType, data: bytes.toString("base64") });
      }
    };
    try {
      await Promise.all(Array.from({ length: AT_ONCE }, work));
      return sources;
    } finally {
      unfollow();
      // One that failed is enough: the others are of no use.
      controller.abort();
    }
  }
}

/** Each address and the field of the client's request in which it stands first. */
function addressesIn(messages: readonly Message[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const [index, { parts }] of messages.entries()) {
    for (const part of parts.flatMap((each): readonly Part[] =>
      each.type === "tool-result" ? each.content : [each],
    )) {
      if (part.type !== "image" || part.source.kind !== "url" || found.has(part.source.url)) continue;
      found.set(part.source.url, `messages[${index}].content`);
    }
  }
  return found;
}

function refusal(field: string, why: string, cause?: unknown): GatewayError {
  const text = `\`${field}\` names an image by its address that cannot be used: ${why}.`;
  return new GatewayError("invalid-request", text, { field, cause });
}
