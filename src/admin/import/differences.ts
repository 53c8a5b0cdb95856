import type { Predecessor } from "./reading.ts";

/** What somebody who comes from there will notice. */
const DIFFERENCES: Readonly<Partial<Record<Predecessor, string>>> = {
  longchat:
    "longchat: the API wants a key (`sluice key add NAME`), unless REQUIRE_KEY is off; it listens on this machine alone " +
    "until HOST says otherwise; each request counts once in /stats, and an account that failed is tried again by itself.",
  "langfast-2api":
    "langfast-2api: guest sessions are kept, renewed and used again instead of being made anew, and your own LangFast " +
    "account can serve; a failed run is an error and not a text; API_MASTER_KEY 1 no longer opens the API.",
  langfast2api:
    "langfast2api: every path wants the key, the model list too; guest sessions are kept instead of one for each " +
    "request; errors have OpenAI's shape.",
  "enginelabs-2api":
    "enginelabs-2api: session, user and organisation are found from the cookie; chats are never shared between callers " +
    "and survive a restart; answers stream only when the client asks, and streams end with [DONE].",
  OctoProxy:
    "OctoProxy: kp_ keys go on working, under /v1 and /api/v1; tools and images reach the model; a failed stream ends " +
    "with an error and goes to another account before its first word; daily limits of keys and users are not taken over; " +
    "the console's password is your own (`sluice password`).",
  "kiro.rs":
    "kiro.rs: accounts keep their priority, the lower first; each login is renewed by itself before it lapses; nothing is " +
    "added to your prompts, and an unknown model is an error and not another model.",
  Kiro: "",
  CLIProxyAPI:
    "CLIProxyAPI: only its Kiro logins have a counterpart; an account that is limited rests until its time and is not " +
    "tried over and over.",
  "AIClient-2-API":
    "AIClient-2-API: nothing is put in front of your system prompt; a login is renewed before it lapses, and one that is " +
    "dead says `needs_login`.",
};

/** The sentences for those whose files were read, each once. */
export function differencesOf(predecessors: readonly Predecessor[]): string[] {
  return [...new Set(predecessors)].flatMap((predecessor) => DIFFERENCES[predecessor] || []);
}

/** Said when a Kiro login comes from a file that another program goes on using. */
export const SHARED_LOGIN =
  "Kiro: whoever else uses this login (the IDE, kiro-cli or the old gateway) and this gateway will sign each other out, " +
  "because each renewal ends the other's token. Stop using it there, or sign in here with a login of its own.";
