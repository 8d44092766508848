import assert from "node:assert/strict";
import { test } from "node:test";
import { excerptOf, quoted, readSource } from "./source.ts";

/** A text, the stretch that is meant, its line, and the lines of the excerpt. */
const excerpts: readonly (readonly [string, string, number, string, string])[] = [
  ["ab cd ef\n", "cd", 1, "  1 | ab cd ef", "    |    ^^"],
  ["x\n\ta\tbc\r\n", "bc", 2, "  2 | \ta\tbc", "    | \t \t^^"],
  ["日本 x\n", "x", 1, "  1 | 日本 x", "    |      ^"],
  ["e\u0301 x\n", "x", 1, "  1 | e\u0301 x", "    |   ^"],
  ["x 😀y\n", "😀", 1, "  1 | x 😀y", "    |   ^^"],
  ["a b\\\nc d", "b\\\nc", 1, "  1 | a b\\", "    |   ^^"],
  ["\ufeffab", "b", 1, "  1 | ab", "    |  ^"],
  ["a\u001b[31m\u202eb c", "c", 1, "  1 | a\ufffd[31m\ufffdb c", "    |          ^"],
];

test("an excerpt shows the line and what is meant in it", () => {
  for (const [text, meant, line, shown, carets] of excerpts) {
    const source = readSource(text, { subject: "x" });
    const offset = text.indexOf(meant);
    const start = source.lineOffsets[line - 1]! + (text.startsWith("\ufeff") ? 1 : 0);
    const location = { offset, end: offset + meant.length, line, column: offset - start + 1 };
    assert.equal(excerptOf(source, location), `${shown}\n${carets}`, JSON.stringify(text));
  }
});

test("an excerpt of a long line shows the part around the place", () => {
  const text = `${"a".repeat(500)}MEANT${"b".repeat(500)}`;
  const source = readSource(text, { subject: "x" });
  const excerpt = excerptOf(source, { offset: 500, end: 505, line: 1, column: 501 });
  assert.equal(
    excerpt,
    `  1 | …${"a".repeat(25)}MEANT${"b".repeat(70)}…\n    |  ${" ".repeat(25)}^^^^^`,
  );
});

test("words in messages are short and harmless", () => {
  assert.equal(quoted('a"\n\u202e'), '"a\\"\\n\ufffd"');
  assert.equal(quoted("a".repeat(100)), `"${"a".repeat(60)}…"`);
});
