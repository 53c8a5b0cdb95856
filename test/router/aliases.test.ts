import { describe, expect, test } from "bun:test";
import type { ModelInfo } from "../../src/providers/provider.ts";
import { createCto } from "../../src/providers/cto/index.ts";
import { createDemo } from "../../src/providers/demo/index.ts";
import { createKiro } from "../../src/providers/kiro/index.ts";
import { createLangfast } from "../../src/providers/langfast/index.ts";
import { createLongcat } from "../../src/providers/longcat/index.ts";
import { Resolver, type ResolverDeps } from "../../src/router/resolve.ts";
import { FakeProvider } from "./fake-provider.ts";

const all = {
  longcat: createLongcat({}),
  langfast: createLangfast(),
  cto: createCto(),
  kiro: createKiro(),
  demo: createDemo(),
};

function resolver(names: readonly (keyof typeof all)[], more: Partial<ResolverDeps> = {}): Resolver {
  const providers = names.map((name) => all[name]);
  return new Resolver({ providers, defaultModel: () => "LongCat", knownModels: () => undefined, ...more });
}
const shown = (found: readonly { provider: { name: string }; model: string }[]) =>
  found.map(({ provider, model }) => `${provider.name}/${model}`);

describe("names that need no set-up", () => {
  const EVERY = ["longcat", "langfast", "cto", "kiro", "demo"] as const;
  const cases: { names: string[]; at: readonly (keyof typeof all)[]; first: string }[] = [
    {
      names: ["claude-sonnet-4-5-20250929", "claude-sonnet-4-5", "sonnet", "claude-sonnet", "Sonnet", "sonnet[1m]"],
      at: EVERY,
      first: "kiro/claude-sonnet-4.5",
    },
    { names: ["claude-haiku-4-5-20251001", "haiku", "claude-haiku-4-5"], at: EVERY, first: "kiro/claude-haiku-4.5" },
    { names: ["opus", "claude-opus-4-5", "claude-opus-4-5-20251101"], at: EVERY, first: "kiro/claude-opus-4.5" },
    { names: ["claude-sonnet-4-20250514"], at: EVERY, first: "kiro/claude-sonnet-4" },
    { names: ["claude-3-7-sonnet-20250219"], at: EVERY, first: "kiro/CLAUDE_3_7_SONNET_20250219_V1_0" },
    { names: ["ClaudeSonnet4_5"], at: EVERY, first: "kiro/claude-sonnet-4.5" },
    { names: ["sonnet", "ClaudeSonnet4_5", "claude-sonnet-4-5-20250929"], at: ["cto"], first: "cto/ClaudeSonnet4_5" },
    { names: ["GPT5", "gpt-5"], at: EVERY, first: "cto/GPT5" },
    { names: ["GPT5", "gpt-5"], at: ["langfast"], first: "langfast/gpt-5" },
    { names: ["gpt-4o-mini"], at: EVERY, first: "langfast/gpt-4o-mini" },
    { names: ["LongCat", "longcat"], at: EVERY, first: "longcat/LongCat" },
    { names: ["LongCat-Search"], at: EVERY, first: "longcat/LongCat-Search" },
    { names: ["longcat-thinking"], at: EVERY, first: "longcat/longcat-thinking" },
  ];
  const rows = cases.flatMap(({ names, at, first }) => names.map((name) => ({ name, at, first })));
  test.each(rows)("$name at $at means $first", ({ name, at, first }) => {
    expect(shown(resolver(at).resolve(name))[0]).toBe(first);
  });

  const unserved: { name: string; at: readonly (keyof typeof all)[] }[] = [
    { name: "claude-haiku-4-5-20251001", at: ["cto", "longcat"] },
    { name: "opus", at: ["longcat", "langfast", "demo"] },
    { name: "gpt-6", at: EVERY },
  ];
  test.each(unserved)("$name is nobody else's model where nobody serves it", ({ name, at }) => {
    expect(() => resolver(at).resolve(name)).toThrow(`There is no model "${name}" here.`);
  });
});

describe("one model at several providers", () => {
  const at = ["longcat", "langfast", "cto", "kiro"] as const;
  test("goes by the usual priority, whatever the spelling", () => {
    expect(shown(resolver(at).resolve("gpt-5"))).toEqual(["cto/GPT5", "langfast/gpt-5"]);
    expect(shown(resolver(at).resolve("claude-sonnet-4-5"))).toEqual(["kiro/claude-sonnet-4.5", "cto/ClaudeSonnet4_5"]);
  });

  test("goes by the owner's priority; who is not named follows in the usual order", () => {
    const tables = () => ({ order: ["langfast"] });
    expect(shown(resolver(at, { tables }).resolve("gpt-5"))).toEqual(["langfast/gpt-5", "cto/GPT5"]);
    expect(shown(resolver(at, { tables }).resolve("sonnet"))).toEqual([
      "kiro/claude-sonnet-4.5",
      "cto/ClaudeSonnet4_5",
    ]);
  });

  test("compatible services come first of all", () => {
    const service = new FakeProvider("openai-compatible", ["gpt-5"]);
    const providers = [all.cto, all.langfast, service];
    const deps = { providers, defaultModel: () => "x", knownModels: () => undefined };
    expect(shown(new Resolver(deps).resolve("GPT-5"))).toEqual([
      "openai-compatible/gpt-5",
      "cto/GPT5",
      "langfast/gpt-5",
    ]);
  });
});

describe("models that only accounts tell", () => {
  const service = new FakeProvider("openai-compatible", []);
  const told: ModelInfo[] = [{ id: "org/Some-Model-7B", created: 1, ownedBy: "org" }];
  const deps: ResolverDeps = {
    providers: [all.longcat, service],
    defaultModel: () => "LongCat",
    knownModels: () => undefined,
    accountModels: (name) => (name === service.name ? told : all.longcat.models),
  };
  const names = ["org/Some-Model-7B", "org/some-model-7b", "openai-compatible/org/Some-Model-7B"];
  test.each(names)("%s resolves through them", (name) => {
    expect(shown(new Resolver(deps).resolve(name))).toEqual(["openai-compatible/org/Some-Model-7B"]);
  });
  test("every spelling is a target, the exact one first", () => {
    const spelled = ["claude-sonnet-4-5-20250929", "Claude-Sonnet-4.5", "claude-sonnet-4-5"];
    const accountModels = (name: string) =>
      name === service.name ? spelled.map((id) => ({ id, created: 1, ownedBy: "org" })) : all.longcat.models;
    const found = shown(new Resolver({ ...deps, accountModels }).resolve("claude-sonnet-4-5"));
    expect(found[0]).toBe("openai-compatible/claude-sonnet-4-5");
    expect(found).toHaveLength(3);
  });
  test("they are listed", () => {
    expect(new Resolver(deps).models().map(({ id }) => id)).toContain("org/Some-Model-7B");
  });
});

describe("the owner's aliases", () => {
  const at = ["longcat", "langfast", "kiro"] as const;
  const table = {
    "GPT-4": "langfast/gpt-4o",
    "gpt-*": "LongCat",
    "gpt-4*": "gpt-4o-mini",
    "claude-haiku-*": "longcat-flash",
    gone: "nobody/nothing",
    LongCat: "longcat-pro",
    "turn-1": "turn-2",
    "turn-2": "turn-1",
    "*": "longcat-search",
  };
  const deps = { tables: () => ({ aliases: table }) };
  const cases: { name: string; says: string; to: string }[] = [
    { name: "gpt-4", says: "an entry without a star, in any case", to: "langfast/gpt-4o" },
    { name: "gpt-4-turbo-x", says: "the most exact pattern", to: "langfast/gpt-4o-mini" },
    { name: "gpt-99", says: "a pattern", to: "longcat/LongCat" },
    { name: "gpt-5", says: "a model that is listed, in spite of a pattern", to: "langfast/gpt-5" },
    { name: "LongCat", says: "an entry of exactly this name, in spite of the list", to: "longcat/longcat-pro" },
    { name: "claude-haiku-9", says: "a pattern before everything built in", to: "longcat/longcat-flash" },
    { name: "gone", says: "the next pattern when nobody serves the first", to: "longcat/longcat-search" },
    { name: "turn-1", says: "no alias of an alias", to: "longcat/longcat-search" },
  ];
  test.each(cases)("$name means $says", ({ name, to }) => {
    expect(shown(resolver(at, deps).resolve(name))[0]).toBe(to);
  });

  test("an entry that nobody serves leaves its name unknown", () => {
    const tables = () => ({ aliases: { gone: "nobody/nothing" } });
    expect(() => resolver(at, { tables }).resolve("gone")).toThrow('There is no model "gone" here.');
  });

  test("an alias reaches only the provider that the path names", () => {
    const tables = () => ({ aliases: { mine: "langfast/gpt-5" } });
    expect(() => resolver(at, { tables }).resolve("mine", "longcat")).toThrow();
  });
});

describe("fallbacks", () => {
  const at = ["longcat", "langfast", "cto", "kiro"] as const;
  const fallbacks = {
    "claude-sonnet-4-5": ["langfast/gpt-5", "nobody/x", "LongCat", "kiro/claude-sonnet-4.5"],
    "wished-for": ["demo/x", "longcat/LongCat"],
  };
  const tables = () => ({ fallbacks });
  test("follow those who serve the model, each once, however the name is spelled", () => {
    const to = ["kiro/claude-sonnet-4.5", "cto/ClaudeSonnet4_5", "langfast/gpt-5", "longcat/LongCat"];
    expect(shown(resolver(at, { tables }).resolve("claude-sonnet-4-5-20250929"))).toEqual(to);
    expect(shown(resolver(at, { tables }).resolve("Claude-Sonnet-4.5"))).toEqual(to);
  });
  test("serve a name that nobody else serves", () => {
    expect(shown(resolver(at, { tables }).resolve("wished-for"))).toEqual(["longcat/LongCat"]);
  });
  test("are not for a path that names a provider", () => {
    expect(shown(resolver(at, { tables }).resolve("claude-sonnet-4-5", "kiro"))).toEqual(["kiro/claude-sonnet-4.5"]);
  });
});
