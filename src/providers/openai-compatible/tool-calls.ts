/** Tool calls out of a stream's pieces, in every way services number and repeat them (protocol.md, "Tool calls"). */
import { GatewayError } from "../../chat/error.ts";
import type { UpstreamEvent } from "../../chat/event.ts";
import { newId } from "../../lib/id.ts";
import { isObject, parseJson } from "../../lib/json.ts";
import { textOf } from "../service-fields.ts";

interface Call {
  /** As the service gave it, "" until it does. */
  upstreamId: string;
  readonly index: number | undefined;
  name: string;
  json: string;
  /** The id under which its events go out; undefined until its start has. */
  id: string | undefined;
}

/** The calls of one answer, put together from its pieces, each under an id that no other has. */
export class ToolCalls {
  readonly #calls: Call[] = [];
  readonly #ids = new Set<string>();

  get count(): number {
    return this.#calls.length;
  }

  /** Reads one entry of `tool_calls`. A call starts once its name is whole: with its first arguments, or at its end. */
  read(entry: unknown, out: UpstreamEvent[]): void {
    if (!isObject(entry)) return;
    const called = isObject(entry["function"]) ? entry["function"] : entry;
    const id = textOf(entry["id"]);
    const name = textOf(called["name"]);
    const json = argumentsOf(called["arguments"]);
    const index = typeof entry["index"] === "number" ? entry["index"] : undefined;
    if (index === undefined && id === "" && name === "" && json === "") return;
    const call = this.#find(index, id, name, json) ?? this.#begin(index);
    call.upstreamId ||= id;
    if (call.id === undefined) call.name = joinName(call.name, name);
    if (json === "") return;
    call.json += json;
    if (call.name === "") return;
    if (call.id === undefined) this.#start(call, out, call.json);
    else out.push({ type: "tool-call-delta", id: call.id, json });
  }

  /**
   * Ends every call.
   * @param cut the answer met a limit: a call that it cut short stays open
   * @throws GatewayError upstream-broken for a call without a name or with arguments that are no JSON object
   */
  end(cut: boolean, out: UpstreamEvent[]): void {
    for (const call of this.#calls) {
      const parsed = parseJson(call.json.trim() || "{}");
      const isWhole = call.name !== "" && parsed.ok && isObject(parsed.value);
      if (!isWhole && !cut) {
        throw new GatewayError(
          "upstream-broken",
          "The service cut a tool call short: its arguments are no JSON object.",
        );
      }
      if (call.name !== "" && call.id === undefined) this.#start(call, out, call.json);
      if (isWhole && call.id !== undefined) out.push({ type: "tool-call-end", id: call.id });
    }
  }

  /** The call that a piece goes on with; undefined when it begins a new one. */
  #find(index: number | undefined, id: string, name: string, json: string): Call | undefined {
    const named = id === "" ? undefined : this.#calls.findLast((call) => call.upstreamId === id);
    const open =
      index === undefined
        ? (named ?? this.#calls.at(-1))
        : (this.#calls.findLast((call) => call.index === index) ?? (name === "" ? named : undefined));
    // A new id without a name is a service that makes up an id for each piece.
    if (!open || name === "") return open;
    if (id !== "" && open.upstreamId !== "") return open.upstreamId === id ? open : undefined;
    // Neither id nor index part two calls that come whole, one after the other.
    return open.json.trimEnd().endsWith("}") && json !== "" && parseJson(open.json).ok ? undefined : open;
  }

  #begin(index: number | undefined): Call {
    const call: Call = { upstreamId: "", index, name: "", json: "", id: undefined };
    this.#calls.push(call);
    return call;
  }

  #start(call: Call, out: UpstreamEvent[], json: string): void {
    // Results name calls by their id, so that no two may share one.
    const free = call.upstreamId !== "" && !this.#ids.has(call.upstreamId);
    call.id = free ? call.upstreamId : newId("call");
    this.#ids.add(call.id);
    out.push({ type: "tool-call-start", id: call.id, name: call.name });
    if (json !== "") out.push({ type: "tool-call-delta", id: call.id, json });
  }
}

/** A name comes whole, in pieces, or again with each piece. */
function joinName(name: string, piece: string): string {
  if (piece === "" || piece === name) return name;
  return piece.startsWith(name) ? piece : name + piece;
}

/** JSON text as the format has it, or the object itself as some services send it. */
function argumentsOf(value: unknown): string {
  return isObject(value) ? JSON.stringify(value) : textOf(value);
}
