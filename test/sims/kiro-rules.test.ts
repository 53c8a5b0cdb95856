import { expect, test } from "bun:test";
import { chatFault } from "./kiro-rules.ts";
import { newAccount } from "./kiro-state.ts";

type Fields = Record<string, unknown>;

const id = "0a1b2c3d-0000-4000-a000-0123456789ab";
const said = (content: string, over: Fields = {}): Fields => ({
  userInputMessage: { content, modelId: "claude-sonnet-4.5", origin: "AI_EDITOR", ...over },
});
const answered = (content: string, over: Fields = {}): Fields => ({ assistantResponseMessage: { content, ...over } });
const tool = (over: Fields = {}): Fields => ({
  toolSpecification: {
    name: "read",
    description: "Reads",
    inputSchema: { json: { type: "object", properties: {} } },
    ...over,
  },
});
const use = { toolUseId: "1", name: "read", input: {} };
const gave = { toolUseId: "1", content: [{ text: "x" }], status: "success" };
const listed = { userInputMessageContext: { tools: [tool()] } };

function body(state: Fields = {}, root: Fields = {}): Fields {
  return {
    profileArn: newAccount("a", "social").profileArn,
    agentMode: "vibe",
    conversationState: { chatTriggerType: "MANUAL", conversationId: id, currentMessage: said("hi"), ...state },
    ...root,
  };
}

const HEADERS = {
  "accept-encoding": "identity",
  "amz-sdk-invocation-id": id,
  "content-type": "application/x-amz-json-1.0",
  "x-amz-target": "KiroRuntimeService.GenerateAssistantResponse",
};

const round = (results: Fields[], uses: Fields[] = [use]): Fields => ({
  history: [said("a"), answered("b", { toolUses: uses })],
  currentMessage: said("", { userInputMessageContext: { tools: [tool()], toolResults: results } }),
});

test.each<{ name: string; body: Fields; fault: string | undefined }>([
  { name: "a good one", body: body(), fault: undefined },
  { name: "a good round of tools", body: body(round([gave])), fault: undefined },
  { name: "a null", body: body({ currentMessage: said("hi", { images: null }) }), fault: "a null in the body" },
  { name: "a system prompt", body: body({}, { systemPrompt: "x" }), fault: "root field systemPrompt" },
  { name: "an automatic trigger", body: body({ chatTriggerType: "AUTO" }), fault: "chatTriggerType" },
  { name: "two users in a row", body: body({ history: [said("a")] }), fault: "message 1 is user: no alternation" },
  {
    name: "an assistant in front",
    body: body({ history: [answered("a")] }),
    fault: "message 0 is assistant: no alternation",
  },
  { name: "no text", body: body({ currentMessage: said("") }), fault: "message 0: empty content" },
  { name: "a call without its result", body: body(round([])), fault: "message 2: empty content" },
  {
    name: "a result without its call",
    body: body(round([gave], [])),
    fault: "message 2: results do not match the calls",
  },
  { name: "an id twice", body: body(round([gave, gave], [use, use])), fault: "toolUseId 1 twice" },
  {
    name: "a tool that is not listed",
    body: body(round([gave], [{ ...use, name: "write" }])),
    fault: "tool write is not listed",
  },
  {
    name: "arguments as text",
    body: body(round([gave], [{ ...use, input: "{}" }])),
    fault: "a tool input that is no object",
  },
  {
    name: "no description",
    body: body({ currentMessage: said("x", { userInputMessageContext: { tools: [tool({ description: "" })] } }) }),
    fault: "tool read: description",
  },
  {
    name: "fields for a model without",
    body: body({}, { additionalModelRequestFields: {} }),
    fault: "claude-sonnet-4.5 has no additional fields",
  },
])("the Kiro sim refuses $name: $fault", ({ body: sent, fault }) => {
  expect(chatFault(sent, HEADERS, "runtime", newAccount("a", "social"))?.violation).toBe(fault as never);
});

test("profiles are asked for as each host wants them", () => {
  const fault = (login: "social" | "builder-id", arn: string | undefined, host: "runtime" | "legacy") => {
    const { agentMode, ...root } = body({ currentMessage: said("x", listed) });
    const { profileArn: _own, ...rest } = root;
    const sent = {
      ...rest,
      ...(host === "runtime" ? { agentMode } : {}),
      ...(arn === undefined ? {} : { profileArn: arn }),
    };
    const headers: Record<string, string> =
      host === "runtime"
        ? HEADERS
        : { ...HEADERS, "content-type": "application/json", "x-amzn-kiro-agent-mode": "vibe" };
    return chatFault(sent, headers, host, newAccount("a", login))?.message;
  };
  const bob = newAccount("a", "builder-id").profileArn;
  expect(fault("social", undefined, "runtime")).toBe("profileArn is required for this request.");
  expect(fault("social", bob, "runtime")).toBe("Invalid profileArn.");
  expect(fault("builder-id", bob, "runtime")).toBeUndefined();
  expect(fault("builder-id", bob, "legacy")).toBe("User is not authorized to make this call.");
  expect(fault("builder-id", undefined, "legacy")).toBeUndefined();
});
