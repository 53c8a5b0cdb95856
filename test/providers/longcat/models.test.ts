import { expect, test } from "bun:test";
import { matchModel, modeOf, MODELS } from "../../../src/providers/longcat/models.ts";

const names: { name: string; mode: [agent: string, reason: boolean, search: boolean] | undefined }[] = [
  { name: "LongCat", mode: ["1", false, false] },
  { name: "longcat", mode: ["1", false, false] },
  { name: "LONGCAT-FLASH", mode: ["1", false, false] },
  { name: "LongCat-Search", mode: ["1", false, true] },
  { name: "longcat-search", mode: ["1", false, true] },
  { name: "longcat-online", mode: ["1", false, true] },
  { name: "longcat-thinking", mode: ["1", true, false] },
  { name: "LongCat-Flash-Thinking", mode: ["1", true, false] },
  { name: "longcat-r1", mode: ["1", true, false] },
  { name: "longcat-reason", mode: ["1", true, false] },
  { name: "longcat-reason-search", mode: ["1", true, true] },
  { name: "LongCat-Search-and-Thinking", mode: ["1", true, true] },
  { name: "longcat-pro", mode: ["2", true, true] },
  { name: "gpt-4o", mode: undefined },
  { name: "r1", mode: undefined },
  { name: "deepseek-r1", mode: undefined },
  { name: "my-longcat", mode: undefined },
  { name: "longcats", mode: undefined },
  { name: "longcat-genImage", mode: undefined },
  { name: "longcat-deepResearch", mode: undefined },
  { name: "", mode: undefined },
];
test.each(names)("$name means $mode", ({ name, mode }) => {
  const model = matchModel(name);
  const means = model === undefined ? undefined : modeOf(model, {});
  expect(means && [means.agentId, means.reason, means.search]).toEqual(mode);
});

test("every listed model means itself", () => {
  for (const { id } of MODELS) expect(matchModel(id)).toBe(id);
});

test("what the client says about thinking wins over the name", () => {
  expect(modeOf("LongCat", { effort: "high" }).reason).toBe(true);
  expect(modeOf("LongCat", { enabled: true }).reason).toBe(true);
  expect(modeOf("LongCat", { effort: "minimal" }).reason).toBe(false);
  expect(modeOf("longcat-thinking", { effort: "none" }).reason).toBe(false);
  expect(modeOf("longcat-thinking", { enabled: false }).reason).toBe(false);
});
