export interface LoopbackAnswer {
  readonly status: number;
  readonly body: string;
}

export interface LoopbackInit {
  readonly method: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** Of the whole exchange. */
  readonly timeoutMs: number;
}

/**
 * Asks a gateway on this machine. Over node:http because `fetch` would hand the call to a proxy of the environment.
 * @throws the socket's error, with its `code`; "AbortError" after the deadline
 */
export async function askLoopback(
  url: string,
  { method, headers, body, timeoutMs }: LoopbackInit,
): Promise<LoopbackAnswer> {
  const { request } = await import("node:http");
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    // A connection of its own: a kept one may be closed by the other side at the moment it is used again.
    const outgoing = request(url, { method, headers, signal, agent: false }, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8");
      incoming.on("data", (chunk: string) => (text += chunk));
      incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, body: text }));
      incoming.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}
