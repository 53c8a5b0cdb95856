import type { GatewayError } from "../chat/error.ts";
import type { Usage } from "../chat/event.ts";

/** How a turn ended. Without `failure` it ended with its end event. */
export interface TurnEnd {
  readonly failure?: GatewayError | undefined;
  /** Undefined when it broke before the upstream or the gateway could count. */
  readonly usage: Usage | undefined;
  /** Characters handed out: text, thinking and call arguments. */
  readonly characters: number;
}
