import { expect, test } from "bun:test";
import { parseEnvFile } from "../../src/config/env-file.ts";

const cases: { name: string; text: string; values: Record<string, string> }[] = [
  { name: "a plain value", text: "PORT=8000", values: { PORT: "8000" } },
  { name: "spaces around key and value", text: "  PORT = 8000  ", values: { PORT: "8000" } },
  { name: "export and CRLF", text: "export A=1\r\nB=2\r\n", values: { A: "1", B: "2" } },
  { name: "a byte order mark", text: "\uFEFFA=1", values: { A: "1" } },
  { name: "comments and empty lines", text: "# A=1\n\n  # x\nB=2 # why", values: { B: "2" } },
  { name: "a # inside a word", text: "P=pa#ss", values: { P: "pa#ss" } },
  { name: "a value that is all comment", text: "A= # nothing\nB=#x", values: { A: "", B: "" } },
  { name: "equals signs in a value", text: "C=a=b==", values: { C: "a=b==" } },
  { name: "an empty value", text: "A=\nB=2", values: { A: "", B: "2" } },
  { name: "quotes keep # and spaces", text: "A=\" x # y \"\nB='a # b' # note", values: { A: " x # y ", B: "a # b" } },
  { name: "escapes in double quotes only", text: 'A="a\\nb\\"c"\nB=\'a\\nb\'', values: { A: 'a\nb"c', B: "a\\nb" } },
  { name: "lines inside quotes", text: "A='one; x=1\r\ntwo; y=2'\nB=3", values: { A: "one; x=1\ntwo; y=2", B: "3" } },
  { name: "a JSON list", text: 'K=["a","b"]', values: { K: '["a","b"]' } },
  { name: "a list that begins with a quote", text: 'K="a", "b"\nB=2', values: { K: '"a", "b"', B: "2" } },
  { name: "the later of two", text: "A=1\nA=2", values: { A: "2" } },
  { name: "nothing is expanded", text: "A=$HOME/${B}", values: { A: "$HOME/${B}" } },
];
test.each(cases)("$name is read", ({ text, values }) => {
  const file = parseEnvFile(text);
  expect(Object.fromEntries(file.values)).toEqual(values);
  expect(file.warnings).toEqual([]);
});

test("a quote that is never closed belongs to its value, which is told without showing it", () => {
  const { values, warnings } = parseEnvFile("A='x-secret\nB=2");
  expect(Object.fromEntries(values)).toEqual({ A: "'x-secret", B: "2" });
  expect(warnings).toEqual([
    "line 1 of the environment file opens a quote and never closes it: the quote counts as part of A",
  ]);
});

test("a line that is no assignment is named by number and not shown", () => {
  const { values, warnings } = parseEnvFile("A=1\npassport-secret\nB=2");
  expect(Object.fromEntries(values)).toEqual({ A: "1", B: "2" });
  expect(warnings).toEqual(["line 2 of the environment file is not KEY=value and was ignored"]);
});
