/**
 * What stands in samples and instructions everywhere: whoever keeps it has an open gateway without knowing it. Each is the
 * whole of a secret: a sentence of one's own may hold the same words.
 */
const PUBLISHED = [
  /^(0|1|true|false|null|none|undefined|test|key|password|secret|admin|admin123|longcat)$/i,
  /^(sk|key)?[-_]?(x{3,}|\*{3,}|\.{3,}|0?123456(7(8(90?)?)?)?|abc123|test|demo|sample|example)$/i,
  /^(sk[-_])?(please[-_ ])?(change|replace)[-_ ]?(me|this|it|with)([-_ ][\w-]{0,24})?$/i,
  /^(sk[-_])?((put|paste|enter|insert)[-_ ])?(my|your)[-_ ]?([\w-]{0,16}[-_ ]?)(key|token|secret|password)([-_ ]?here)?$/i,
  /^(sk[-_])?(my[-_ ])?(super[-_ ]?secret|default)([-_ ]?(api|master))?([-_ ]?(key|token|password))?([-_]?\d{0,3})$/i,
  /^[\w-]{0,16}((api|master|secret)[-_]?key[-_]?here|placeholder)[\w-]{0,16}$/i,
  /^<.*>$/,
];
/** No key has such letters, but the sentences that tell where to put one have. */
const CJK = /[\u3400-\u9fff]/;

/** Below this a key can be guessed over a network. */
const SHORT_KEY_LENGTH = 8;

export interface ClientKey {
  /** Undefined: the text is no key that may open the gateway. */
  readonly key: string | undefined;
  /** A sentence that names the variable and never the key. */
  readonly warning: string | undefined;
}

/** Whether a key or password is one that everybody knows. */
export function isPublished(secret: string): boolean {
  return PUBLISHED.some((sample) => sample.test(secret));
}

/** Reads a client key out of `variable`. A leading `Bearer ` is forgiven: some instructions tell people to write it. */
export function readClientKey(variable: string, text: string): ClientKey {
  const key = text.trim().replace(/^(bearer\s+)+/i, "");
  if (key === "" || key === "1") {
    const what = key === "" ? "empty" : "1";
    return {
      key: undefined,
      warning: `${variable} is ${what}: no key is set by it, use the one made at the first start`,
    };
  }
  if (isPublished(key) || CJK.test(key)) {
    return {
      key: undefined,
      warning: `${variable} holds a key out of a sample, which everybody knows: it is not accepted`,
    };
  }
  if (key.length < SHORT_KEY_LENGTH) {
    return { key, warning: `${variable} is shorter than ${SHORT_KEY_LENGTH} characters and can be guessed` };
  }
  return { key, warning: undefined };
}
