import { dataText } from "./data-text.ts";

/** What the start text tells. */
export interface StartFacts {
  readonly version: string;
  readonly language: "en" | "zh";
  /** Addresses that a client on this machine can use, with the base path, without a slash at the end; at least one. */
  readonly urls: readonly string[];
  /** Whether only this machine can reach it. */
  readonly loopback: boolean;
  /** The database file in use, absolute. */
  readonly database: string;
  /** Client key made at the first start: shown this once. */
  readonly newKey?: string | undefined;
  /** One-time address that sets the console password; undefined once that is done. */
  readonly setupLink?: string | undefined;
  /** Whether an account is there; without one the text says how to add it. */
  readonly hasAccounts: boolean;
  /** Sentences for the owner; only the first few are shown. */
  readonly notices: readonly string[];
}

const MAX_LINES = 12;

const WORDS = {
  en: {
    api: "API",
    data: "Data",
    key: "Client key (shown once)",
    account: "Add an account",
    onPage: "on the page below, or: sluice account add longcat",
    network: "From other devices",
    closed: "not reachable; HOST=0.0.0.0 opens it to your network",
    more: (count: number) => `${count} more: see the log`,
    setup: "Set the console password first (the link works once, for 30 minutes):",
    console: "Console:",
  },
  zh: {
    api: "接口地址",
    data: "数据目录",
    key: "客户端密钥（仅显示一次）",
    account: "添加账号",
    onPage: "打开下面的页面，或运行 sluice account add longcat",
    network: "局域网访问",
    closed: "未开放；设置 HOST=0.0.0.0 后，其他设备才能访问",
    more: (count: number) => `另有 ${count} 条，见日志`,
    setup: "请先设置控制台密码（链接只能用一次，30 分钟内有效）：",
    console: "控制台：",
  },
} as const;

export interface StartText {
  /** At most 12 lines, the last one an address to click, with a line end. */
  readonly text: string;
  /** The notices for which there was no room: the log is to have them. */
  readonly rest: readonly string[];
}

/** What a start prints. */
export function startText(facts: StartFacts): StartText {
  const words = WORDS[facts.language];
  const rows: [string, string][] = [
    [words.api, facts.urls.map((url) => `${url}/v1`).join("  ")],
    [words.data, dataText(facts.database)],
  ];
  if (facts.newKey !== undefined) rows.push([words.key, facts.newKey]);
  if (!facts.hasAccounts) rows.push([words.account, words.onPage]);
  if (facts.loopback) rows.push([words.network, words.closed]);
  const body = [`Sluice ${facts.version}`, ...aligned(rows)];
  const [address = ""] = facts.urls;
  const end = facts.setupLink === undefined ? [words.console, `${address}/console/`] : [words.setup, facts.setupLink];
  const room = MAX_LINES - body.length - end.length;
  const fits = facts.notices.length <= room;
  const notices = fits ? facts.notices : facts.notices.slice(0, room - 1);
  const rest = facts.notices.slice(notices.length);
  const told = fits ? notices : [...notices, words.more(rest.length)];
  return { text: `${[...body, ...told.map((notice) => `! ${oneLine(notice)}`), ...end].join("\n")}\n`, rest };
}

/** Names padded to the widest; a Chinese character is two columns wide. */
function aligned(rows: readonly [string, string][]): string[] {
  const width = Math.max(...rows.map(([name]) => Bun.stringWidth(name)));
  return rows.map(([name, value]) => `  ${name}${" ".repeat(width - Bun.stringWidth(name))}  ${value}`);
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
