/** What stands in place of a secret. */
const MASK = "***";

/**
 * Masks what looks like a secret in a text for a log, an error or a page: cookies, bearer and basic credentials, keys
 * (`sk-…`, `kp_…`), JWTs, URL passwords and key parameters, values of secret-named fields, and long runs that look random.
 * Model names, UUIDs and this gateway's own ids (short) stay. A text with nothing suspicious comes back as it is.
 */
export function redact(text: string): string {
  if (OWN_ID.test(text) || (!RUN.test(text) && !SUSPICIOUS.test(text))) return text;
  let clean = text;
  for (const [pattern, replacement] of RULES) clean = clean.replace(pattern, replacement);
  return clean.replace(LONG_RUN, (run) => (looksRandom(run) ? MASK : run));
}

const SECRET_NAME = String.raw`[\w-]{0,40}(?:token(?:_key)?|secret|passw(?:or)?d|passphrase|api[-_]?key|authorization|credential|cookie)`;

/** In this order: the wider forms first, so that the narrower ones meet what is left. */
const RULES: readonly (readonly [RegExp, string])[] = [
  // Cookie and Set-Cookie headers with at least one name=value: all of it, to the end of the line.
  [/\b((?:set-)?cookie["']?\s*[:=]\s*["']?)[\w.-]+=[^\r\n"]*/gi, `$1${MASK}`],
  [/\b(passport_token_key["']?\s*[:=]\s*["']?)[^\s;,"']+/gi, `$1${MASK}`],
  // A word such as "bearer token" in prose has no digit and is short.
  [/\b((?:bearer|basic)\s+)(?=\S*\d|\S{16})[^\s"',;]{4,}/gi, `$1${MASK}`],
  [/(\w:\/\/)[^\s/?#"'@]+@/g, `$1${MASK}@`],
  [/([?&](?:[\w-]{0,40}(?:key|token|secret|passw(?:or)?d|auth|sig|signature|code|cookie))=)[^&\s#"']+/gi, `$1${MASK}`],
  // `"refresh_token":"…"` and `password=…`, with the value quoted, or bare behind an equals sign.
  [new RegExp(String.raw`(\b${SECRET_NAME}\\?["']?\s*[:=]\s*)(\\?["'])[^"'\\]+`, "gi"), `$1$2${MASK}`],
  [new RegExp(String.raw`(\b${SECRET_NAME}=)[^\s;,&"']+`, "gi"), `$1${MASK}`],
  [/(?<![A-Za-z0-9])(sk-|kp_)[A-Za-z0-9_-]{12,}/g, `$1${MASK}`],
  [/\beyJ[\w-]{8,}(?:\.[\w-]*){1,4}/g, MASK],
];

/** Of a request or an account: nearly every log line has both. */
const OWN_ID = /^(?:req|acc)_[0-9a-z]{20}$/;
/** Together cheap and never narrower than the rules. Apart, because a text shorter than the run then costs nothing. */
const RUN = /[A-Za-z0-9_-]{32}/;
const SUSPICIOUS =
  /sk-|kp_|eyJ|:\/\/[^\s/]*@|token|secret|passw|passphrase|key|bearer|basic|cookie|auth|credential|[?&](?:sig|code)/i;

const LONG_RUN = /[A-Za-z0-9_-]{32,}={0,2}/g;
const LONGEST_NAME = 64;

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** A word of a model name or a constant: letters in one manner, digits, or a short mix such as `4o`. */
const NAME_WORD = /^(?:[A-Z]?[a-z]{0,16}|[A-Z]{1,16}|\d{1,14}|[A-Za-z0-9]{1,4})$/;

/** Whether a long run is more likely a token than a name or an id. */
function looksRandom(run: string): boolean {
  if (run.length > LONGEST_NAME) return true;
  if (UUID.test(run)) return false;
  return !run.split(/[-_]/).every((word) => NAME_WORD.test(word));
}

const SECRET_FIELD =
  /(?:token|token_?key|secret|passw(?:or)?d|passphrase|api_?key|authorization|credentials?|cookies?)$/i;

/** The value of a named field, masked whole where the name alone tells that it is a secret. */
export function redactField(name: string, value: string): string {
  return SECRET_FIELD.test(name) && value !== "" ? MASK : redact(value);
}
