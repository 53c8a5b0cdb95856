import type { Caller as AnyCaller } from "../router/run.ts";

/** Who sends a request, once its key was checked; a key also says whether it may do what an operator may. */
export type Caller =
  | { readonly kind: "key"; readonly id: string; readonly name: string; readonly admin: boolean }
  | Exclude<AnyCaller, { kind: "key" }>;
