import type { Config } from "../config.ts";
import type { Router } from "../router/run.ts";

/** At most one sentence: which names of KNOWN_MODELS mean no model, so that `/v1/models` goes without them. */
export function unservedModels({ router: { knownModels = [] } }: Config, router: Router): string[] {
  const listed = new Set(router.models().map(({ id }) => id));
  const unserved = knownModels.filter((name) => !listed.has(name));
  return unserved.length === 0 ? [] : [`KNOWN_MODELS names what nobody here serves: ${unserved.join(", ")}`];
}
