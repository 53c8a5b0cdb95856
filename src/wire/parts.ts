/** What both formats are described with. */
import { type TSchema, Type } from "@sinclair/typebox";

/** A field that may be missing, or null. */
export const maybe = <T extends TSchema>(schema: T) =>
  Type.Optional(Type.Union([schema, Type.Null()], { description: schema.description ?? "a valid value" }));

export const STRING = Type.String({ description: "a string" });
export const NUMBER = Type.Number({ description: "a number" });
export const BOOLEAN = Type.Boolean({ description: "true or false" });
export const OBJECT = Type.Record(Type.String(), Type.Unknown(), { description: "an object" });
export const NAME = Type.String({ minLength: 1, description: "a string that is not empty" });
export const COUNT = Type.Integer({ minimum: 1, description: "a whole number of 1 or more" });

/** One of these words, and nothing else. */
export const oneOf = <const T extends string>(...values: T[]) =>
  Type.Unsafe<T>(
    Type.Union(
      values.map((value) => Type.Literal(value)),
      { description: `one of ${values.map((value) => `"${value}"`).join(", ")}` },
    ),
  );
