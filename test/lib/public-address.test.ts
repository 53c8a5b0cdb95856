import { describe, expect, test } from "bun:test";
import { addressKind, AddressRefused, checkHost, literalKind } from "../../src/lib/public-address.ts";

describe("an address", () => {
  const cases: [string, string][] = [
    ["8.8.8.8", "public"],
    ["172.15.255.255", "public"],
    ["172.32.0.1", "public"],
    ["100.128.0.1", "public"],
    ["2606:4700::1111", "public"],
    ["10.0.0.1", "private"],
    ["172.16.0.1", "private"],
    ["172.31.255.255", "private"],
    ["192.168.1.1", "private"],
    ["100.64.0.1", "private"],
    ["198.19.0.1", "private"],
    ["127.0.0.1", "private"],
    ["127.255.255.254", "private"],
    ["::1", "private"],
    ["fd12:3456::1", "private"],
    ["fc00::1", "private"],
    ["0.0.0.0", "forbidden"],
    ["0.1.2.3", "forbidden"],
    ["169.254.169.254", "forbidden"],
    ["100.100.100.200", "forbidden"],
    ["168.63.129.16", "forbidden"],
    ["192.0.0.192", "forbidden"],
    ["224.0.0.1", "forbidden"],
    ["239.255.255.250", "forbidden"],
    ["255.255.255.255", "forbidden"],
    ["::", "forbidden"],
    ["fe80::1", "forbidden"],
    ["fe80::1%eth0", "forbidden"],
    ["febf::1", "forbidden"],
    ["ff02::1", "forbidden"],
    ["fd00:ec2::254", "forbidden"],
    // IPv4 inside IPv6 counts as that IPv4 address.
    ["::ffff:127.0.0.1", "private"],
    ["::ffff:7f00:1", "private"],
    ["::ffff:169.254.169.254", "forbidden"],
    ["::ffff:a9fe:a9fe", "forbidden"],
    ["::ffff:8.8.8.8", "public"],
    ["::ffff:0:10.0.0.1", "private"],
    ["::169.254.169.254", "forbidden"],
    ["64:ff9b::10.0.0.1", "private"],
    ["64:ff9b::a9fe:a9fe", "forbidden"],
    ["2002:a9fe:a9fe::1", "forbidden"],
    ["2002:c0a8:101::1", "private"],
    ["2001:0:1::1", "forbidden"],
    ["example.com", "forbidden"],
    ["", "forbidden"],
  ];
  test.each(cases)("%s is %s", (address, kind) => expect(addressKind(address)).toBe(kind as "public"));
});

describe("45 a host in a URL", () => {
  const never = () => Promise.reject(new Error("nothing is to be looked up"));
  const judged = async (url: string, allowPrivate: boolean) => {
    try {
      return await checkHost(new URL(url).hostname, { allowPrivate, lookup: never });
    } catch (error) {
      return error instanceof AddressRefused ? `refused: ${error.kind}` : error;
    }
  };

  const cases: [string, string, string][] = [
    ["http://127.0.0.1/", "refused: private", "private"],
    ["http://2130706433/", "refused: private", "private"],
    ["http://0177.0.0.1/", "refused: private", "private"],
    ["http://0x7f.1/", "refused: private", "private"],
    ["http://127.1/", "refused: private", "private"],
    ["http://１２７.0.0.1/", "refused: private", "private"],
    ["http://[::1]/", "refused: private", "private"],
    ["http://[::ffff:127.0.0.1]/", "refused: private", "private"],
    ["http://localhost/", "refused: private", "private"],
    ["http://LOCALHOST./", "refused: private", "private"],
    ["http://box.localhost/", "refused: private", "private"],
    ["http://2852039166/", "refused: forbidden", "refused: forbidden"],
    ["http://0xa9fea9fe/", "refused: forbidden", "refused: forbidden"],
    ["http://[::ffff:169.254.169.254]/", "refused: forbidden", "refused: forbidden"],
    ["http://0/", "refused: forbidden", "refused: forbidden"],
    ["http://metadata.google.internal/", "refused: forbidden", "refused: forbidden"],
    ["http://Metadata.Google.Internal./", "refused: forbidden", "refused: forbidden"],
    ["http://1.1.1.1/", "public", "public"],
  ];
  test.each(cases)("%s is %s, and %s where private addresses are allowed", async (url, strict, allowed) => {
    expect(await judged(url, false)).toBe(strict);
    expect(await judged(url, true)).toBe(allowed);
  });

  const names: [string, string[], boolean, string][] = [
    ["a public name", ["93.184.216.34"], false, "public"],
    ["a name of the private network", ["192.168.1.5"], false, "refused: private"],
    ["a name of the private network that is allowed", ["192.168.1.5"], true, "private"],
    ["a name with one private address among public ones", ["1.1.1.1", "10.0.0.1"], false, "refused: private"],
    ["a name with one metadata address among public ones", ["1.1.1.1", "169.254.169.254"], true, "refused: forbidden"],
    ["a name whose addresses are IPv4 in IPv6", ["::ffff:10.0.0.1"], false, "refused: private"],
    ["a name without addresses", [], true, "refused: forbidden"],
  ];
  test.each(names)("%s (%p, allowPrivate %p) is %s", async (_name, addresses, allowPrivate, verdict) => {
    const asked: string[] = [];
    const lookup = (hostname: string) => {
      asked.push(hostname);
      return Promise.resolve(addresses);
    };
    const judged = checkHost("Service.Example.", { allowPrivate, lookup });
    expect(await judged.catch((error: AddressRefused) => `refused: ${error.kind}`)).toBe(verdict);
    expect(asked).toEqual(["service.example"]);
  });

  test("a name that has to be looked up shows nothing by itself", () => {
    expect(literalKind("api.example.com")).toBeUndefined();
  });
});
