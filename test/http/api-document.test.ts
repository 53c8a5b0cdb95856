import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Gateway, startGateway } from "../gateway.ts";

type Json = Record<string, unknown>;
interface Operation extends Json {
  readonly responses: Record<string, { readonly description?: string }>;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required: boolean }[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema: Json; readonly example?: unknown }> };
}
interface Document {
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Record<string, Record<string, Operation>>;
}

let gateway: Gateway;
let document: Document;
beforeAll(async () => {
  gateway = await startGateway({ env: { BASE_PATH: "/sluice" } });
  document = (await (await fetch(`${gateway.url}/docs/json`)).json()) as Document;
});
afterAll(() => gateway.stop());

const operationAt = (method: string, path: string) => document.paths[path]?.[method];
const bodyOf = (method: string, path: string) => operationAt(method, path)?.requestBody?.content["application/json"];

test("every operation has the fields of OpenAPI 3.0 alone, and words for each of its answers", () => {
  const known = new Set("tags summary operationId parameters requestBody responses security".split(" "));
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ name: `${method} ${path}`, operation })),
  );
  const strange = operations.filter(({ operation }) => Object.keys(operation).some((field) => !known.has(field)));
  const silent = operations.filter(({ operation }) =>
    Object.values(operation.responses).some(({ description = "" }) => description === ""),
  );
  expect([...strange, ...silent].map(({ name }) => name)).toEqual([]);
});

test("its schemas hold no word that OpenAPI 3.0 does not know", () => {
  const foreign = new Set<string>();
  JSON.stringify(document, (key, value: unknown) => {
    if (key === "const" || key === "patternProperties" || (key === "type" && value === "null")) foreign.add(key);
    return value;
  });
  expect([...foreign]).toEqual([]);
});

test("the body that it shows for a chat gets an answer without any account", async () => {
  const { schema, example } = bodyOf("post", "/v1/chat/completions") ?? {};
  expect(schema).toMatchObject({ required: ["messages"], properties: { stop: { nullable: true } } });
  const response = await gateway.ask("/v1/chat/completions", { method: "POST", body: JSON.stringify(example) });
  expect(response.status).toBe(200);
});

test("what an operation takes stands in its path, its query or its body", () => {
  expect(operationAt("get", "/api/requests")?.parameters).toContainEqual(
    expect.objectContaining({ name: "limit", in: "query", required: false }),
  );
  expect(operationAt("post", "/api/accounts/{id}/renew")?.parameters).toEqual([
    expect.objectContaining({ name: "id", in: "path", required: true }),
  ]);
  expect(bodyOf("post", "/api/accounts/{id}/renew")?.schema).toMatchObject({ required: ["text"] });
  expect(bodyOf("post", "/reload")?.schema).toMatchObject({ required: ["type", "cookies"] });
  expect(operationAt("post", "/api/accounts/{id}/test")?.requestBody).toBeUndefined();
});

test("one model by its id is in it", () => {
  expect(operationAt("get", "/v1/models/{model}")?.parameters).toHaveLength(1);
});

test("the page tries its calls below the path at which a proxy mounts the gateway", () => {
  expect(document.servers).toEqual([{ url: "/sluice/" }]);
});
