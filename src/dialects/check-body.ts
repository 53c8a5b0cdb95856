import type { Static, TObject, TSchema } from "@sinclair/typebox";
import { TypeCompiler, type ValueError } from "@sinclair/typebox/compiler";
import { Value } from "@sinclair/typebox/value";
import { GatewayError } from "../chat/error.ts";
import { isObject } from "../lib/json.ts";

/**
 * Makes a check that narrows a body out of a format's schema, which may have further fields. Each schema's `description`
 * completes the sentence "the field must be ...".
 * @throws (the check) GatewayError invalid-request that names the first wrong field and what it must be
 */
export function bodyChecker<T extends TObject>(schema: T): (body: unknown) => Static<T> {
  const fields = new Map(
    Object.entries<TSchema>(schema.properties).map(([name, field]) => [name, fieldChecker(field)]),
  );
  const required: readonly string[] = schema.required ?? [];
  const isValid = (body: unknown): body is Static<T> => {
    if (!isObject(body)) return false;
    for (const name of required) if (body[name] === undefined) return false;
    for (const name in body) {
      const value = body[name];
      if (value !== undefined && fields.get(name)?.(value) === false) return false;
    }
    return true;
  };
  return (body) => {
    if (isValid(body)) return body;
    const first = Value.Errors(schema, body).First();
    const error = first && deepest(first);
    const field = fieldOf(error?.path ?? "");
    const must = error?.schema.description ?? "valid";
    const found = error?.value === undefined ? "it is missing" : `it is ${nameOf(error.value)}`;
    throw new GatewayError("invalid-request", `${subjectOf(field)} must be ${must}; ${found}.`, { field });
  };
}

/**
 * Compiles when it is asked for the second time: that takes milliseconds, which no first answer waits for, and nobody for
 * a field that clients do not send.
 */
function fieldChecker(schema: TSchema): (value: unknown) => boolean {
  let isFirst = true;
  let compiled: ReturnType<typeof TypeCompiler.Compile> | undefined;
  return (value) => {
    if (!isFirst) return (compiled ??= TypeCompiler.Compile(schema)).Check(value);
    isFirst = false;
    return Value.Check(schema, value);
  };
}

/** The field name for the whole body. */
const BODY = "body";

/** Wraps a field's path for a sentence. */
const subjectOf = (field: string): string => (field === BODY ? "The body" : `\`${field}\``);

/** A union reports itself as wrong; the fault lies in the variant that got furthest into the value. */
function deepest(error: ValueError): ValueError {
  let best = error;
  for (const variant of error.errors) {
    const first = variant.First();
    if (!first) continue;
    const candidate = deepest(first);
    if (candidate.path.length > best.path.length) best = candidate;
  }
  return best;
}

/** `/messages/2/content` as `messages[2].content`. */
function fieldOf(pointer: string): string {
  let field = "";
  for (const step of pointer.split("/").slice(1)) {
    const name = step.replaceAll("~1", "/").replaceAll("~0", "~");
    if (/^\d+$/.test(name)) field += `[${name}]`;
    else field += field === "" ? name : `.${name}`;
  }
  return field || BODY;
}

function nameOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return value.length === 0 ? "an empty array" : "an array";
  if (value === "") return "an empty string";
  // A long string may be a secret in the wrong field.
  if (typeof value === "string") return value.length <= 20 ? `the string ${JSON.stringify(value)}` : "another string";
  if (typeof value === "number" || typeof value === "boolean") return `${value}`;
  return "an object";
}
