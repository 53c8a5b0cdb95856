/** Texts in what the service sends: one that is empty is none. */
import { isObject } from "../../lib/json.ts";

/** A text; undefined for an empty one and for anything else. */
export function textIn(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** An object's field as `textIn` reads it; undefined of anything that is no object. */
export function field(json: unknown, name: string): string | undefined {
  return isObject(json) ? textIn(json[name]) : undefined;
}
