import { describe, expect, test } from "bun:test";
import type { ReasoningRequest } from "../../../src/chat/request.ts";
import { modelOf } from "../../../src/providers/kiro/models.ts";
import { ThinkingSplitter, type Piece } from "../../../src/providers/kiro/thinking-splitter.ts";
import { thinkingFields, thinkingTags } from "../../../src/providers/kiro/thinking.ts";

const enabled = (length: number) =>
  `<thinking_mode>enabled</thinking_mode><max_thinking_length>${length}</max_thinking_length>`;
const adaptive = (effort: string) =>
  `<thinking_mode>adaptive</thinking_mode><thinking_effort>${effort}</thinking_effort>`;

test.each<{ asked: ReasoningRequest; tags: string }>([
  { asked: {}, tags: "" },
  { asked: { effort: "none" }, tags: "" },
  { asked: { enabled: false, budgetTokens: 5000 }, tags: "" },
  { asked: { enabled: true }, tags: enabled(20_000) },
  { asked: { budgetTokens: 5000 }, tags: enabled(5000) },
  { asked: { budgetTokens: 1 }, tags: enabled(1024) },
  { asked: { budgetTokens: 31_999, effort: "low" }, tags: enabled(24_576) },
  { asked: { effort: "minimal" }, tags: adaptive("low") },
  { asked: { effort: "medium" }, tags: adaptive("medium") },
  { asked: { effort: "xhigh" }, tags: adaptive("high") },
])("tags for $asked", ({ asked, tags }) => {
  expect(thinkingTags(asked)).toBe(tags);
});

const on = { type: "adaptive", display: "summarized" };
test.each<{ model: string; asked: ReasoningRequest; fields: unknown }>([
  { model: "claude-sonnet-4.6", asked: {}, fields: undefined },
  { model: "claude-sonnet-4.6", asked: { enabled: true }, fields: { thinking: on } },
  { model: "claude-sonnet-4.6", asked: { effort: "low" }, fields: { thinking: on, output_config: { effort: "low" } } },
  {
    model: "claude-sonnet-4.6",
    asked: { budgetTokens: 9000 },
    fields: { thinking: on, output_config: { effort: "medium" } },
  },
  { model: "claude-sonnet-4.6", asked: { enabled: false }, fields: { thinking: { type: "disabled" } } },
  { model: "claude-opus-5.5", asked: { enabled: false }, fields: undefined },
  { model: "claude-sonnet-4.5", asked: { effort: "high" }, fields: undefined },
  { model: "claude-haiku-4.5", asked: { enabled: false }, fields: undefined },
  { model: "gpt-5.6-sol", asked: { effort: "xhigh" }, fields: { reasoning: { effort: "high" } } },
  { model: "gpt-5.6-sol", asked: { effort: "none" }, fields: undefined },
])("fields of $model for $asked", ({ model, asked, fields }) => {
  expect(thinkingFields(asked, modelOf(model))).toEqual(fields as never);
});

function split(text: string, size: number, flush = true): { text: string; thinking: string } {
  const splitter = new ThinkingSplitter();
  const pieces: Piece[] = [];
  for (let at = 0; at < text.length; at += size) pieces.push(...splitter.push(text.slice(at, at + size)));
  if (flush) pieces.push(...splitter.flush());
  for (const piece of pieces) expect(piece.text).not.toBe("");
  const joined = (kind: string) => pieces.map((piece) => (piece.kind === kind ? piece.text : "")).join("");
  return { text: joined("text"), thinking: joined("thinking") };
}

describe("thinking between tags, cut at every size", () => {
  test.each([
    { name: "no tags", said: "plain < text </thinking>\n\n", text: "plain < text </thinking>\n\n", thinking: "" },
    { name: "the usual form", said: "<thinking>\nhm\n</thinking>\n\nYes", text: "Yes", thinking: "hm\n" },
    { name: "without the line break inside", said: "<thinking>hm</thinking>\n\nYes", text: "Yes", thinking: "hm" },
    { name: "blank lines in front", said: "\n\n<thinking>hm</thinking>\n\nYes", text: "Yes", thinking: "hm" },
    { name: "a later line", said: "So\n<thinking>hm</thinking>\n\nYes", text: "So\nYes", thinking: "hm" },
    {
      name: "a tag within a line",
      said: "a <thinking>b</thinking>\n\nc",
      text: "a <thinking>b</thinking>\n\nc",
      thinking: "",
    },
    {
      name: "a quoted closing tag",
      said: "<thinking>a `</thinking>`\n\nb</thinking>\n\nc",
      text: "c",
      thinking: "a `</thinking>`\n\nb",
    },
    {
      name: "a quotation mark before the closing tag",
      said: '<thinking>say "</thinking>\n\nso</thinking>\n\nc',
      text: "c",
      thinking: 'say "</thinking>\n\nso',
    },
    {
      name: "a closing tag before text",
      said: "<thinking>a</thinking> b</thinking>\n\nc",
      text: "c",
      thinking: "a</thinking> b",
    },
    { name: "a closing tag at the end", said: "<thinking>a</thinking> \n", text: "", thinking: "a" },
    { name: "no closing tag", said: "<thinking>a\n</think", text: "", thinking: "a\n</think" },
    { name: "a second opening tag", said: "<thinking>a</thinking>\n\n<thinking>b", text: "<thinking>b", thinking: "a" },
    { name: "half a tag at the end", said: "a\n<think", text: "a\n<think", thinking: "" },
  ])("$name", ({ said, text, thinking }) => {
    for (let size = 1; size <= said.length; size++) expect(split(said, size)).toEqual({ text, thinking });
  });

  test("a tool call closes it like the end, and text after it is text", () => {
    const splitter = new ThinkingSplitter();
    expect(splitter.push("<thinking>\nhm</thinking>\n")).toEqual([{ kind: "thinking", text: "hm" }]);
    expect(splitter.flush()).toEqual([]);
    expect(splitter.push("after")).toEqual([{ kind: "text", text: "after" }]);
  });
});
