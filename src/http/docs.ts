import { swagger } from "@elysiajs/swagger";
import { Elysia } from "elysia";

const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/**
 * The API page at `/docs` and its document at `/docs/json`. The document is the plugin's; the page is ours, because the
 * plugin's loads its program from elsewhere and stays blank offline.
 */
export function mountDocs(version: string) {
  return new Elysia({ name: "docs" })
    .use(
      swagger({
        path: "/docs",
        specPath: "/docs/json",
        exclude: [/^\/console/, "/docs/start.js"],
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
      }),
    )
    .get("/docs", () => new Response(PAGE, { headers: { ...HTML, "content-security-policy": CSP } }), HIDDEN)
    .get("/docs/start.js", () => new Response(START, { headers: { "content-type": "text/javascript" } }), HIDDEN);
}

const HIDDEN = { detail: { hide: true } };
const HTML = { "content-type": "text/html; charset=utf-8", "x-content-type-options": "nosniff" };

const PAGE = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>API · Sluice</title><link rel="stylesheet" href="./console/assets/swagger-ui.css">
<link rel="icon" href="./console/assets/favicon.svg"></head>
<body><div id="api"></div><noscript>The document itself is at <a href="./docs/json">docs/json</a>.</noscript>
<script src="./console/assets/swagger-ui-bundle.js"></script><script src="./docs/start.js"></script></body></html>`;

const START = `SwaggerUIBundle({ url: "./docs/json", dom_id: "#api", deepLinking: true, defaultModelsExpandDepth: 0 });`;
