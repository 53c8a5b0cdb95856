import { expect, test } from "bun:test";
import { proxyFor, proxyRules, readProxy } from "../../src/lib/proxy.ts";

const texts: { text: string; proxy: string | undefined }[] = [
  { text: "http://proxy.test:3128", proxy: "http://proxy.test:3128" },
  { text: "https://me:secret@proxy.test/", proxy: "https://me:secret@proxy.test" },
  { text: " proxy.test:8080 ", proxy: "http://proxy.test:8080" },
  { text: "socks5://proxy.test", proxy: undefined },
  { text: "http://proxy.test/path", proxy: undefined },
  { text: "", proxy: undefined },
  { text: "http://", proxy: undefined },
];
test.each(texts)("'$text' is read as $proxy", ({ text, proxy }) => {
  expect(readProxy(text)).toBe(proxy);
});

const env = { HTTP_PROXY: "http://plain.test:1", https_proxy: "http://secure.test:2" };
const addresses: { name: string; url: string; env: Record<string, string>; proxy: string | undefined }[] = [
  { name: "http", url: "http://a.test", env, proxy: "http://plain.test:1" },
  { name: "https", url: "https://a.test", env, proxy: "http://secure.test:2" },
  { name: "a secure socket", url: "wss://a.test", env, proxy: "http://secure.test:2" },
  { name: "a plain socket", url: "ws://a.test", env, proxy: "http://plain.test:1" },
  { name: "one for all", url: "https://a.test", env: { ALL_PROXY: "http://all.test" }, proxy: "http://all.test" },
  { name: "none", url: "https://a.test", env: {}, proxy: undefined },
  { name: "SOCKS", url: "https://a.test", env: { HTTPS_PROXY: "socks5://s.test" }, proxy: undefined },
  { name: "an excepted host", url: "https://a.test", env: { ...env, NO_PROXY: "b.test, A.test" }, proxy: undefined },
  { name: "a host below one", url: "https://x.a.test", env: { ...env, no_proxy: ".a.test" }, proxy: undefined },
  { name: "a look-alike", url: "https://aa.test", env: { ...env, NO_PROXY: "a.test" }, proxy: "http://secure.test:2" },
  { name: "an address", url: "http://[::1]:9", env: { ...env, NO_PROXY: "::1" }, proxy: undefined },
  { name: "a host with port", url: "http://a.test:9", env: { ...env, NO_PROXY: "a.test:9" }, proxy: undefined },
  { name: "every host", url: "http://a.test", env: { ...env, NO_PROXY: "*" }, proxy: undefined },
];
test.each(addresses)("$name goes through $proxy", ({ url, env, proxy }) => {
  expect(proxyFor(new URL(url), proxyRules(env))).toBe(proxy);
});
