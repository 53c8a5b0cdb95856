import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

/**
 * Seals texts with AES-256-GCM. Sealed form: one byte for the version, 12 of nonce, 16 of tag, then the ciphertext.
 * `owner` is bound as associated data: a credential that was moved to another account's row does not open.
 */
export interface Sealing {
  seal(text: string, owner: string): Buffer;
  /** @throws Error when the key, the owner or a single bit is not the one it was sealed with */
  open(sealed: Uint8Array, owner: string): string;
}

const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = 1 + NONCE_BYTES + TAG_BYTES;

/** @param key 32 bytes */
export function sealingOf(key: Uint8Array): Sealing {
  return {
    seal(text, owner) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(owner));
      const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      return Buffer.concat([Buffer.of(VERSION), nonce, cipher.getAuthTag(), body]);
    },
    open(sealed, owner) {
      if (sealed[0] !== VERSION || sealed.length < HEAD_BYTES)
        throw new Error("not a form of sealing that is known here");
      const nonce = sealed.subarray(1, 1 + NONCE_BYTES);
      const tag = sealed.subarray(1 + NONCE_BYTES, HEAD_BYTES);
      const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(owner)).setAuthTag(tag);
      return decipher.update(sealed.subarray(HEAD_BYTES), undefined, "utf8") + decipher.final("utf8");
    },
  };
}
