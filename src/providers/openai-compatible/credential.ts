import { serviceCredential } from "../service-credential.ts";

/** The login at an OpenAI-compatible service. */
export const credential = serviceCredential(
  {
    endpoints: ["/chat/completions", "/completions", "/responses", "/models"],
    pathOn: { "api.longcat.chat": "/openai" },
  },
  '{"name": "My service", "baseUrl": "https://api.example.com/v1", "apiKey": "sk-..."}',
);
