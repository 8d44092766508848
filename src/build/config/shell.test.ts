import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { splitCommand } from "./shell.ts";

const cases: readonly (readonly [string, readonly string[] | string])[] = [
  ["", []],
  [" \t\n", []],
  ["/bin/sh -l", ["/bin/sh", "-l"]],
  ['/usr/sbin/nginx -g "daemon off;"', ["/usr/sbin/nginx", "-g", "daemon off;"]],
  [`a 'b "c" \\d' e`, ["a", 'b "c" \\d', "e"]],
  [`a"b"'c'd`, ["abcd"]],
  [`"" ''`, ["", ""]],
  [`a\\ b`, ["a b"]],
  [`"a\\"b\\n"`, ['a"bn']],
  ["a #b c", ["a"]],
  ["a#b", ["a#b"]],
  ["# x\na", ["a"]],
  ["$HOME *.c && b | c > d", ["$HOME", "*.c", "&&", "b", "|", "c", ">", "d"]],
  ["\\😀 é", ["😀", "é"]],
  ["'a", "an unclosed quote"],
  ['"a\\"', "an unclosed quote"],
  ["a\\", "a backslash at its end"],
];

test("command lines are split as apko splits them", () => {
  for (const [line, words] of cases)
    assert.deepEqual(splitCommand(line), words, JSON.stringify(line));
});

test("words in single quotes come back as they were", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary" })), (words) => {
      const line = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
      assert.deepEqual(splitCommand(line), words);
    }),
  );
});
