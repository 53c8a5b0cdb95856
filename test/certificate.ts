import { generateKeyPairSync, sign } from "node:crypto";

/** A certificate that vouches for itself, PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

const ECDSA_SHA256 = seq(oid([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]));

/** Made anew for each run, so that no key lies in the repository. */
export function makeCertificate(name: string): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const who = seq(der(0x31, seq(oid([0x55, 0x04, 0x03]), der(0x0c, Buffer.from(name)))));
  const isAuthority = seq(oid([0x55, 0x1d, 0x13]), der(0x04, seq(der(0x01, Buffer.from([0xff])))));
  const names = seq(oid([0x55, 0x1d, 0x11]), der(0x04, seq(der(0x82, Buffer.from(name)))));
  const body = seq(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1])),
    ECDSA_SHA256,
    who,
    seq(der(0x17, Buffer.from("200101000000Z")), der(0x17, Buffer.from("491231235959Z"))),
    who,
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, seq(isAuthority, names)),
  );
  const signature = sign("sha256", body, privateKey);
  const whole = seq(body, ECDSA_SHA256, der(0x03, Buffer.from([0]), signature));
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${whole.toString("base64").replace(/.{64}/g, "$&\n")}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }),
  };
}

function seq(...parts: readonly Uint8Array[]): Buffer {
  return der(0x30, ...parts);
}

function oid(bytes: readonly number[]): Buffer {
  return der(0x06, Buffer.from(bytes));
}

/** One value: its tag, its length and what it holds. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
