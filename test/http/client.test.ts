import { expect, test } from "bun:test";
import { clientReader } from "../../src/http/client.ts";

const read = clientReader(["10.0.0.2", "172.16.0.0/12", "fd00::/8"]);

const cases: { name: string; peer?: string; headers?: Record<string, string>; is: object }[] = [
  {
    name: "without a proxy the socket and the Host header count",
    peer: "192.168.1.7",
    headers: { host: "nas.local:8000" },
    is: { address: "192.168.1.7", secure: false, origin: "http://nas.local:8000" },
  },
  {
    name: "forwarding headers of a stranger count for nothing",
    peer: "192.168.1.7",
    headers: { host: "nas.local", "x-forwarded-for": "1.2.3.4", "x-forwarded-proto": "https" },
    is: { address: "192.168.1.7", secure: false },
  },
  {
    name: "a trusted proxy tells the client, the scheme and the host",
    peer: "10.0.0.2",
    headers: { "x-forwarded-for": "1.2.3.4", "x-forwarded-proto": "https", "x-forwarded-host": "chat.example.org" },
    is: { address: "1.2.3.4", secure: true, origin: "https://chat.example.org" },
  },
  {
    name: "what a client put in front of the proxy's own entry is not believed",
    peer: "172.20.0.1",
    headers: { "x-forwarded-for": "9.9.9.9, 1.2.3.4, 172.21.0.9" },
    is: { address: "1.2.3.4" },
  },
  {
    name: "a proxy that tells no client is the client",
    peer: "10.0.0.2",
    headers: { host: "nas.local" },
    is: { address: "10.0.0.2", secure: false, origin: "http://nas.local" },
  },
  {
    name: "a network of IPv6 addresses is known",
    peer: "fd00::7",
    headers: { "x-forwarded-for": "1.2.3.4" },
    is: { address: "1.2.3.4" },
  },
  { name: "a call inside the process comes from this machine", is: { address: "127.0.0.1" } },
];

test.each(cases)("$name", ({ peer, headers = {}, is }) => {
  expect(read(new Request("http://localhost:8000/console/", { headers }), peer)).toMatchObject(is);
});
