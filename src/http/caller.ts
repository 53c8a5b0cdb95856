import type { Provider } from "../providers/provider.ts";

/** Who sends a request, once its key was checked. */
export type Caller =
  | { readonly kind: "key"; readonly name: string; readonly admin: boolean }
  /** The API is open to all who can reach it. */
  | { readonly kind: "open" }
  /** The caller brought accounts of their own: they serve this request alone and are never stored. */
  | { readonly kind: "own-accounts"; readonly provider: Provider; readonly credentials: readonly unknown[] };
