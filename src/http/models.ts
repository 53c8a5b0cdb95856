import { GatewayError } from "../chat/error.ts";
import type { Router } from "../router/run.ts";
import { CORS_HEADERS } from "./cors.ts";

/** `GET /v1/models`. `provider` limits the list to one provider (`/longcat/v1/models`). */
export function listModels(router: Router, provider?: string): Response {
  return Response.json({ object: "list", data: router.models(provider).map(toEntry) }, { headers: CORS_HEADERS });
}

/** `GET /v1/models/{id}`. @throws GatewayError unknown-model */
export function showModel(router: Router, id: string, provider?: string): Response {
  const model = router.models(provider).find((known) => known.id.toLowerCase() === id.toLowerCase());
  if (!model) {
    throw new GatewayError("unknown-model", `There is no model "${id}" here. GET /v1/models lists what there is.`, {
      field: "model",
    });
  }
  return Response.json(toEntry(model), { headers: CORS_HEADERS });
}

function toEntry(model: ReturnType<Router["models"]>[number]) {
  return { id: model.id, object: "model", created: model.created, owned_by: model.ownedBy };
}
