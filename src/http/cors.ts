/** Browser clients call from any origin and prove themselves with a key, never with a cookie. */
export const CORS_HEADERS = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers":
    "x-request-id, retry-after, x-should-retry, x-sluice-account, x-sluice-attempts, x-sluice-model, x-sluice-provider",
} as const;

/** Answers a preflight: whatever headers the browser asks for are allowed (`*` would not cover `authorization`). */
export function preflight(headers: Headers): Response {
  return new Response(null, {
    status: 204,
    headers: {
      ...CORS_HEADERS,
      "access-control-allow-methods": "GET, POST, PUT, PATCH, DELETE, OPTIONS",
      "access-control-allow-headers":
        headers.get("access-control-request-headers") ?? "authorization, content-type, x-api-key",
      "access-control-max-age": "86400",
      vary: "access-control-request-headers",
    },
  });
}
