/** What a client-side API format must offer to live here. A dialect never learns which provider answers. */
import type { TObject } from "@sinclair/typebox";
import type { ChatResult } from "../chat/collect.ts";
import type { GatewayError } from "../chat/error.ts";
import type { ChatEvent } from "../chat/event.ts";
import type { ChatRequest } from "../chat/request.ts";

/** What every answer repeats. */
export interface AnswerHead {
  /** The gateway's id of the request (`req_…`). */
  readonly requestId: string;
  /** The model as the client named it, or the one that was chosen for it. */
  readonly model: string;
  /** Unix seconds. */
  readonly created: number;
}

/** Turns one answer's events into frames. A state machine: each call returns the text to send, "" for nothing. */
export interface StreamEncoder {
  /** What goes out before the first event. */
  start(): string;
  event(event: ChatEvent): string;
  /** Ends a stream that broke; nothing follows it. */
  failure(error: GatewayError): string;
}

export interface Dialect {
  readonly name: string;
  /** Below every API prefix: `/chat/completions`. */
  readonly path: string;
  /** What a body may hold, for the API page; `example` is one that works without any account. */
  readonly body: { readonly schema: TObject; readonly example: unknown };
  /**
   * @param body the parsed JSON body
   * @param head the id and arrival time (epoch ms) that the request gets
   * @throws GatewayError invalid-request with the field that is wrong
   */
  decode(body: unknown, headers: Headers, head: { id: string; receivedAt: number }): ChatRequest;
  encodeStream(request: ChatRequest, head: AnswerHead): StreamEncoder;
  /** The JSON body of an answer that was not streamed. */
  encodeWhole(result: ChatResult, request: ChatRequest, head: AnswerHead): unknown;
  /** The JSON body of a failure; status and headers are the same for all dialects and are set by `http/`. */
  encodeFailure(error: GatewayError, requestId: string): unknown;
}
