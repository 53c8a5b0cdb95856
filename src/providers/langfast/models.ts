/** LangFast's models as a table that a user can replace: `models.json` in the shape of the service's own rows. */
import { readFileSync } from "node:fs";
import { GatewayError } from "../../chat/error.ts";
import { isObject, parseJson } from "../../lib/json.ts";
import type { ModelInfo } from "../provider.ts";
import builtIn from "./models.json" with { type: "json" };

/** What a model takes. A parameter that its row lacks is refused by the service and therefore never sent. */
export interface ModelRow {
  readonly slug: string;
  /** Dated names of the same model. */
  readonly versions: readonly string[];
  readonly ownedBy: string;
  /** Unix seconds; 0 when the row does not tell. */
  readonly created: number;
  /** Served to paid accounts alone. */
  readonly premium: boolean;
  /** Roles it knows. */
  readonly roles: readonly string[];
  /** Parameters that are there or not: `temperature`, `stream` and so on. */
  readonly takes: ReadonlySet<string>;
  readonly responseFormats: readonly string[];
  readonly efforts: readonly string[];
  /** Undefined: the row has no `max_completion_tokens`; Infinity: it has one without a cap. */
  readonly maxTokens: number | undefined;
}

export interface ModelTable {
  readonly models: readonly ModelInfo[];
  readonly rows: readonly ModelRow[];
  /** The slug a name means: a slug or a dated version in the table, in any case; undefined for every other name. */
  match(name: string): string | undefined;
  /** @throws GatewayError unknown-model */
  row(slug: string): ModelRow;
}

/** Rows of such a status are not offered. */
const HIDDEN = new Set(["inactive", "disabled", "retired", "deprecated", "hidden", "private"]);

/**
 * The table of a JSON text, of the file at `path`, or the built-in one.
 * @throws GatewayError invalid-request that names the file or the row that cannot be read
 */
export function loadModels(source: {
  readonly json?: string | undefined;
  readonly path?: string | undefined;
}): ModelTable {
  if (source.json !== undefined) return tableOf(parsed(source.json, "The LangFast model table"));
  if (source.path === undefined) return tableOf(builtIn);
  const named = `The LangFast model table ${source.path}`;
  let text: string;
  try {
    text = readFileSync(source.path, "utf8");
  } catch (cause) {
    throw wrong(`${named} cannot be read.`, undefined, cause);
  }
  return tableOf(parsed(text, named));
}

function parsed(text: string, named: string): unknown {
  const json = parseJson(text);
  if (!json.ok) throw wrong(`${named} is no JSON: ${json.reason}`);
  return json.value;
}

function tableOf(value: unknown): ModelTable {
  if (!Array.isArray(value) || value.length === 0) throw wrong("The LangFast model table is no list of rows.");
  const rows = value.flatMap((row: unknown, index) => rowOf(row, `models[${index}]`));
  const slugs = new Map<string, ModelRow>();
  const byName = new Map<string, string>();
  for (const row of rows) {
    slugs.set(row.slug, row);
    for (const version of row.versions) byName.set(version.toLowerCase(), row.slug);
  }
  // A name that is a slug means that row, whatever other rows list as their versions.
  for (const { slug } of rows) byName.set(slug.toLowerCase(), slug);
  return {
    rows,
    models: rows.map(({ slug, created, ownedBy }) => ({ id: slug, created, ownedBy })),
    match: (name) => byName.get(name.trim().toLowerCase()),
    row(slug) {
      const row = slugs.get(slug);
      if (!row) throw new GatewayError("unknown-model", `LangFast has no model "${slug}".`, { field: "model" });
      return row;
    },
  };
}

function rowOf(value: unknown, at: string): ModelRow[] {
  if (!isObject(value)) throw wrong(`${at} of the LangFast model table is no object.`, at);
  const { slug, status, versions, provider, created_at: createdAt, premium } = value;
  if (typeof slug !== "string" || slug.trim() === "") {
    throw wrong(`${at} of the LangFast model table has no \`slug\`.`, `${at}.slug`);
  }
  if (typeof status === "string" && HIDDEN.has(status.toLowerCase())) return [];
  const parameters = isObject(value["parameters"]) ? value["parameters"] : {};
  const limit = parameters["max_completion_tokens"];
  const most = isObject(limit) ? limit["max_value"] : limit;
  const created = typeof createdAt === "string" ? Date.parse(createdAt) / 1000 : 0;
  const roles = namesIn(parameters["message_types"]);
  return [
    {
      slug,
      versions: namesIn(versions),
      ownedBy: typeof provider === "string" && provider !== "" ? provider : "langfast",
      created: Number.isFinite(created) ? Math.floor(created) : 0,
      premium: premium === true,
      roles: roles.length > 0 ? roles : ["system", "user", "assistant"],
      takes: new Set(Object.keys(parameters).filter((name) => parameters[name] !== false && parameters[name] !== null)),
      responseFormats: namesIn(parameters["response_format"]),
      efforts: namesIn(parameters["reasoning_effort"]),
      maxTokens: limit ? (typeof most === "number" && most > 0 ? most : Infinity) : undefined,
    },
  ];
}

function namesIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((name): name is string => typeof name === "string" && name !== "") : [];
}

function wrong(message: string, field = "models", cause?: unknown): GatewayError {
  return new GatewayError("invalid-request", message, { field, cause });
}
