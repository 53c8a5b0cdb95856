/**
 * Writes AWS event-stream messages byte by byte, with a CRC32 of its own, so that a mistake in the codec under test does
 * not hide behind the same mistake here.
 */
const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value >>> 0;
});

function checksum(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8)) >>> 0;
  return (crc ^ 0xffffffff) >>> 0;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A header of any type: a string, or the type's number with its value bytes. */
export type HeaderValue = string | { readonly type: number; readonly bytes: Uint8Array };

function headerBytes(name: string, value: HeaderValue): Buffer {
  const label = Buffer.from(name);
  const head = Buffer.concat([Buffer.from([label.length]), label]);
  if (typeof value !== "string") return Buffer.concat([head, Buffer.from([value.type]), value.bytes]);
  const text = Buffer.from(value);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(text.length);
  return Buffer.concat([head, Buffer.from([7]), length, text]);
}

/** One message with right checksums. */
export function message(headers: Record<string, HeaderValue>, payload: string | Uint8Array = ""): Buffer {
  const head = Buffer.concat(Object.entries(headers).map(([name, value]) => headerBytes(name, value)));
  const body = typeof payload === "string" ? Buffer.from(payload) : Buffer.from(payload);
  const lengths = Buffer.concat([u32(16 + head.length + body.length), u32(head.length)]);
  const most = Buffer.concat([lengths, u32(checksum(lengths)), head, body]);
  return Buffer.concat([most, u32(checksum(most))]);
}

/** An `event` message with a JSON payload. */
export function event(type: string, payload: unknown): Buffer {
  return message(
    { ":event-type": type, ":content-type": "application/json", ":message-type": "event" },
    JSON.stringify(payload),
  );
}

/** An `exception` message. */
export function exception(type: string, text: string, reason?: string): Buffer {
  return message(
    { ":exception-type": type, ":content-type": "application/json", ":message-type": "exception" },
    JSON.stringify({ message: text, ...(reason === undefined ? {} : { reason }) }),
  );
}

/** An `error` message: its text is in the headers. */
export function errorFrame(code: string, text: string): Buffer {
  return message({ ":error-code": code, ":error-message": text, ":message-type": "error" });
}

/** The same message with one bit of its last payload byte turned. */
export function corrupt(frame: Buffer): Buffer {
  const copy = Buffer.from(frame);
  copy[copy.length - 5]! ^= 1;
  return copy;
}
