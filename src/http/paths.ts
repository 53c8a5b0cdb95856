/** Where an API path leads once its prefix is understood. */
export interface ApiPath {
  /** The provider that the prefix names (`/longcat/v1/…`). */
  readonly provider: string | undefined;
  /** The rest, with one leading slash and none at the end: `/chat/completions`. */
  readonly rest: string;
}

/**
 * Reads the prefixes people have in their clients: `/v1`, `/api/v1`, none, `/{provider}/v1`, and forgives doubled and
 * trailing slashes and a doubled `v1` (a base address with `/v1` in a client that adds its own).
 *
 * @param pathname without the query
 */
export function apiPath(pathname: string, isProvider: (name: string) => boolean): ApiPath {
  const segments = pathname.split("/").filter((segment) => segment !== "");
  let provider: string | undefined;
  if (segments[0] === "api" && segments[1] !== undefined) segments.shift();
  if (segments[0] !== undefined && isProvider(segments[0])) provider = segments.shift();
  while (segments[0] === "v1") segments.shift();
  return { provider, rest: `/${segments.join("/")}` };
}
