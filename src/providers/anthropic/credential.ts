import { serviceCredential } from "../service-credential.ts";

/** The login at Anthropic, or at a service that speaks its Messages format. */
export const credential = serviceCredential(
  {
    endpoints: ["/messages/count_tokens", "/messages", "/models"],
    pathOn: { "api.longcat.chat": "/anthropic" },
  },
  '{"name": "Anthropic", "baseUrl": "https://api.anthropic.com", "apiKey": "sk-ant-..."}',
);
