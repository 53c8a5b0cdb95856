import { expect, test } from "bun:test";
import { join } from "node:path";
import { ALL_SETTINGS } from "../src/config/settings.ts";

const read = (name: string) => Bun.file(join(import.meta.dir, "..", name)).text();
const english = await read("README.md");
const chinese = await read("README.zh.md");

const FENCED = /^```(\w*)\n([^]*?)^```$/gm;

/** `## A`, `### B`, `## C` → 2, 3, 2: what sections there are, whatever they are called. */
function outline(text: string): number[] {
  return [...text.replace(FENCED, "").matchAll(/^(#+) /gm)].map(([, marks = ""]) => marks.length);
}

/** The lines of each code block without the words for readers, which are the one thing that is translated. */
function commands(text: string): string[][] {
  return [...text.matchAll(FENCED)].map(([, language = "", body = ""]) => [
    language,
    ...body.split("\n").map((line) => line.trim().split(/ {2,}|\s+#\s/, 1)[0] ?? ""),
  ]);
}

/** How many rows each table has. */
function tables(text: string): number[] {
  return [...text.matchAll(/(?:^\|.*\n)+/gm)].map(([rows]) => rows.trimEnd().split("\n").length);
}

/** Names of variables and what a page, a request or an account is called in code. */
function names(text: string): string[] {
  const quoted = [...text.replace(FENCED, "").matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);
  return [
    ...new Set(quoted.filter((code) => /^[A-Z][A-Z_]+$|^[a-z]+_[a-z_]+$|^(?:src|test)\/|^\/\w/.test(code))),
  ].toSorted();
}

test.each([
  ["README.md", english],
  ["README.zh.md", chinese],
])("%s names every setting", (_, text) => {
  expect(ALL_SETTINGS.map(([name]) => name).filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
});

test("each README links to the other before its first section", () => {
  const [topOfEnglish = ""] = english.split("\n## ", 1);
  const [topOfChinese = ""] = chinese.split("\n## ", 1);
  expect(topOfEnglish).toContain("](README.zh.md)");
  expect(topOfChinese).toContain("](README.md)");
});

test("both READMEs have the same sections in the same order", () => {
  expect(outline(english)).not.toEqual([]);
  expect(outline(chinese)).toEqual(outline(english));
});

test("both READMEs have the same commands", () => {
  expect(commands(english)).not.toEqual([]);
  expect(commands(chinese)).toEqual(commands(english));
});

test("both READMEs have tables of the same length", () => {
  expect(tables(english)).not.toEqual([]);
  expect(tables(chinese)).toEqual(tables(english));
});

test("both READMEs name the same variables, states, paths and files", () => {
  expect(names(english)).not.toEqual([]);
  expect(names(chinese)).toEqual(names(english));
});
