/** The service's chats: their ids, and how one is opened and deleted (protocol.md, "Chats"). */
import { randomUUID } from "node:crypto";
import { isObject } from "../../lib/json.ts";
import type { CtoAccount } from "./account.ts";
import type { Api } from "./api.ts";
import type { CtoContext } from "./clerk.ts";
import { changed, isOk } from "./failure.ts";
import type { Protocol } from "./wire.ts";

/** A chat as its id tells it. */
export interface CtoChat {
  readonly protocol: Protocol;
  readonly chatHistoryId: string;
  /** v2: part of the socket's address. */
  readonly workspace: string | undefined;
}

const V2 = /^v2:([^:]+):([^:]*)$/;

/** The id that the rest of the gateway keeps: bare in v1; in v2 with the workspace, which nothing else would remember. */
export function chatIdOf({ protocol, chatHistoryId, workspace }: CtoChat): string {
  return protocol === "v1"
    ? chatHistoryId
    : `v2:${encodeURIComponent(chatHistoryId)}:${encodeURIComponent(workspace ?? "")}`;
}

/** The chat that an id of `chatIdOf` stands for. */
export function chatOf(chatId: string): CtoChat {
  const [, id, workspace = ""] = V2.exec(chatId) ?? [];
  if (id === undefined) return { protocol: "v1", chatHistoryId: chatId, workspace: undefined };
  return {
    protocol: "v2",
    chatHistoryId: decodeURIComponent(id),
    workspace: workspace === "" ? undefined : decodeURIComponent(workspace),
  };
}

/** Makes an empty chat: in v1 its id is the client's own, in v2 it is a hosted project. */
export async function openChat(
  api: Api,
  context: CtoContext,
  account: CtoAccount,
  protocol: Protocol,
): Promise<CtoChat> {
  if (protocol === "v1") return { protocol, chatHistoryId: randomUUID(), workspace: undefined };
  const body = JSON.stringify({ projectName: `scratch-${randomUUID().slice(0, 8)}` });
  const { json } = await api.ask(context, account, { method: "POST", path: "/projects/create-hosted", body });
  const { projectId, workspaceId } = isObject(json) ? json : {};
  if (typeof projectId !== "string" || projectId === "") throw changed("cto.new's new project", "projectId");
  return { protocol, chatHistoryId: projectId, workspace: typeof workspaceId === "string" ? workspaceId : undefined };
}

/** Deletes a chat; one that is gone is deleted already. */
export async function deleteChat(api: Api, context: CtoContext, account: CtoAccount, chat: CtoChat): Promise<void> {
  const path = `/engine-agent/chat-histories/${encodeURIComponent(chat.chatHistoryId)}`;
  const answer = await api.call(context, account, { method: "DELETE", path });
  if (!isOk(answer) && answer.status !== 404) throw await api.refused(context, account, answer);
}
