import type { TObject, TSchema } from "@sinclair/typebox";
import { isObject } from "../lib/json.ts";

/** A JSON object out of an OpenAPI document, which has dozens of shapes. */
type Json = Record<string, unknown>;

/** What an operation takes, for the document. */
export interface Described {
  readonly method: "GET" | "POST";
  /** As its route has it: `/api/keys/:id/revoke`. */
  readonly path: string;
  /** Parts of the path, and the rest in the query (GET) or in a JSON body (POST). */
  readonly input: TObject;
  /** A body that works at once. */
  readonly example?: unknown;
  /** The answer may also be a stream of events. */
  readonly streams?: boolean;
}

/** In the API's own paths and in those of operators. */
const ERRORS = {
  Error: errorSchema({ message: string(), type: string(), param: nullable(string()), code: nullable(string()) }),
  OperatorError: errorSchema({ kind: string(), message: string() }),
} as const;

/**
 * The generated OpenAPI 3.0 document with what its generator does not know: what the operations take, and that each may
 * fail. Fields that the format does not have are taken out.
 *
 * @param root where a browser finds the gateway: `/`, or `/sluice/` behind a proxy
 */
export function completedDocument(generated: unknown, operations: readonly Described[], root: string): Json {
  const document = objectOf(generated);
  const paths = objectOf(document["paths"]);
  const described = new Map(operations.map((one) => [`${one.method} ${templateOf(one.path)}`, one]));
  for (const [path, item] of Object.entries(paths)) {
    for (const [method, value] of Object.entries(objectOf(item))) {
      const operation = objectOf(value);
      const takes = described.get(`${method.toUpperCase()} ${path}`);
      delete operation["hide"];
      Object.assign(operation, takes && inputOf(takes), { responses: responsesOf(operation, takes?.streams) });
    }
  }
  const components = { ...objectOf(document["components"]), schemas: ERRORS };
  return { ...document, servers: [{ url: root }], components };
}

function inputOf({ method, path, input, example }: Described): Json {
  const inPath = new Set([...path.matchAll(/:(\w+)/g)].map(([, name]) => name));
  const required = new Set(input.required);
  const fields = Object.entries<TSchema>(input.properties).map(([name, schema]) => ({
    name,
    isRequired: required.has(name) && schema.default === undefined,
    schema: openApiSchema(schema),
  }));
  const parameters = fields
    .filter(({ name }) => method === "GET" || inPath.has(name))
    .map(({ name, isRequired, schema }) =>
      inPath.has(name)
        ? { name, in: "path", required: true, schema }
        : { name, in: "query", required: isRequired, schema },
    );
  const rest = method === "GET" ? [] : fields.filter(({ name }) => !inPath.has(name));
  const needed = rest.filter(({ isRequired }) => isRequired).map(({ name }) => name);
  const schema: Json = {
    type: "object",
    properties: Object.fromEntries(rest.map((field) => [field.name, field.schema])),
    ...(needed.length > 0 ? { required: needed } : {}),
  };
  const content = { "application/json": example === undefined ? { schema } : { schema, example } };
  return {
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(rest.length > 0 ? { requestBody: { required: needed.length > 0, content } } : {}),
  };
}

function responsesOf({ summary, tags }: Json, streams = false): Json {
  const anything = { schema: {} };
  const good = streams
    ? { "application/json": anything, "text/event-stream": { schema: string() } }
    : { "application/json": anything };
  const isOperators = Array.isArray(tags) && tags.includes("admin");
  const schema = { $ref: `#/components/schemas/${isOperators ? "OperatorError" : "Error"}` };
  return {
    200: { description: typeof summary === "string" ? summary : "Done", content: good },
    default: { description: "What went wrong, in words", content: { "application/json": { schema } } },
  };
}

/** JSON Schema as OpenAPI 3.0 knows it: `null` is a mark on another type, a constant a list of one, and no key patterns. */
function openApiSchema(schema: TSchema): Json {
  const { anyOf, const: constant, patternProperties, properties, items, ...rest } = schema as Json;
  if (Array.isArray(anyOf)) return unionOf(anyOf as TSchema[], rest);
  const out: Json = { ...rest };
  if (constant !== undefined) out["enum"] = [constant];
  if (isObject(patternProperties)) {
    const [values] = Object.values(patternProperties) as TSchema[];
    out["additionalProperties"] = values === undefined ? true : openApiSchema(values);
  }
  if (isObject(properties)) {
    const fields = Object.entries(properties as Record<string, TSchema>);
    out["properties"] = Object.fromEntries(fields.map(([name, field]) => [name, openApiSchema(field)]));
  }
  if (isObject(items)) out["items"] = openApiSchema(items as TSchema);
  return out;
}

function unionOf(variants: readonly TSchema[], rest: Json): Json {
  const some = variants.filter((variant) => variant["type"] !== "null").map(openApiSchema);
  const mark = some.length < variants.length ? { nullable: true } : {};
  const [only] = some;
  if (some.length === 1 && only) return { ...only, ...rest, ...mark };
  if (some.every((variant) => Array.isArray(variant["enum"]))) {
    return { type: "string", enum: some.flatMap((variant) => variant["enum"]), ...rest, ...mark };
  }
  return { anyOf: some, ...rest, ...mark };
}

const templateOf = (path: string): string => path.replace(/:(\w+)/g, "{$1}");

function objectOf(value: unknown): Json {
  return isObject(value) ? value : {};
}

function string(): Json {
  return { type: "string" };
}

function nullable(schema: Json): Json {
  return { ...schema, nullable: true };
}

function errorSchema(properties: Record<string, Json>): Json {
  const error = { type: "object", properties, required: Object.keys(properties) };
  return { type: "object", properties: { error }, required: ["error"] };
}
