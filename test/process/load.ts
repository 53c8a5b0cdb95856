/** What tests that load the program share: chats, sockets by hand, and what the process costs. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import type { Served } from "./program.ts";

export const MIB = 1024 * 1024;

type Asked = Pick<Served, "url" | "key">;

const bodyOf = (content: string, stream = true) =>
  JSON.stringify({ model: "LongCat", stream, messages: [{ role: "user", content }] });

/** A chat with LongCat. */
export function chat({ url, key }: Asked, content = "hi", stream = true): Promise<Response> {
  const headers = { authorization: `Bearer ${key}` };
  return fetch(`${url}/v1/chat/completions`, { method: "POST", headers, body: bodyOf(content, stream) });
}

/** A chat by hand: the request as bytes, and a socket to send them on. */
export function byHand({ url, key }: Asked, content = "hi"): { readonly socket: Socket; readonly request: string } {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.on("error", () => undefined); // A hang-up under way is the point; "close" follows.
  const body = bodyOf(content);
  const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\n`;
  return { socket, request: `${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}` };
}

/** Resident memory now and at its highest, in MiB; open files; processor time in ms. */
export function footprint({ pid }: Pick<Served, "pid">) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const mib = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
  // Behind the name in brackets; fields 14 and 15 in hundredths of a second.
  const times = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ").slice(11, 13) ?? [];
  return {
    mib: mib("VmRSS"),
    peakMib: mib("VmHWM"),
    files: readdirSync(`/proc/${pid}/fd`).length,
    cpuMs: times.reduce((sum, ticks) => sum + Number(ticks) * 10, 0),
  };
}

/** The highest memory counts from now. */
export function forgetPeak({ pid }: Pick<Served, "pid">): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

/** Looks again until the condition holds; the test's own deadline ends it otherwise. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await Bun.sleep(20);
}
