import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/chat/error.ts";
import { cookieHeader, credential, rotated } from "../../../src/providers/cto/credential.ts";

const jwt = (claims: Record<string, unknown>): string =>
  `eyJhbGciOiJSUzI1NiJ9.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.c2ln`;
const ANN = jwt({ id: "client_ann", rotating_token: "r1" });
const BOB = jwt({ id: "client_bob", rotating_token: "r1" });
const SESSION = jwt({ sid: "sess_1", azp: "https://cto.new", sub: "user_1" });

describe("R22 every pasted form with __client is an account", () => {
  const forms: [string, string, object[]][] = [
    ["a bare value", ANN, [{ client: ANN }]],
    ["a bare value in quotes", `"${ANN}"`, [{ client: ANN }]],
    ["a bare value that is no JWT", "dvb_2kXc81LmNoPqRs", [{ client: "dvb_2kXc81LmNoPqRs" }]],
    ["name and value", `__client=${ANN}`, [{ client: ANN }]],
    [
      "a whole Cookie header",
      `Cookie: _ga=GA1.1; __client_uat=1760000000; __client=${ANN}; __session=${SESSION}`,
      [{ client: ANN, clientUat: "1760000000" }],
    ],
    ["a header without its name", `a=b; __client=${ANN};__client_uat=17`, [{ client: ANN, clientUat: "17" }]],
    ["a Set-Cookie header", `set-cookie: __client=${ANN}; Path=/; HttpOnly; Secure`, [{ client: ANN }]],
    [
      "suffixed names",
      `__client_Ab3dE-9x=${ANN}; __client_uat_Ab3dE-9x=17`,
      [{ client: ANN, clientUat: "17", suffix: "Ab3dE-9x" }],
    ],
    ["plain and suffixed names side by side", `__client_Ab3=${BOB}; __client=${ANN}`, [{ client: ANN, suffix: "Ab3" }]],
    [
      "cURL with a cookie header",
      `curl 'https://clerk.cto.new/v1/client' \\\n  -H 'accept: */*' \\\n  -H 'cookie: __client=${ANN}; __client_uat=17' \\\n  --compressed`,
      [{ client: ANN, clientUat: "17" }],
    ],
    [
      "cURL with -b",
      `curl https://clerk.cto.new/v1/client -b '__client_uat=17; __client=${ANN}'`,
      [{ client: ANN, clientUat: "17" }],
    ],
    [
      "cURL for the Windows prompt",
      `curl "https://clerk.cto.new/v1/client" ^\r\n  -b ^"__client=${ANN}; __client_uat=17^"`,
      [{ client: ANN, clientUat: "17" }],
    ],
    [
      "cURL commands one after another",
      `curl https://clerk.cto.new -b '__client=${ANN}'\ncurl.exe https://clerk.cto.new \`\n\t-b '__client=${BOB}'`,
      [{ client: ANN }, { client: BOB }],
    ],
    [
      "a cookie export as JSON",
      JSON.stringify([
        { domain: "clerk.cto.new", name: "__client", value: ANN, httpOnly: true },
        { domain: ".cto.new", name: "__client_uat", value: "17" },
      ]),
      [{ client: ANN, clientUat: "17" }],
    ],
    [
      "a storage state",
      JSON.stringify({ cookies: [{ name: "__client", value: ANN }], origins: [] }),
      [{ client: ANN }],
    ],
    ["an object of cookies", JSON.stringify({ __client: ANN, other: "x" }), [{ client: ANN }]],
    [
      "a JSON list of headers",
      JSON.stringify([`__client=${ANN}`, `__client=${BOB}`]),
      [{ client: ANN }, { client: BOB }],
    ],
    [
      "rows of the developer tools' table",
      `__client\t${ANN}\tclerk.cto.new\t/\n__client_uat\t17\t.cto.new\t/`,
      [{ client: ANN, clientUat: "17" }],
    ],
    [
      "a cookies.txt",
      `# Netscape HTTP Cookie File\n#HttpOnly_clerk.cto.new\tFALSE\t/\tTRUE\t1791000000\t__client\t${ANN}`,
      [{ client: ANN }],
    ],
    [
      "the JSON export of a whole browser",
      JSON.stringify([
        { domain: "clerk.other.test", name: "__client", value: BOB },
        { domain: ".clerk.cto.new", name: "__client", value: ANN },
        { domain: ".other.test", name: "__client_uat", value: "18" },
      ]),
      [{ client: ANN }],
    ],
    [
      "the cookies.txt of a whole browser",
      `clerk.other.test\tFALSE\t/\tTRUE\t1\t__client\t${BOB}\n#HttpOnly_clerk.cto.new\tFALSE\t/\tTRUE\t1\t__client\t${ANN}`,
      [{ client: ANN }],
    ],
    [
      "an export of a server of one's own",
      JSON.stringify([{ domain: "127.0.0.1", name: "__client", value: ANN }]),
      [{ client: ANN }],
    ],
    ["several by line", `${ANN}\n\n__client=${BOB}\r\n`, [{ client: ANN }, { client: BOB }]],
    ["several by line, with remarks", `# ann\n${ANN}\n# bob\n${BOB}`, [{ client: ANN }, { client: BOB }]],
    ["several by ||", `__client=${ANN} || a=b; __client=${BOB}`, [{ client: ANN }, { client: BOB }]],
    ["the same account twice", `${ANN}||__client=${ANN}`, [{ client: ANN }]],
    [
      "request headers over many lines",
      `accept: */*\ncookie: __client=${ANN}\norigin: https://cto.new`,
      [{ client: ANN }],
    ],
  ];
  test.each(forms)("%s", (_name, text, accounts) => {
    expect(credential.parse(text)).toEqual(accounts as never);
  });
});

describe("R22 what is missing is said when it is pasted, and no secret is repeated", () => {
  const halves: [string, string, string][] = [
    ["a session cookie", `__session=${SESSION}`, "has __session but no __client"],
    ["a bare session token", SESSION, "has __session but no __client"],
    ["only the time of the sign-in", "__client_uat=1760000000", "has __client_uat but no __client"],
    ["cookies of another site", "a=b; c=d", "has no __client cookie"],
    ["one long cookie of another site", "session=invented-value-0123456789", "has no __client cookie"],
    ["its cURL", "curl 'https://elsewhere.example/' -b 'session=invented-value-0123456789'", "has no __client cookie"],
    ["an empty __client", "__client=; a=b", "no __client"],
    ["nothing", "  ", "has no __client cookie"],
    ["a word", "hello", "has no __client cookie"],
    ["an export without it", JSON.stringify([{ name: "__session", value: SESSION }]), "has __session but no __client"],
    ["a good account and a word", `${ANN}\nhello`, "has no __client cookie"],
    ["a good account and a half one", `${ANN}\n__session=${SESSION}`, "has __session but no __client"],
  ];
  test.each(halves)("%s", (_name, text, words) => {
    let thrown: unknown;
    try {
      credential.parse(text);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(GatewayError);
    const { kind, message } = thrown as GatewayError;
    expect(kind).toBe("invalid-request");
    expect(message).toContain(words);
    expect(message).toContain("https://clerk.cto.new");
    for (const secret of [SESSION, ANN]) expect(message).not.toContain(secret);
  });
});

test("an account keeps its identity when its cookie rotates, and shows only its end", () => {
  const newer = jwt({ id: "client_ann", rotating_token: "r2" });
  expect(credential.identity({ client: newer })).toBe(credential.identity({ client: ANN }));
  expect(credential.identity({ client: BOB })).not.toBe(credential.identity({ client: ANN }));
  expect(credential.hint({ client: "abcdefgh1234" })).toBe("…1234");
});

test("what the store gives back is narrowed, and half of it is refused", () => {
  expect(credential.restore({ client: ANN, clientUat: "17", other: 1 })).toEqual({ client: ANN, clientUat: "17" });
  expect(() => credential.restore({ clientUat: "17" })).toThrow("no __client");
});

describe("trap 5 rotation: a new cookie takes the place of the old one", () => {
  const before = { client: ANN, clientUat: "17" };
  const cases: [string, string[], object][] = [
    ["a new __client", ["__client=new; Path=/; HttpOnly"], { client: "new", clientUat: "17" }],
    [
      "a new suffixed __client and time",
      ["__client_Ab3=new", "__client_uat_Ab3=18"],
      { client: "new", clientUat: "18" },
    ],
    ["other cookies", ["__cf_bm=x", "__session=y"], before],
    ["a deletion", ["__client=; Max-Age=0", "__client=gone; max-age=0; Path=/"], before],
    ["the same value", [`__client=${ANN}`], before],
  ];
  test.each(cases)("%s", (_name, lines, after) => expect(rotated(before, lines)).toEqual(after as never));

  test("an answer that changes nothing gives the same object", () => expect(rotated(before, ["a=b"])).toBe(before));
  test("a suffixed account sends both names", () =>
    expect(cookieHeader({ client: "c", clientUat: "17", suffix: "Ab3" })).toBe(
      "__client=c; __client_uat=17; __client_Ab3=c; __client_uat_Ab3=17",
    ));
});
