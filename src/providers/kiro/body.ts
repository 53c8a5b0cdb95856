import type { ChatRequest } from "../../chat/request.ts";
import type { KiroModel } from "./models.ts";
import { thinkingFields, thinkingTags } from "./thinking.ts";
import { namesBack, toolsOf, upstreamName } from "./tools.ts";
import { orderTurns, turnsOf, type AssistantTurn, type Turn, type UserTurn } from "./turns.ts";
import type {
  KiroAssistantMessage,
  KiroDialect,
  KiroHistoryItem,
  KiroRequest,
  KiroTool,
  KiroUserMessage,
} from "./wire.ts";

export interface BodyInput {
  readonly dialect: KiroDialect;
  readonly model: KiroModel;
  readonly profileArn: string | undefined;
  /** What conversation ids are made from besides the chat: the account, so that ids are nobody else's. */
  readonly seed: string;
  /** False after the service refused a signature: all earlier thinking is left out. */
  readonly reasoning: boolean;
}

export interface Body {
  readonly json: KiroRequest;
  /** From the service's tool names, in lower case, to the client's. */
  readonly names: ReadonlyMap<string, string>;
  /** Thinking was asked for by tags and will come between tags. */
  readonly tagged: boolean;
}

/** The whole request for one host. Pure: the same chat gives the same body. @throws GatewayError invalid-request */
export function bodyOf(request: ChatRequest, input: BodyInput): Body {
  const { dialect, model } = input;
  const { system, turns: said } = turnsOf(request.messages);
  const byTags = dialect === "legacy" || model.thinking === "none";
  const tags = byTags ? thinkingTags(request.reasoning) : "";
  const turns = orderTurns(said, systemText(tags, system, callNote(request)));
  const current = turns.at(-1) as UserTurn;
  const used = callNames(turns);
  const offered = request.toolChoice.type === "none" ? [] : request.tools;
  const listed = request.toolChoice.type === "none" ? request.tools.filter(({ name }) => used.has(name)) : offered;
  const message = (turn: UserTurn, tools: readonly KiroTool[]) => userMessage(turn, tools, input);
  const history = turns
    .slice(0, -1)
    .map((turn): KiroHistoryItem =>
      turn.role === "user"
        ? { userInputMessage: message(turn, []) }
        : { assistantResponseMessage: assistantMessage(turn, input) },
    );
  const conversationId = uuidOf(input.seed, model.id, openingOf(said));
  const fields = dialect === "runtime" ? thinkingFields(request.reasoning, model) : undefined;
  return {
    json: {
      ...(input.profileArn === undefined ? {} : { profileArn: input.profileArn }),
      ...(dialect === "runtime" ? { agentMode: "vibe" } : {}),
      ...(fields === undefined ? {} : { additionalModelRequestFields: fields }),
      conversationState: {
        chatTriggerType: "MANUAL",
        conversationId,
        ...(dialect === "runtime" ? { rootConversationId: conversationId } : {}),
        agentTaskType: "vibe",
        agentContinuationId: uuidOf(conversationId, String(userTurns(said)), lastWords(said)),
        ...(history.length === 0 ? {} : { history }),
        currentMessage: { userInputMessage: message(current, toolsOf(listed, used, dialect)) },
      },
    },
    names: namesBack([...request.tools.map(({ name }) => name), ...used]),
    tagged: tags !== "",
  };
}

function systemText(...texts: string[]): string {
  return texts.filter((text) => text !== "").join("\n\n");
}

/** There is no field to force a call or to forbid several at once: the model is told in words. */
function callNote({ tools, toolChoice, parallelToolCalls }: ChatRequest): string {
  const one = tools.length > 0 && toolChoice.type !== "none" && !parallelToolCalls;
  const notes = [
    toolChoice.type === "required" ? "Answer with a call of one of the tools." : "",
    toolChoice.type === "tool" ? `Answer with a call of the tool \`${upstreamName(toolChoice.name)}\`.` : "",
    one ? "Call at most one tool in an answer." : "",
  ];
  return notes.filter((note) => note !== "").join(" ");
}

function userMessage(turn: UserTurn, tools: readonly KiroTool[], { dialect, model }: BodyInput): KiroUserMessage {
  const { images, results } = turn;
  const context = {
    ...(tools.length === 0 ? {} : { tools }),
    ...(results.length === 0 ? {} : { toolResults: results }),
  };
  return {
    content: turn.text === "" ? silence(turn, dialect) : turn.text,
    modelId: model.id,
    origin: "AI_EDITOR",
    ...(images.length === 0 ? {} : { images }),
    ...(Object.keys(context).length === 0 ? {} : { userInputMessageContext: context }),
  };
}

/** What stands for no text: legacy hosts refuse an empty content even beside tool results. */
function silence(turn: UserTurn, dialect: KiroDialect): string {
  if (dialect === "runtime") return "";
  return turn.results.length > 0 ? "Tool results provided." : "Image attached.";
}

function assistantMessage(turn: AssistantTurn, { dialect, reasoning }: BodyInput): KiroAssistantMessage {
  const toolUses = turn.calls.map(({ id, name, input }) => ({ toolUseId: id, name: upstreamName(name), input }));
  const thought = dialect === "runtime" && reasoning ? turn.reasoning : undefined;
  return {
    content: turn.text === "" && dialect === "legacy" ? " " : turn.text,
    ...(toolUses.length === 0 ? {} : { toolUses }),
    ...(thought ? { reasoningContent: thought } : {}),
  };
}

function callNames(turns: readonly Turn[]): Set<string> {
  const names = new Set<string>();
  for (const turn of turns) if (turn.role === "assistant") for (const { name } of turn.calls) names.add(name);
  return names;
}

const openingOf = (turns: readonly Turn[]): string => turns.find(({ role }) => role === "user")?.text ?? "";

const speaks = (turn: Turn): boolean => turn.role === "user" && turn.text !== "";

const userTurns = (turns: readonly Turn[]): number => turns.filter(speaks).length;

const lastWords = (turns: readonly Turn[]): string => turns.findLast(speaks)?.text ?? "";

/** A UUID that the same words always give. */
function uuidOf(...words: readonly string[]): string {
  const hasher = new Bun.CryptoHasher("sha256");
  for (const word of words) hasher.update(`${word.length}:${word}`);
  const hex = hasher.digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
