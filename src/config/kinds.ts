import { isIP } from "node:net";

/** One way to write a value. `parse` gives undefined for a text that is not allowed; it never sees an empty one. */
export interface Kind<T> {
  /** What may be typed, to complete "allowed: …". */
  readonly allowed: string;
  parse(text: string): T | undefined;
}

/** A whole number of digits alone; both ends are allowed. */
export function integer(min: number, max: number): Kind<number> {
  return {
    allowed: `a whole number from ${min} to ${max}`,
    parse(text) {
      const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
      return value >= min && value <= max ? value : undefined;
    },
  };
}

/** One of these words, typed in any case. @param words in lower case */
export function oneOf<const W extends string>(...words: W[]): Kind<W> {
  return { allowed: words.join(" or "), parse: (text) => words.find((word) => word === text.toLowerCase()) };
}

const ON = ["on", "true", "yes", "1"];
const OFF = ["off", "false", "no", "0"];

export const onOff: Kind<boolean> = {
  allowed: "on or off",
  parse(text) {
    const word = text.toLowerCase();
    return ON.includes(word) ? true : OFF.includes(word) ? false : undefined;
  },
};

export const anyText: Kind<string> = { allowed: "any text", parse: (text) => text };

/** A list with commas, each item of the kind `item`. */
function listOf<T>(item: Kind<T>, allowed: string): Kind<readonly T[]> {
  return {
    allowed,
    parse(text) {
      const items = text
        .split(",")
        .map((piece) => piece.trim())
        .filter((piece) => piece !== "")
        .map((piece) => item.parse(piece));
      const good = items.filter((value) => value !== undefined);
      return good.length === items.length && good.length > 0 ? [...new Set(good)] : undefined;
    },
  };
}

/** Port 0 asks the system for any free one. */
export const ports = listOf(integer(0, 65_535), "a port from 0 to 65535, or several with commas");

const hostName: Kind<string> = {
  allowed: "a host name or an address, without scheme or port",
  parse(text) {
    const bare = text.replace(/^\[(.*)\]$/, "$1");
    if (isIP(bare) !== 0) return bare;
    return /^[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?$/i.test(text) ? text.toLowerCase() : undefined;
  },
};
export const host = hostName;
export const hostNames = listOf(hostName, "host names with commas, without scheme or port");

const network: Kind<string> = {
  allowed: "an address or a network such as 172.16.0.0/12",
  parse(text) {
    const [address = "", bits, ...rest] = text.split("/");
    const family = isIP(address);
    if (family === 0 || rest.length > 0) return undefined;
    if (bits === undefined) return text;
    return integer(0, family === 4 ? 32 : 128).parse(bits) === undefined ? undefined : text;
  },
};
export const networks = listOf(network, "addresses or networks such as 172.16.0.0/12, with commas");

/** The prefix a reverse proxy leaves in front of our paths: `/`, or `/gateway` without a slash at its end. */
export const basePath: Kind<string> = {
  allowed: "a path such as / or /gateway",
  parse(text) {
    if (!/^\/?[A-Za-z0-9._~/-]*$/.test(text) || text.includes("..")) return undefined;
    return `/${text.split("/").filter(Boolean).join("/")}`;
  },
};

/** An http(s) address without a slash at its end. A user name in it would end up in logs, so there may be none. */
export const httpUrl: Kind<string> = {
  allowed: "an address such as https://host or http://host:port/path, without user name, query or fragment",
  parse(text) {
    const url = URL.parse(text);
    if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || /[?#]/.test(text)) return undefined;
    return url.href.replace(/\/+$/, "");
  },
};

/** A service's address in which `{region}` stands for the AWS region of the account. */
export const regionalUrl: Kind<string> = {
  allowed: "an address such as https://service.{region}.example, where {region} may be left out",
  parse: (text) => (httpUrl.parse(text.replaceAll("{region}", "region")) ? text.replace(/\/+$/, "") : undefined),
};

/** A ws(s) or http(s) address without a slash at its end. */
export const socketUrl: Kind<string> = {
  allowed: "an address such as wss://host or ws://host:port",
  parse: (text) => (httpUrl.parse(text.replace(/^ws/i, "http")) ? text.replace(/\/+$/, "") : undefined),
};

/** `3000-5000`, or one number for a range of no width; ms. */
export function msRange(max: number): Kind<readonly [number, number]> {
  const bound = integer(0, max);
  return {
    allowed: `a number from 0 to ${max}, or a range such as 3000-5000`,
    parse(text) {
      const [low, high, ...rest] = text.split("-").map((piece) => bound.parse(piece.trim()));
      if (low === undefined || rest.length > 0) return undefined;
      if (!text.includes("-")) return [low, low];
      return high === undefined || high < low ? undefined : [low, high];
    },
  };
}

/** Names, as the predecessors write a list of models. */
export const names: Kind<readonly string[]> = {
  allowed: 'a JSON list of names such as ["LongCat","demo"]',
  parse(text) {
    try {
      const list: unknown = JSON.parse(text);
      const good = Array.isArray(list) && list.length > 0 && list.every((name) => typeof name === "string" && name);
      return good ? [...new Set(list as string[])] : undefined;
    } catch {
      return undefined; // not JSON: the caller says what is allowed
    }
  },
};

/** The services of this gateway, in the order in which they are asked. */
export const PROVIDERS = ["openai-compatible", "anthropic", "kiro", "cto", "langfast", "longcat", "demo"] as const;
const provider = oneOf(...PROVIDERS);
const providersWithCommas = listOf(provider, `any of ${PROVIDERS.join(", ")}, with commas`);

/** Providers by name, with commas or as a JSON list. */
export const providers: Kind<readonly (typeof PROVIDERS)[number][]> = {
  ...providersWithCommas,
  parse: (text) => providersWithCommas.parse(names.parse(text)?.join(",") ?? text),
};

/** A JSON object of texts: what each name stands for. */
export const nameMap: Kind<Readonly<Record<string, string>>> = {
  allowed: 'a JSON object of names such as {"my-model":"longcat/LongCat"}',
  parse: (text) => objectOf(text, (value) => typeof value === "string" && value !== ""),
};

/** A JSON object of lists: what is tried in place of each name, in order. */
export const nameLists: Kind<Readonly<Record<string, readonly string[]>>> = {
  allowed: 'a JSON object of lists such as {"gpt-5":["cto/gpt-5","langfast/gpt-5"]}',
  parse: (text) =>
    objectOf(text, (value) => Array.isArray(value) && value.every((name) => typeof name === "string" && name !== "")),
};

function objectOf<T>(text: string, isGood: (value: unknown) => boolean): Readonly<Record<string, T>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject && Object.values(value).every(isGood) ? (value as Record<string, T>) : undefined;
  } catch {
    return undefined; // not JSON: the caller says what is allowed
  }
}

/** The order in which the pool lends accounts. */
const STRATEGIES = ["sticky", "lru", "round_robin", "least_usage", "most_usage", "oldest_first"] as const;
export type StrategyName = (typeof STRATEGIES)[number];

/** The strategy of every provider that `byProvider` does not name. */
export interface StrategyChoice {
  readonly fallback: StrategyName;
  readonly byProvider: Readonly<Record<string, StrategyName>>;
}

/** `sticky`, or with other choices for single providers: `sticky,longcat:lru`. */
export const strategies: Kind<StrategyChoice> = {
  allowed: `${STRATEGIES.join(", ")}; for one provider alone: sticky,longcat:lru`,
  parse(text) {
    const word = oneOf(...STRATEGIES);
    let fallback: StrategyName | undefined;
    const byProvider: Record<string, StrategyName> = {};
    for (const piece of text.split(",").map((part) => part.trim())) {
      const [first = "", second] = piece.split(":").map((part) => part.trim());
      const strategy = word.parse(second ?? first);
      const only = second === undefined ? undefined : provider.parse(first);
      if (!strategy || (second === undefined ? fallback : !only)) return undefined;
      if (only === undefined) fallback = strategy;
      else byProvider[only] = strategy;
    }
    return { fallback: fallback ?? "sticky", byProvider };
  },
};
