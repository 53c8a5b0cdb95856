/** Which network addresses a user's own base URL may lead to: the rule against requests forged through the gateway. */
import { lookup as dnsLookup } from "node:dns/promises";
import { isIP, isIPv4 } from "node:net";

/**
 * "private": this machine, a home or company network, a VPN: served only where a person allowed it. "forbidden":
 * link-local (there the clouds keep their metadata), unspecified, multicast and reserved: never served.
 */
export type AddressKind = "public" | "private" | "forbidden";

/** Resolves a name to all its addresses; throws when it has none. */
export type Lookup = (hostname: string) => Promise<readonly string[]>;

/** The host may not be called. `message` names the host and the reason, and is fit for a user. */
export class AddressRefused extends Error {
  override readonly name = "AddressRefused";
  readonly kind: Exclude<AddressKind, "public">;

  constructor(kind: Exclude<AddressKind, "public">, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** The longest prefix that matches decides. IANA's special-purpose registries, and the clouds' metadata addresses. */
const V4: readonly RangeRow[] = [
  ["0.0.0.0/8", "forbidden"],
  ["10.0.0.0/8", "private"],
  ["100.64.0.0/10", "private"],
  ["100.100.100.200/32", "forbidden"], // Alibaba's metadata
  ["127.0.0.0/8", "private"],
  ["168.63.129.16/32", "forbidden"], // Azure's wire server, in public space
  ["169.254.0.0/16", "forbidden"],
  ["172.16.0.0/12", "private"],
  ["192.0.0.0/24", "forbidden"],
  ["192.0.2.0/24", "forbidden"],
  ["192.88.99.0/24", "forbidden"],
  ["192.168.0.0/16", "private"],
  ["198.18.0.0/15", "private"],
  ["198.51.100.0/24", "forbidden"],
  ["203.0.113.0/24", "forbidden"],
  ["224.0.0.0/4", "forbidden"],
  ["240.0.0.0/4", "forbidden"],
];
const V6: readonly RangeRow[] = [
  ["::/128", "forbidden"],
  ["::1/128", "private"],
  ["64:ff9b:1::/48", "private"],
  ["100::/64", "forbidden"],
  ["2001::/32", "forbidden"], // Teredo hides an IPv4 address
  ["2001:db8::/32", "forbidden"],
  ["3fff::/20", "forbidden"],
  ["5f00::/16", "forbidden"],
  ["fc00::/7", "private"],
  ["fd00:ec2::254/128", "forbidden"], // Amazon's metadata
  ["fd20:ce::254/128", "forbidden"], // Google's metadata
  ["fe80::/10", "forbidden"],
  ["fec0::/10", "private"],
  ["ff00::/8", "forbidden"],
];
/** IPv6 forms that carry an IPv4 address, and the byte at which it stands. */
const CARRIERS: readonly (readonly [cidr: string, at: number])[] = [
  ["::/96", 12],
  ["::ffff:0:0/96", 12],
  ["::ffff:0:0:0/96", 12],
  ["64:ff9b::/96", 12],
  ["2002::/16", 2],
];
/** Names that clouds resolve to their metadata, also when somebody else resolves them. */
const METADATA_NAMES = new Set(["metadata", "metadata.google.internal", "metadata.goog", "instance-data"]);

/** The kind of an IP address in its usual text form, with or without a zone. Text that is no address is "forbidden". */
export function addressKind(address: string): AddressKind {
  const text = address.replace(/^\[|\]$/g, "").replace(/%.*$/, "");
  const family = isIP(text);
  if (family === 0) return "forbidden";
  return kindOf(family === 4 ? bytesOfV4(text) : bytesOfV6(text));
}

/** The kind that a host shows by itself, without a look-up: an address, or a name that is known. */
export function literalKind(hostname: string): AddressKind | undefined {
  const host = bare(hostname);
  if (isIP(host) !== 0) return addressKind(host);
  if (METADATA_NAMES.has(host)) return "forbidden";
  return host === "localhost" || host.endsWith(".localhost") ? "private" : undefined;
}

/**
 * Judges a host at the moment of its use, by every address that it has now.
 * @param hostname as `URL.hostname` gives it, which has already read decimal, octal and hex forms as an address
 * @returns "public" if any address is public, else "private"
 * @throws AddressRefused, and what `lookup` throws
 */
export async function checkHost(
  hostname: string,
  { allowPrivate = false, lookup = systemLookup }: { readonly allowPrivate?: boolean; readonly lookup?: Lookup } = {},
): Promise<"public" | "private"> {
  const known = literalKind(hostname);
  const kinds = known ? [known] : (await lookup(bare(hostname))).map(addressKind);
  if (kinds.includes("forbidden") || kinds.length === 0) {
    throw new AddressRefused("forbidden", `${hostname} is a link-local, metadata or reserved address: never called.`);
  }
  if (kinds.includes("private") && !allowPrivate) {
    throw new AddressRefused(
      "private",
      `${hostname} is an address of this machine or a private network: add "allowPrivate": true if that is meant.`,
    );
  }
  return kinds.includes("public") ? "public" : "private";
}

/**
 * All addresses a host has now, each of them public: connect to one of these and to nothing else, for the name may lead
 * elsewhere by the next look-up.
 * @param hostname as for `checkHost`
 * @throws AddressRefused if any address is not public, and what `lookup` throws
 */
export async function publicAddresses(hostname: string, lookup: Lookup = systemLookup): Promise<readonly string[]> {
  const host = bare(hostname);
  const known = literalKind(host);
  const addresses = known === undefined ? await lookup(host) : [host];
  const kinds = known === undefined ? addresses.map(addressKind) : [known];
  const refused = kinds.find((kind) => kind !== "public") ?? (kinds.length === 0 ? "forbidden" : undefined);
  if (refused) throw new AddressRefused(refused, `${hostname} is not on the public internet.`);
  return addresses;
}

const systemLookup: Lookup = async (hostname) =>
  (await dnsLookup(hostname, { all: true })).map(({ address }) => address);

/** Without brackets, the root dot and capitals. */
function bare(hostname: string): string {
  return hostname
    .toLowerCase()
    .replace(/^\[|\]$/g, "")
    .replace(/\.$/, "");
}

type RangeRow = readonly [cidr: string, kind: AddressKind];

interface Range {
  readonly bytes: readonly number[];
  readonly bits: number;
}

interface KnownRange extends Range {
  readonly kind: AddressKind;
}

interface Tables {
  readonly v4: readonly KnownRange[];
  readonly v6: readonly KnownRange[];
  readonly carriers: readonly (Range & { readonly at: number })[];
}

let read: Tables | undefined;

/** The tables above, read at the first address that is looked at: few programs come to one. */
function tables(): Tables {
  return (read ??= {
    v4: rangesOf(V4),
    v6: rangesOf(V6),
    carriers: CARRIERS.map(([cidr, at]) => ({ ...rangeOf(cidr), at })),
  });
}

function rangeOf(cidr: string): Range {
  const [address = "", bits = ""] = cidr.split("/");
  return { bytes: isIPv4(address) ? bytesOfV4(address) : bytesOfV6(address), bits: Number(bits) };
}

function rangesOf(rows: readonly RangeRow[]): KnownRange[] {
  return rows.map(([cidr, kind]) => ({ ...rangeOf(cidr), kind })).toSorted((a, b) => b.bits - a.bits);
}

function kindOf(bytes: readonly number[]): AddressKind {
  const { v4, v6, carriers } = tables();
  const own = (bytes.length === 4 ? v4 : v6).find((each) => isWithin(bytes, each));
  if (own) return own.kind;
  const carrier = bytes.length === 16 ? carriers.find((each) => isWithin(bytes, each)) : undefined;
  return carrier ? kindOf(bytes.slice(carrier.at, carrier.at + 4)) : "public";
}

function isWithin(bytes: readonly number[], { bytes: prefix, bits }: Range): boolean {
  for (let at = 0, left = bits; left > 0; at++, left -= 8) {
    const mask = left >= 8 ? 0xff : (0xff << (8 - left)) & 0xff;
    if (((bytes[at] ?? 0) & mask) !== ((prefix[at] ?? 0) & mask)) return false;
  }
  return true;
}

function bytesOfV4(address: string): number[] {
  return address.split(".").map(Number);
}

/** @param address a valid IPv6 address without a zone */
function bytesOfV6(address: string): number[] {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(address);
  const [a = 0, b = 0, c = 0, d = 0] = dotted?.[2] ? bytesOfV4(dotted[2]) : [];
  const text = dotted ? `${dotted[1]}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}` : address;
  const [head = "", tail] = text.split("::");
  const groupsOf = (part: string) => (part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16)));
  const front = groupsOf(head);
  const back = tail === undefined ? [] : groupsOf(tail);
  const gap = Array.from({ length: Math.max(8 - front.length - back.length, 0) }, () => 0);
  return [...front, ...gap, ...back].flatMap((group) => [group >> 8, group & 0xff]);
}
