import { join } from "node:path";
import { Elysia } from "elysia";
import { lazyFiles } from "../lib/lazy-files.ts";
import { completedDocument, type Described } from "./api-document.ts";

const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export interface DocsOptions {
  readonly version: string;
  /** The folder with `vendor/swagger-ui/`. */
  readonly assetRoot: string;
  /** Where a browser finds the gateway: `/`, or `/sluice` behind a proxy. */
  readonly basePath: string;
  readonly operations: () => readonly Described[];
}

/**
 * The API page at `/docs` and its document at `/docs/json`. The document is the plugin's; the page is ours, because the
 * plugin's loads its program from elsewhere and stays blank offline.
 */
export function mountDocs({ version, assetRoot, basePath, operations }: DocsOptions) {
  const root = basePath.replace(/\/*$/, "/");
  const docs = new Elysia({ name: "docs" });
  let document: Promise<string> | undefined;
  const describe = async (): Promise<string> => {
    const generated = await documentOf(docs, version);
    return JSON.stringify(completedDocument(generated, operations(), root));
  };
  return docs
    .use(
      lazyFiles({
        assets: join(assetRoot, "vendor", "swagger-ui"),
        prefix: "/docs/assets",
        etag: false,
        headers: { "cache-control": "max-age=3600" },
      }),
    )
    .get(
      "/docs/json",
      async () => new Response(await (document ??= describe()), { headers: { "content-type": "application/json" } }),
      HIDDEN,
    )
    .get("/docs", () => new Response(page(root), { headers: { ...HTML, "content-security-policy": CSP } }), HIDDEN)
    .get("/docs/start.js", () => new Response(start(root), { headers: { "content-type": "text/javascript" } }), HIDDEN);
}

/** The plugin lists all routes of the app that `parent` is mounted in. It is loaded when asked for: few ever do. */
async function documentOf(parent: Elysia, version: string): Promise<unknown> {
  const { swagger } = await import("@elysiajs/swagger");
  const plugin = swagger({
    path: "/docs",
    specPath: "/docs/json",
    exclude: [/^\/console/, /^\/docs/],
    documentation: {
      info: {
        title: "Sluice",
        version,
        description: "Your chat accounts behind the OpenAI API. Send your key as `Authorization: Bearer KEY`.",
      },
      tags: [
        { name: "chat", description: "What OpenAI clients call" },
        { name: "models", description: "What there is to choose from" },
        { name: "health", description: "For people, probes and scripts" },
        { name: "admin", description: "Everything an operator can do; needs an admin key" },
      ],
      components: {
        securitySchemes: { key: { type: "http", scheme: "bearer" } },
      },
      security: [{ key: [] }],
    },
  });
  parent.use(plugin);
  return (await plugin.handle(new Request("http://localhost/docs/json"))).json();
}

const HIDDEN = { detail: { hide: true } };
const HTML = { "content-type": "text/html; charset=utf-8", "x-content-type-options": "nosniff" };

const page = (root: string) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>API · Sluice</title><link rel="stylesheet" href="${root}docs/assets/swagger-ui.css">
<link rel="icon" href="${root}console/assets/favicon.svg"></head>
<body><div id="api"></div><noscript>The document itself is at <a href="${root}docs/json">docs/json</a>.</noscript>
<script src="${root}docs/assets/swagger-ui-bundle.js"></script><script src="${root}docs/start.js"></script></body></html>`;

const start = (root: string) =>
  `SwaggerUIBundle({ url: "${root}docs/json", dom_id: "#api", deepLinking: true, defaultModelsExpandDepth: 0 });`;
