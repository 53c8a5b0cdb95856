/**
 * A prompt runner that speaks Engine.IO frame by frame, for what a Socket.IO library would never send: odd refusals,
 * frames that cannot be read, pings on demand, connections that die without a word.
 */
import type { ServerWebSocket } from "bun";

/** One connection: what the client sent, and the frames that go back. */
export interface EngineLink {
  /** Frames from the client, in order. */
  readonly received: string[];
  send(frame: string): void;
  /** Ends the connection without a close frame. */
  kill(): void;
  /** Resolves with the first frame from now on that begins so, or that came already. */
  heard(start: string): Promise<string>;
}

export interface EngineSim {
  readonly url: string;
  readonly links: EngineLink[];
  /** Connections that stand. */
  open(): number;
  stop(): Promise<void>;
}

interface Data {
  link: EngineLink & { wake: () => void };
}

/** @param onConnect answers the client's connect packet; by default it is taken */
export function startEngineSim(
  onConnect: (link: EngineLink, connect: string) => void = (link) => link.send('40{"sid":"s"}'),
  handshake = '0{"sid":"e","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}',
): EngineSim {
  const links: EngineLink[] = [];
  let open = 0;
  const server = Bun.serve<Data>({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request, bun) {
      const data = { link: undefined as unknown as Data["link"] };
      return bun.upgrade(request, { data }) ? undefined : new Response("no", { status: 400 });
    },
    websocket: {
      open(socket) {
        open += 1;
        const link = linkOf(socket);
        socket.data.link = link;
        links.push(link);
        socket.send(handshake);
      },
      message(socket, message) {
        const frame = String(message);
        const { link } = socket.data;
        link.received.push(frame);
        link.wake();
        if (frame.startsWith("40")) onConnect(link, frame);
      },
      close() {
        open -= 1;
      },
    },
  });
  return {
    url: `ws://127.0.0.1:${server.port}`,
    links,
    open: () => open,
    stop: () => server.stop(true),
  };
}

function linkOf(socket: ServerWebSocket<Data>): Data["link"] {
  const received: string[] = [];
  let waiting: (() => void)[] = [];
  return {
    received,
    send: (frame) => void socket.send(frame),
    kill: () => socket.terminate(),
    wake() {
      for (const look of waiting.splice(0)) look();
    },
    async heard(start) {
      for (;;) {
        const found = received.find((frame) => frame.startsWith(start));
        if (found !== undefined) return found;
        await new Promise<void>((resolve) => (waiting = [...waiting, resolve]));
      }
    },
  };
}
