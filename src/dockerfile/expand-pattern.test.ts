import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  parseExpansionPattern,
  replaceAll,
  replaceFirst,
  withoutPrefix,
  withoutSuffix,
  type ExpansionPattern,
} from "./expand-pattern.ts";

function pattern(text: string): ExpansionPattern {
  const parsed = parseExpansionPattern(text);
  assert.ok(typeof parsed !== "string", `${text}: ${parsed.toString()}`);
  return parsed;
}

test("a pattern escapes wildcards, and what closes an expansion", () => {
  assert.deepEqual(pattern("a*?"), [97, "any-text", "any-character"]);
  assert.deepEqual(
    pattern(String.raw`\*\?\\\/\}`),
    [..."*?\\/}"].map((c) => c.charCodeAt(0)),
  );
  assert.deepEqual(pattern("[😀]"), [91, 0x1f600, 93]);
  assert.equal(parseExpansionPattern("a\\"), "nothing follows the last backslash");
  assert.equal(parseExpansionPattern("\\a"), 'a backslash stands before "a"');
});

/** The pattern as a regular expression of JavaScript, which finds the same match as Go's. */
function sourceOf(characters: readonly string[], longest: boolean): string {
  return characters
    .map((character) => {
      if (character === "*") return longest ? "[^\\n]*" : "[^\\n]*?";
      return character === "?" ? "[^\\n]" : character;
    })
    .join("");
}

const letters = fc.array(fc.constantFrom(..."ab\n☺"), { maxLength: 10 }).map((all) => all.join(""));
const somePattern = fc
  .array(fc.constantFrom(..."aab*?☺"), { maxLength: 6 })
  .map((all) => all.join(""));

test("the shortest and longest beginning and end are cut off", () => {
  fc.assert(
    fc.property(somePattern, letters, fc.boolean(), (text, value, longest) => {
      const prefix = new RegExp(`^${sourceOf([...text], longest)}`, "u");
      assert.equal(withoutPrefix(pattern(text), value, longest), value.replace(prefix, ""));
      const backwards = new RegExp(`^${sourceOf([...text].reverse(), longest)}`, "u");
      const turned = [...value].reverse().join("");
      const expected = [...turned.replace(backwards, "")].reverse().join("");
      assert.equal(withoutSuffix(pattern(text), value, longest), expected);
    }),
    { numRuns: 2000 },
  );
});

test("the first match and all matches are replaced", () => {
  fc.assert(
    fc.property(somePattern, letters, (text, value) => {
      const expression = new RegExp(sourceOf([...text], true), "u");
      assert.equal(
        replaceFirst(pattern(text), value, "$&<"),
        value.replace(expression, () => "$&<"),
      );
    }),
    { numRuns: 2000 },
  );
  const replaced = (text: string, value: string, replacement: string) =>
    [...replaceAll(pattern(text), value, replacement)].join("");
  assert.equal(replaced("a", "banana", "o"), "bonono");
  assert.equal(replaced("", "ab", "-"), "-a-b-");
  assert.equal(replaced("*", "ab\ncd", "x"), "x\nx");
  assert.equal(replaced("a*", "xab\ncab", "-"), "x-\nc-");
  assert.equal(replaced("?", "a☺", "<$0>"), "<a><☺>");
  assert.equal(replaced("a", "aba", "${0}$0x$1$$${b$"), "a$${b$ba$${b$");
});

test("hostile patterns take no time", { timeout: 30_000 }, () => {
  const value = "a".repeat(5000);
  const stars = `${"*a".repeat(200)}b`;
  assert.equal(withoutPrefix(pattern(stars), value, true), value);
  assert.equal(withoutSuffix(pattern(stars), value, false), value);
  assert.equal(replaceFirst(pattern(stars), value, ""), value);
  assert.equal([...replaceAll(pattern("a*b"), value, "")].join(""), value);
});
