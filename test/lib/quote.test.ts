import { expect, test } from "bun:test";
import { quote } from "../../src/lib/quote.ts";

const cases: [string, string, string][] = [
  ["line ends and blanks become one blank", " too\r\n\tmany   calls ", "too many calls"],
  ["the account's secret is left out wherever it stands", "key Zq7-own and Zq7-own", "key … and …"],
  ["another key is left out too, even a short one", "you sent sk-ab***yz", "you sent …"],
  ["what looks random is masked", `run ${"x1Yz".repeat(12)}`, "run ***"],
  ["a long text is cut", "ab ".repeat(200), "ab ".repeat(200).slice(0, 200)],
  ["nothing stays nothing", "\u0000 ", ""],
];
test.each(cases)("%s", (_name, text, want) => expect(quote(text, "Zq7-own")).toBe(want));
