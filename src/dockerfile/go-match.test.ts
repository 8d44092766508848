import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isBivyError } from "../base/index.ts";
import { matchGlob } from "./go-match.ts";

const matching = `
abc abc | * abc | *c abc | a* a | a*/b abc/b | a*b?c*x abxbbxdbxebxczzx | ab[b-d] abc | ab[^e-g] abc
a\\*b a*b | a?b a☺b | a[^a]b a☺b | [a-ζ]* α | [\\]a] ] | [\\-x] - | [!a] ! | [^a]b /b | a[*]b a*b | *?? ab
a**b ab | ☺* ☺x | [\\a] a | *x xxx | ]a ]a`;

const different = `
a* ab/c | a*/b a/c/b | a?b a/b | a???b a☺b | *[a-ζ] A | [z-a] m | *?? ☺ | a** ab/c | [^a] a | A a`;

const malformed = `
[]a] ] | [-] - | [x-] x | [-x] a | \\ a | [a-b-c] a | [ a | [^ a | a[ ab | *[ a | [a\\ a | [\\] a | a\\ b`;

function rows(table: string): [string, string][] {
  return table
    .trim()
    .split(/ \| |\n/)
    .map((row) => row.split(" ") as [string, string]);
}

test("a glob matches the whole of a name", () => {
  for (const [glob, name] of rows(matching))
    assert.equal(matchGlob(glob, name), true, `${glob} ${name}`);
  for (const [glob, name] of rows(different))
    assert.equal(matchGlob(glob, name), false, `${glob} ${name}`);
  assert.equal(matchGlob("", ""), true);
  assert.equal(matchGlob("", "a"), false);
});

test("a malformed glob is an error that says what is wrong", () => {
  for (const [glob, name] of rows(malformed))
    assert.throws(
      () => matchGlob(glob, name),
      (error) =>
        isBivyError(error, "pattern-invalid") && /syntax error in pattern/.test(error.message),
      `${glob} ${name}`,
    );
  assert.throws(() => matchGlob("src/[ab", "src/a"), {
    message: 'src/[ab: syntax error in pattern: a "[" is not closed',
  });
});

test("what is malformed behind a part that does not fit is not looked at, as in Go", () => {
  assert.equal(matchGlob("a*[", "b"), false);
});

test("a glob of many stars takes no time", { timeout: 20_000 }, () => {
  assert.equal(matchGlob(`${"*a".repeat(200)}b`, "a".repeat(4000)), false);
  assert.equal(matchGlob("*".repeat(100_000), "a".repeat(4000)), true);
});

/** The same by trying everything, for globs of `*`, `?` and letters. */
function matchesSlowly(glob: string, name: string): boolean {
  if (glob === "") return name === "";
  const rest = glob.slice(1);
  const fits = name !== "" && name[0] !== "/";
  if (glob[0] === "*")
    return matchesSlowly(rest, name) || (fits && matchesSlowly(glob, name.slice(1)));
  if (glob[0] === "?") return fits && matchesSlowly(rest, name.slice(1));
  return name[0] === glob[0] && matchesSlowly(rest, name.slice(1));
}

test("globs match as by trying everything", () => {
  const letters = (characters: string, longest: number) =>
    fc.array(fc.constantFrom(...characters), { maxLength: longest }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(letters("ab/*?", 7), letters("ab/", 7), (glob, name) => {
      assert.equal(matchGlob(glob, name), matchesSlowly(glob, name));
    }),
    { numRuns: 2000 },
  );
});

const text = fc
  .array(fc.constantFrom(..."ab☺/*?[]^-!\\"), { maxLength: 10 })
  .map((parts) => parts.join(""));

test("any glob matches, does not, or is malformed", () => {
  fc.assert(
    fc.property(text, text, (glob, name) => {
      try {
        assert.equal(typeof matchGlob(glob, name), "boolean");
      } catch (error) {
        assert.ok(isBivyError(error, "pattern-invalid"));
      }
    }),
    { numRuns: 2000 },
  );
});

test("an escaped name matches itself", () => {
  fc.assert(
    fc.property(text, (name) => {
      assert.equal(matchGlob(name.replace(/[*?[\\]/g, String.raw`\$&`), name), true);
    }),
  );
});
