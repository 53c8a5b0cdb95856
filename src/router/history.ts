import { createHash } from "node:crypto";
import type { ChatEvent } from "../chat/event.ts";
import { textOf, type Message, type Part } from "../chat/request.ts";

/** Whose history it is, and where: histories of two scopes never meet. */
export interface HistoryScope {
  /** The client key, or what stands for it. */
  readonly caller: string;
  readonly provider: string;
  /** The upstream's model. */
  readonly model: string;
}

/** A request's messages, cut after the last answer: an upstream chat may hold the first part already. */
export interface SplitHistory {
  /** Hash of what was said up to and including the last answer; undefined when nothing was answered yet. */
  readonly key: string | undefined;
  /** What is new since then. Never empty when `key` is set. */
  readonly tail: readonly Message[];
}

/** The cut, with the key under which a chat of the first part was kept. */
export function splitHistory(messages: readonly Message[], scope: HistoryScope): SplitHistory {
  const last = messages.findLastIndex(({ role }) => role === "assistant");
  const tail = messages.slice(last + 1);
  if (last < 0 || tail.length === 0) return { key: undefined, tail: messages };
  return { key: historyKey(messages.slice(0, last + 1), scope), tail };
}

/**
 * Hash of a history as the upstream's memory holds it. What clients change between turns is left out: thinking, ids of
 * tool calls, outer white space, the billing line that Claude Code writes into its system prompt, empty messages, and
 * how an answer was split into messages.
 */
export function historyKey(messages: readonly Message[], scope: HistoryScope): string {
  const hash = createHash("sha256").update(JSON.stringify([scope.caller, scope.provider, scope.model]));
  let answer: Part[] = [];
  const add = (role: Message["role"], name: string, parts: readonly Part[]): void => {
    const normal = [wordsOf(role, parts), ...parts.flatMap(normalOf)];
    if (normal.length > 1 || normal[0] !== "") hash.update(JSON.stringify([role, name, ...normal]));
  };
  for (const { role, name = "", parts } of messages) {
    if (role === "assistant") {
      answer.push(...parts);
      continue;
    }
    add("assistant", "", answer);
    answer = [];
    add(role, name, parts);
  }
  add("assistant", "", answer);
  return hash.digest("hex");
}

/** It stands alone in a block of the system prompt, or on a line of it, and differs with every request. */
const BILLING_LINE = /^x-anthropic-billing-header:.*$/gim;

function wordsOf(role: Message["role"], parts: readonly Part[]): string {
  if (role !== "system") return textOf(parts).trim();
  return textOf(
    parts.map((part) => (part.type === "text" ? { ...part, text: part.text.replace(BILLING_LINE, "") } : part)),
  ).trim();
}

function normalOf(part: Part): unknown[] {
  switch (part.type) {
    case "tool-call":
      return [["call", part.name, canonical(part.json)]];
    case "tool-result":
      return [["result", part.isError, textOf(part.content).trim(), ...part.content.flatMap(normalOf)]];
    case "image":
      return [["image", part.source.kind === "base64" ? part.source.data : part.source.url]];
    default:
      return [];
  }
}

/** Clients parse arguments and write them anew. */
function canonical(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json));
  } catch {
    return json.trim();
  }
}

/** Collects an answer as its client will send it back. */
export class AnswerDraft {
  readonly #streamed: boolean;
  readonly #calls = new Map<string, { name: string; json: string }>();
  #text = "";

  /** @param streamed a client that did not stream gets the upstream's own whole text where there is one */
  constructor(streamed: boolean) {
    this.#streamed = streamed;
  }

  add(event: ChatEvent): void {
    if (event.type === "text-delta") this.#text += event.text;
    else if (event.type === "tool-call-start") this.#calls.set(event.id, { name: event.name, json: "" });
    else if (event.type === "tool-call-delta") {
      const call = this.#calls.get(event.id);
      if (call) call.json += event.json;
    } else if (event.type === "end" && event.text && !this.#streamed) this.#text = event.text;
  }

  message(): Message {
    const calls = [...this.#calls].map(
      ([id, { name, json }]) => ({ type: "tool-call", id, name, json: json || "{}" }) as const,
    );
    return { role: "assistant", parts: [{ type: "text", text: this.#text }, ...calls] };
  }
}
