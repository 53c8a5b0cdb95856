import { html, type Html } from "./html.ts";
import { en } from "./locales/en.ts";
import { zh } from "./locales/zh.ts";

export type Language = "en" | "zh";
export type Key = keyof typeof en;
/** Keys that exist as `<key>.one` and `<key>.other`. */
export type PluralKey = { [K in Key]: K extends `${infer Base}.other` ? Base : never }[Key];
type Values = Readonly<Record<string, string | number>>;

interface Locale {
  readonly tag: string;
  readonly texts: Readonly<Record<Key, string>>;
  readonly gap: string;
  readonly comma: string;
}

const LOCALES: Readonly<Record<Language, Locale>> = {
  en: { tag: "en", texts: en, gap: " ", comma: ", " },
  zh: { tag: "zh-CN", texts: zh, gap: "", comma: "，" }, // its marks are as wide as a letter and its gap
};

/** How long something took, by the unit's name. */
const SPANS: Readonly<Record<Language, Readonly<Record<"ms" | "s" | "min" | "h", string>>>> = {
  en: { ms: "ms", s: "s", min: "min", h: "h" },
  zh: { ms: "毫秒", s: "秒", min: "分钟", h: "小时" },
};

/** Steps of a relative time: the unit that is used from so many seconds on, and its length. */
const UNITS = [
  ["day", 86_400 * 2, 86_400],
  ["hour", 5400, 3600],
  ["minute", 90, 60],
  ["second", 0, 1],
] as const;

/** One language's texts, numbers and times. */
export interface Words {
  readonly language: Language;
  /** BCP 47, for `lang` and Intl. */
  readonly tag: string;
  /** The text of a key, `{name}` replaced. Numbers are written in the language's way. */
  readonly t: (key: Key, values?: Values) => string;
  /** The `.one` or `.other` form for a count, which is also its `{n}`. */
  readonly n: (key: PluralKey, count: number, values?: Values) => string;
  readonly number: (value: number) => string;
  /** 3,200,000 as `3.2M`. */
  readonly compact: (value: number) => string;
  readonly percent: (ratio: number) => string;
  /** A span of time: `3 ms`, `0.9 s`, `12 s`, `4 min`. */
  readonly span: (ms: number) => string;
  /** `18min ago`, `in 42s`. Both epoch ms. */
  readonly relative: (at: number, now: number) => string;
  /** Time of day today, else the date with it. Both epoch ms, in the gateway's time zone. */
  readonly clock: (at: number, now: number) => string;
  /** `a, b and c` */
  readonly list: (items: readonly string[]) => string;
  /** `a, b, c` */
  readonly series: (items: readonly string[]) => string;
  /** What stands after a sentence or a colon: a space, in Chinese nothing. */
  readonly gap: string;
}

const made: Partial<Record<Language, Words>> = {};

/** Made when a page first wants them: what Intl needs takes longer than most of the program's start. */
export function wordsOf(language: Language): Words {
  return (made[language] ??= createWords(language));
}

function createWords(language: Language): Words {
  const { tag, texts, gap, comma } = LOCALES[language];
  const numbers = new Intl.NumberFormat(tag);
  const compacts = new Intl.NumberFormat(tag, { notation: "compact", maximumFractionDigits: 1 });
  const percents = new Intl.NumberFormat(tag, { style: "percent", maximumFractionDigits: 1 });
  const plurals = new Intl.PluralRules(tag);
  const relatives = new Intl.RelativeTimeFormat(tag, { style: "narrow" });
  const justNow = new Intl.RelativeTimeFormat(tag, { style: "narrow", numeric: "auto" }).format(0, "second");
  const lists = new Intl.ListFormat(tag, { type: "conjunction" });
  const times = new Intl.DateTimeFormat(tag, { timeStyle: "medium", hourCycle: "h23" });
  const dates = new Intl.DateTimeFormat(tag, { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" });
  const wholes = new Intl.NumberFormat(tag, { maximumFractionDigits: 0 });
  const tenths = new Intl.NumberFormat(tag, { maximumFractionDigits: 1 });

  const fill = (text: string, values: Values) =>
    text.replace(/\{(\w+)\}/g, (hole, name: string) => {
      const value = values[name];
      return value === undefined ? hole : typeof value === "number" ? numbers.format(value) : value;
    });

  return {
    language,
    tag,
    t: (key, values = {}) => fill(texts[key], values),
    n(key, count, values = {}) {
      const form: Key = plurals.select(count) === "one" ? `${key}.one` : `${key}.other`;
      return fill(texts[form], { n: count, ...values });
    },
    number: (value) => numbers.format(value),
    compact: (value) => compacts.format(value),
    percent: (ratio) => percents.format(ratio),
    span(ms) {
      const units = SPANS[language];
      if (ms < 100) return `${wholes.format(ms)} ${units.ms}`;
      const seconds = ms / 1000;
      if (seconds < 10) return `${tenths.format(seconds)} ${units.s}`;
      if (seconds < 90) return `${wholes.format(seconds)} ${units.s}`;
      return seconds < 5400
        ? `${wholes.format(seconds / 60)} ${units.min}`
        : `${wholes.format(seconds / 3600)} ${units.h}`;
    },
    relative(at, now) {
      const seconds = Math.round((at - now) / 1000);
      if (seconds === 0) return justNow;
      const [name, , length] = UNITS.find(([, from]) => Math.abs(seconds) >= from) ?? UNITS[3];
      return relatives.format(Math.round(seconds / length), name);
    },
    clock(at, now) {
      const sameDay = new Date(at).toDateString() === new Date(now).toDateString();
      return (sameDay ? times : dates).format(at);
    },
    list: (items) => lists.format(items),
    series: (items) => items.join(comma),
    gap,
  };
}

/** Sentences one after another; false ones are left out. */
export function sentences({ gap }: Words, all: readonly (Html | string | false)[]): Html {
  const said = all.filter((sentence) => sentence !== false);
  return html`${said.map((sentence, index) => html`${index > 0 && gap}${sentence}`)}`;
}

/** A text of ours with `code` between backquotes. */
export function prose(text: string): Html {
  return html`${text.split("`").map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part))}`;
}
