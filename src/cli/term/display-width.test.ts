import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { cutToWidth, displayWidth } from "./display-width.ts";

test("the columns that text takes on a terminal", () => {
  const cases: Readonly<Record<string, number>> = {
    "": 0,
    "plain text": 10,
    "naïve – €": 9,
    日本語: 6,
    "한국어 ok": 9,
    ｆｕｌｌ: 8,
    "e\u0301": 1,
    "zero\u200bwidth": 9,
    "🚀 go": 5,
    "█████": 5,
    "\u001b[31mred\u001b[0m": 3,
  };
  for (const [text, width] of Object.entries(cases)) assert.equal(displayWidth(text), width, text);
});

test("text is cut where it would be too wide", () => {
  const cases: readonly [text: string, columns: number, cut: string][] = [
    ["short", 5, "short"],
    ["shorter", 5, "shor…"],
    ["日本語", 6, "日本語"],
    ["日本語", 5, "日本…"],
    ["日本語", 4, "日…"],
    ["🚀🚀", 3, "🚀…"],
    ["word", 1, "…"],
    ["word", 0, ""],
    ["", 0, ""],
    ["word", Infinity, "word"],
  ];
  for (const [text, columns, cut] of cases) assert.equal(cutToWidth(text, columns), cut, text);
});

test("what was cut fits, and begins as the text does", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.nat(40), (text, columns) => {
      const cut = cutToWidth(text, columns);
      assert.ok(cut === text || displayWidth(cut) <= columns);
      assert.ok(text.startsWith(cut.endsWith("…") && cut !== text ? cut.slice(0, -1) : cut));
    }),
  );
});
