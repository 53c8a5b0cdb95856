import type { AccountView } from "../../admin/admin.ts";
import { html, type Html } from "../html.ts";
import { icon, type IconName } from "../sprite.ts";
import type { Words } from "../words.ts";

export type AccountState = AccountView["state"];

/** How a state looks: its class (colour and outline of the card) and its shape. No two states share a shape. */
export const STATE_LOOKS: Readonly<Record<AccountState, { tone: string; icon: IconName; gate: string }>> = {
  needs_login: { tone: "bad", icon: "s-bad", gate: "bad" },
  disabled_auto: { tone: "bad", icon: "s-stop", gate: "bad" },
  exhausted: { tone: "spent", icon: "s-spent", gate: "spent" },
  cooling: { tone: "cool", icon: "s-cool", gate: "cool" },
  ready: { tone: "open", icon: "s-open", gate: "" },
  disabled_by_user: { tone: "off", icon: "s-off", gate: "off" },
};

/** Worst first: the order of gates, cards and rows. */
export const STATES_BY_TROUBLE = Object.keys(STATE_LOOKS) as readonly AccountState[];

/** Trouble gets a card. What works, and what a person switched off, is a row. */
export function isTroubled({ state }: Pick<AccountView, "state">): boolean {
  return state !== "ready" && state !== "disabled_by_user";
}

/** Worst first, then by name, with numbers in it as numbers. */
export function byTrouble(a: AccountView, b: AccountView): number {
  const worse = STATES_BY_TROUBLE.indexOf(a.state) - STATES_BY_TROUBLE.indexOf(b.state);
  return worse || a.label.localeCompare(b.label, undefined, { numeric: true });
}

/** A state by word, shape and colour. */
export function stateMark(words: Words, state: AccountState): Html {
  const look = STATE_LOOKS[state];
  return mark(look.tone, look.icon, words.t(`state.${state}`));
}

/** A word with its shape. @param tone a class of the style sheet */
export function mark(tone: string, name: IconName, text: string): Html {
  return html`<span class="st ${tone}">${icon(name)}${text}</span>`;
}

/** A relative time that the page keeps counting; its title is the exact one. Epoch ms. */
export function relativeTime(words: Words, at: number, now: number): Html {
  return html`<time datetime="${new Date(at).toISOString()}" data-ago="${at}" title="${words.clock(at, now)}"
    >${words.relative(at, now)}</time
  >`;
}

/** A time of day that the page shows in the reader's own time zone. Epoch ms. */
export function clockTime(words: Words, at: number, now: number): Html {
  return html`<time datetime="${new Date(at).toISOString()}" data-at="${at}">${words.clock(at, now)}</time>`;
}

/** One gate an account, worst first, with the same in words for readers. */
export function gates(states: Readonly<Record<AccountState, number>>, label: string): Html {
  const strip = STATES_BY_TROUBLE.map((state) => {
    const { gate } = STATE_LOOKS[state];
    const one = gate === "" ? html`<i></i>` : html`<i class="${gate}"></i>`;
    return Array.from({ length: states[state] }, () => one);
  });
  return html`<span class="gates" role="img" aria-label="${label}">${strip}</span>`;
}

/** "3 need a new login, 8 out of quota": every state but ready, worst first. Empty when all are ready. */
export function troubles(words: Words, states: Readonly<Record<AccountState, number>>): string[] {
  return STATES_BY_TROUBLE.filter((state) => state !== "ready" && states[state] > 0).map((state) =>
    words.n(`states.${state}`, states[state]),
  );
}

export function countStates(accounts: readonly Pick<AccountView, "state">[]): Record<AccountState, number> {
  const counts: Record<AccountState, number> = {
    ready: 0,
    cooling: 0,
    exhausted: 0,
    needs_login: 0,
    disabled_auto: 0,
    disabled_by_user: 0,
  };
  for (const { state } of accounts) counts[state] += 1;
  return counts;
}
