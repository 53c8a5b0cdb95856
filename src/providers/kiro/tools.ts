import type { Tool } from "../../chat/request.ts";
import { isObject, parseJson } from "../../lib/json.ts";
import type { KiroDialect, KiroTool } from "./wire.ts";

const LONGEST_NAME = 64;
const LEGACY_DESCRIPTION_BYTES = 10_240;
const DEEPEST_SCHEMA = 64;

/** A tool name as the service takes it: letters, digits, `_` and `-`, at most 64. Others are shortened, with a hash. */
export function upstreamName(name: string): string {
  if (/^[\w-]{1,64}$/.test(name)) return name;
  const hash = new Bun.CryptoHasher("sha256").update(name).digest("hex").slice(0, 8);
  return `${name.replace(/[^\w-]/g, "_").slice(0, LONGEST_NAME - hash.length - 1)}_${hash}`;
}

/** From the service's tool names, in lower case, back to the client's. */
export function namesBack(names: Iterable<string>): Map<string, string> {
  const back = new Map<string, string>();
  for (const name of names) {
    const key = upstreamName(name).toLowerCase();
    if (!back.has(key)) back.set(key, name);
  }
  return back;
}

/**
 * The tools to list: the client's, each name once, and a stub for every name that the history uses without a tool.
 * @param used tool names of the history, as the client wrote them
 */
export function toolsOf(tools: readonly Tool[], used: Iterable<string>, dialect: KiroDialect): KiroTool[] {
  const listed = new Map<string, KiroTool>();
  for (const tool of tools) {
    const name = upstreamName(tool.name);
    if (listed.has(name.toLowerCase())) continue;
    listed.set(name.toLowerCase(), specification(name, descriptionOf(tool, dialect), cleanSchema(tool.parameters)));
  }
  for (const original of used) {
    const name = upstreamName(original);
    if (!listed.has(name.toLowerCase())) listed.set(name.toLowerCase(), specification(name, name, cleanSchema({})));
  }
  return [...listed.values()];
}

function specification(name: string, description: string, json: Record<string, unknown>): KiroTool {
  return { toolSpecification: { name, description, inputSchema: { json } } };
}

/** Never empty, which is refused; on the legacy hosts at most 10,240 bytes, cut between characters. */
export function descriptionOf(tool: Pick<Tool, "name" | "description">, dialect: KiroDialect): string {
  const description = tool.description.trim() === "" ? tool.name : tool.description;
  if (dialect === "runtime" || Buffer.byteLength(description) <= LEGACY_DESCRIPTION_BYTES) return description;
  const head = Buffer.from(description).subarray(0, LEGACY_DESCRIPTION_BYTES - 3);
  // A character that was cut in two decodes to U+FFFD at the end.
  return `${new TextDecoder().decode(head).replace(/\uFFFD+$/, "")}...`;
}

/** The arguments of a call in the history. The service takes an object only, without nulls and without empty keys. */
export function inputOf(json: string): Record<string, unknown> {
  if (json.trim() === "") return {};
  const parsed = parseJson(json);
  if (!parsed.ok) return { arguments: json };
  const { value } = parsed;
  if (!isObject(value)) return value === null ? {} : { arguments: value };
  return withoutNulls(value) as Record<string, unknown>;
}

/** A copy without nulls and without empty keys at any depth; both are refused. */
export function withoutNulls(value: unknown, depth = 0): unknown {
  if (depth > DEEPEST_SCHEMA) return {};
  if (Array.isArray(value)) return value.filter((item) => item !== null).map((item) => withoutNulls(item, depth + 1));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, inner]) => key !== "" && inner !== null)
      .map(([key, inner]) => [key, withoutNulls(inner, depth + 1)]),
  );
}

const SCHEMA_MAPS = new Set(["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"]);
const SCHEMA_LISTS = new Set(["anyOf", "oneOf", "allOf", "prefixItems"]);
const SCHEMAS = new Set(["items", "not", "if", "then", "else", "contains", "propertyNames"]);

/** A tool's schema as the service takes it: an object with properties, and no null anywhere. */
export function cleanSchema(schema: unknown): Record<string, unknown> {
  const clean = node(schema, 0);
  return { ...clean, type: "object", properties: isObject(clean["properties"]) ? clean["properties"] : {} };
}

function node(schema: unknown, depth: number): Record<string, unknown> {
  if (!isObject(schema) || depth > DEEPEST_SCHEMA) return {};
  const clean: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key === "" || value === null) continue;
    const cleaned = keyword(key, value, depth + 1);
    if (cleaned !== undefined) clean[key] = cleaned;
  }
  return clean;
}

/** One keyword's value; undefined when it is of a shape that would be refused. */
function keyword(key: string, value: unknown, depth: number): unknown {
  if (SCHEMA_MAPS.has(key)) {
    if (!isObject(value)) return undefined;
    const named = Object.entries(value).filter(([name]) => name !== "");
    return Object.fromEntries(named.map(([name, inner]) => [name, node(inner, depth)]));
  }
  if (SCHEMA_LISTS.has(key)) return Array.isArray(value) ? value.map((inner) => node(inner, depth)) : undefined;
  if (SCHEMAS.has(key)) return Array.isArray(value) ? value.map((inner) => node(inner, depth)) : node(value, depth);
  if (key === "required") return Array.isArray(value) ? value.filter((name) => typeof name === "string") : undefined;
  if (key === "additionalProperties") {
    return typeof value === "boolean" ? value : isObject(value) ? node(value, depth) : undefined;
  }
  return withoutNulls(value, depth);
}
