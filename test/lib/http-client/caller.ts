/** Calls each address given, through the proxy in PROXY if there is one, and prints what came. A process of its own: the
 * authorities that it trusts are read once, at its start. */
import { readText } from "../../../src/lib/body.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { createUpstreamFetch } from "../../../src/providers/upstream-fetch.ts";

const proxy = process.env["PROXY"];
const fetch = createUpstreamFetch({ clock: systemClock, connectMs: 5000, proxy: () => proxy });
const { signal } = new AbortController();
const said: string[] = [];
for (const url of process.argv.slice(2)) {
  try {
    const response = await fetch(url, { method: "POST", body: "hello", signal });
    said.push(`${response.status} ${await readText(response.body)}`);
  } catch (error) {
    said.push(error instanceof Error ? error.message : String(error));
  }
}
process.stdout.write(JSON.stringify(said));
