/** The commands of the demo model: the words it acts on, and what it says to them. */
import type { ReasoningRequest } from "../../chat/request.ts";

/** What the demo model will say. */
export interface Plan {
  readonly text: string;
  /** Empty when it does not think. */
  readonly thinking: string;
  /** Undefined: all at once. */
  readonly piecesPerSecond: number | undefined;
}

const MOST = 100_000;

const HELP = {
  en: [
    "Hello! I am the demo model: the gateway works, and I need no account. I understand:",
    "- echo TEXT: says TEXT again",
    "- count N: counts to N",
    "- lorem N: N words of filler text",
    "- 假文 N: N characters of Chinese filler text",
    "- help: this list",
    "Begin with `slow` for 20 pieces a second, with `speed R` for R, with `think` to see thinking first.",
  ].join("\n"),
  zh: [
    "你好！我是演示模型：网关已经在工作，而且不需要任何账号。我能听懂：",
    "- 复述 文字：原样说一遍",
    "- 数到 N：从 1 数到 N",
    "- 假文 N：N 个汉字的填充文字",
    "- lorem N：N 个英文单词的填充文字",
    "- 帮助：这份清单",
    "前面加“慢”每秒 20 段，加“速度 R”每秒 R 段，加“思考”先给出思考过程。",
  ].join("\n"),
} as const;

const THINKING = {
  en: "The user sent a command. I read it and do what it says.",
  zh: "用户发来一条命令。我读懂它，然后照做。",
} as const;

const LOREM =
  "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et dolore magna aliqua".split(
    " ",
  );
const FILLER = "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏闰余成岁律吕调阳";

/**
 * Reads the user's text: modifiers first, in any order, then one command. What is no command gets the help, in the
 * language of the text. The same text always gives the same plan.
 */
export function understand(text: string, reasoning: ReasoningRequest = {}): Plan {
  const language = /\p{Script=Han}/u.test(text) ? "zh" : "en";
  let rest = text.trim();
  let piecesPerSecond: number | undefined;
  let thinks = reasoning.enabled ?? (reasoning.effort !== undefined && !["none", "minimal"].includes(reasoning.effort));
  for (;;) {
    const modifier = /^(?:(slow\b|慢)|(?:speed\b|速度)\s*(\d+)|(think\b|思考))[\s,，:：]*/i.exec(rest);
    if (!modifier) break;
    rest = rest.slice(modifier[0].length);
    if (modifier[1]) piecesPerSecond = 20;
    else if (modifier[2]) piecesPerSecond = Math.min(Math.max(Number(modifier[2]), 1), 10_000);
    else thinks = true;
  }
  return { text: answerTo(rest) ?? HELP[language], thinking: thinks ? THINKING[language] : "", piecesPerSecond };
}

function answerTo(command: string): string | undefined {
  const echo = /^(?:echo\b|复述)[\s:：]*([^]+)$/i.exec(command);
  if (echo?.[1]) return echo[1];
  const counted = /^(count(?:\s+to)?|数到|lorem|假文)\s*(\d+)\s*$/i.exec(command);
  if (!counted?.[1]) return undefined;
  const count = Math.min(Number(counted[2]), MOST);
  const name = counted[1].toLowerCase();
  if (count === 0) return undefined;
  if (name === "lorem") return cycle(LOREM, count).join(" ");
  if (name === "假文") return cycle(Array.from(FILLER), count).join("");
  return Array.from({ length: count }, (_, index) => index + 1).join(name === "数到" ? "，" : ", ");
}

function cycle(list: readonly string[], count: number): string[] {
  return Array.from({ length: count }, (_, index) => list[index % list.length] ?? "");
}

/** Text as a model would stream it: words with the blanks after them, Chinese by the character. They join to the text. */
export function piecesOf(text: string): string[] {
  return text.match(/\p{Script=Han}|[^\s\p{Script=Han}]+\s*|\s+/gu) ?? [];
}
