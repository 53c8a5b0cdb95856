import { createServer, type AddressInfo, type Socket } from "node:net";

/** A server that hands each connection over and parses nothing. */
export async function startRawServer(connected: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}); // A client that resets the connection is an ordinary one here.
    socket.on("close", () => sockets.delete(socket));
    connected(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    /** Connections that are open now. */
    sockets,
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** Calls back with each request that is whole: its head, and as many bytes of body as that announces. */
export function onRequest(socket: Socket, answer: (request: string) => void): void {
  let held = "";
  socket.on("data", (bytes: Buffer) => {
    held += bytes.toString("latin1");
    for (;;) {
      const end = held.indexOf("\r\n\r\n");
      if (end < 0) return;
      const size = end + 4 + Number(/\r\ncontent-length: (\d+)/i.exec(held.slice(0, end))?.[1] ?? 0);
      if (held.length < size) return;
      const request = held.slice(0, size);
      held = held.slice(size);
      answer(request);
    }
  });
}
