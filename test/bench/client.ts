/** A small HTTP/1.1 client over sockets: cheap enough to share a core with the mock, and exact about when bytes came. */
import { nowUs } from "./programs/plan.ts";

/** One request, ready as bytes. */
export interface Call {
  readonly port: number;
  readonly bytes: Uint8Array;
}

export interface Answer {
  readonly status: number;
  /** Head and body as they came, latin1; only the beginning when it was watched. */
  readonly text: string;
  /** µs from the request's last byte to the answer's last. */
  readonly us: number;
}

const utf8 = new TextEncoder();
const STREAM_END = "\r\n0\r\n\r\n";

export function chatCall(port: number, prompt: string, options: { stream?: boolean; key?: string } = {}): Call {
  const { stream = false, key = "" } = options;
  const body = JSON.stringify({ model: "LongCat", stream, messages: [{ role: "user", content: prompt }] });
  return call(port, "POST", "/v1/chat/completions", body, `authorization: Bearer ${key}\r\n`);
}

/** A turn straight at the LongCat mock: what an answer costs without anybody in between. */
export function longcatCall(port: number, prompt: string): Call {
  const body = JSON.stringify({ conversationId: "c", content: prompt, agentId: "1" });
  return call(port, "POST", "/api/v1/chat-completion-V2", body);
}

function call(port: number, method: string, path: string, body: string, headers = ""): Call {
  const length = utf8.encode(body).length;
  const head = `${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n${headers}content-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;
  return { port, bytes: utf8.encode(head + body) };
}

/** One connection, kept open: one request at a time. */
export class Connection {
  #socket: Bun.Socket | undefined;
  #unsent: Uint8Array | undefined;
  #take: ((bytes: Buffer) => void) | undefined;
  #fail: ((error: Error) => void) | undefined;

  static async open(port: number): Promise<Connection> {
    const connection = new Connection();
    const broken = (why: string) => connection.#fail?.(new Error(why));
    connection.#socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: (_socket, bytes) => connection.#take?.(bytes),
        drain: () => connection.#send(),
        close: () => broken("the connection was closed"),
        error: (_socket, error) => broken(error.message),
      },
    });
    return connection;
  }

  /**
   * Sends a request and reads its whole answer.
   * @param watch sees each piece, latin1, as it comes
   */
  ask({ bytes }: Call, watch?: (piece: string) => void): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      let text = "";
      let tail = "";
      let head: ReturnType<typeof headOf>;
      let got = 0;
      const begin = nowUs();
      this.#take = (piece) => {
        const latin1 = piece.toString("latin1");
        got += piece.length;
        watch?.(latin1);
        if (!watch || !head) text += latin1;
        tail = (tail + latin1).slice(-STREAM_END.length);
        head ??= headOf(text);
        if (!head) return;
        const isOver = head.missing === undefined ? tail === STREAM_END : got >= head.missing;
        if (!isOver) return;
        this.#take = this.#fail = undefined;
        resolve({ status: head.status, text, us: nowUs() - begin });
      };
      this.#unsent = bytes;
      this.#send();
    });
  }

  close(): void {
    this.#fail = undefined;
    this.#socket?.terminate();
  }

  #send(): void {
    while (this.#unsent && this.#unsent.length > 0) {
      const sent = this.#socket?.write(this.#unsent) ?? 0;
      if (sent <= 0) return;
      this.#unsent = this.#unsent.subarray(sent);
    }
  }
}

/** `missing` is the length of head and body when it is known. Undefined while the head is not whole. */
function headOf(text: string): { status: number; missing: number | undefined } | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end));
  return { status: Number(text.slice(9, 12)), missing: length ? end + 4 + Number(length[1]) : undefined };
}

/** Sends `count` requests over `concurrency` connections, each its next one after an answer. @returns µs of each */
export async function load(call: Call, count: number, concurrency: number, expect: string): Promise<number[]> {
  const times: number[] = [];
  let left = count;
  const work = async () => {
    const connection = await Connection.open(call.port);
    while (left-- > 0) {
      const { status, text, us } = await connection.ask(call);
      if (status !== 200 || !text.includes(expect)) throw new Error(`a wrong answer: ${text.slice(0, 500)}`);
      times.push(us);
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return times;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
