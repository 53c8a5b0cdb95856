import type { Config } from "../config.ts";
import { type Command, EXIT } from "./command.ts";
import { servingProcess } from "./connect.ts";
import { askLoopback } from "./loopback.ts";

const ANSWER_MS = 5000;

/** Asks over the network alone, so that a container's health check needs neither the data folder nor its lock. */
export const HEALTH_COMMAND: Command = {
  name: "health",
  summary: "ask /healthz of the configured address; exits 0 when it is well, 1 when not",
  json: "{ ok, url, status, text }; status is the HTTP status, left out when nothing answered",
  async run(call) {
    const url = `${addressOf(call.config())}/healthz`;
    try {
      const { status, body } = await askLoopback(url, { method: "GET", timeoutMs: ANSWER_MS });
      const ok = status === 200;
      call.answer({ ok, url, status, text: body }, [ok ? "ok" : `${url} answers ${status}: ${body}`]);
      return ok ? EXIT.done : EXIT.failed;
    } catch (error) {
      const text = error instanceof Error ? error.message : "no answer";
      call.answer({ ok: false, url, text }, [`${url} does not answer: ${text}`]);
      return EXIT.failed;
    }
  },
};

/** Where a process with these settings listens. A port that the system chose stands in its token file. */
function addressOf({ server, data }: Config): string {
  const [port = 0] = server.ports;
  if (port === 0) return servingProcess(data.dataDir)?.url ?? "http://127.0.0.1:0";
  const host = server.host === "0.0.0.0" ? "127.0.0.1" : server.host === "::" ? "::1" : server.host;
  const prefix = server.basePath === "/" ? "" : server.basePath;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}${prefix}`;
}
