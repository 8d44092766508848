import assert from "node:assert/strict";
import { test } from "node:test";
import { array, assert as check, constantFrom, property, uint8Array } from "fast-check";
import { decodeName } from "../base/index.ts";
import { matchesGlob } from "./glob.ts";

/** glob, paths that it matches, paths that it does not. */
const cases: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ["/bin", ["/bin"], ["/bin/", "/sbin", "/bin/sh", "bin", ""]],
  ["/", ["/"], ["", "//", "/a"]],
  [
    "/usr/share/*",
    ["/usr/share/", "/usr/share/a", "/usr/share/.a"],
    ["/usr/share", "/usr/share/a/b"],
  ],
  ["/usr/share/icons/*/", ["/usr/share/icons/x/"], ["/usr/share/icons/x"]],
  ["/*/*", ["/a/b", "//"], ["/a", "/a/b/c"]],
  ["/a**b", ["/ab", "/a-b", "/aab"], ["/a/b", "/abc"]],
  ["/a*b*c", ["/abc", "/a-bb-cc", "/abcbc"], ["/acb", "/ab/c"]],
  ["/a?c", ["/abc", "/aöc"], ["/ac", "/a/c", "/abbc"]],
  ["/[abc]", ["/a", "/c"], ["/d", "/ab", "/"]],
  ["/[a-c]x", ["/ax", "/cx"], ["/dx", "/-x"]],
  ["/[!a-c]", ["/d", "/!"], ["/a", "//"]],
  ["/[^a]", ["/b"], ["/a"]],
  ["/[]]", ["/]"], ["/a"]],
  ["/[!]]", ["/a"], ["/]"]],
  ["/[a-]", ["/a", "/-"], ["/b"]],
  ["/[-a]", ["/a", "/-"], ["/b"]],
  ["/[z-a]", [], ["/a", "/z", "/-", "/m"]],
  ["/[a&b]", ["/a", "/&", "/b"], ["/c"]],
  ["/a[/]b", [], ["/a/b", "/ab"]],
  ["/[", ["/["], ["/a"]],
  ["/[a", ["/[a"], ["/a"]],
  ["/[]", ["/[]"], ["/]"]],
  ["/\\*", ["/*"], ["/a", "/\\*"]],
  ["/\\[a]", ["/[a]"], ["/a"]],
  ["/a\\", ["/a\\"], ["/a"]],
  ["/a.b", ["/a.b"], ["/axb"]],
  ["/(a|b)+$^{1}", ["/(a|b)+$^{1}"], ["/a"]],
  ["/lib/modules/*\n", ["/lib/modules/a\n"], ["/lib/modules/a"]],
  ["", [""], ["/"]],
];

test("globs match as fnmatch(3) with FNM_PATHNAME", () => {
  for (const [glob, yes, no] of cases) {
    for (const path of yes) assert.ok(matchesGlob(glob, path), `${glob} should match ${path}`);
    for (const path of no) assert.ok(!matchesGlob(glob, path), `${glob} should not match ${path}`);
  }
});

test("a glob of many stars takes no time", () => {
  const glob = `/${"*a".repeat(500)}*b`;
  assert.equal(matchesGlob(glob, `/${"a".repeat(4000)}`), false);
  assert.equal(matchesGlob(glob, `/${"a".repeat(4000)}b`), true);
});

/** The plainest matcher of `*`, `?` and `\`, by trying everything. */
function matchesPlainly(glob: readonly string[], path: readonly string[]): boolean {
  const [token, ...rest] = glob;
  if (token === undefined) return path.length === 0;
  const [character, ...left] = path;
  if (token === "*")
    return (
      matchesPlainly(rest, path) ||
      (character !== undefined && character !== "/" && matchesPlainly(glob, left))
    );
  if (character === undefined) return false;
  if (token === "?") return character !== "/" && matchesPlainly(rest, left);
  const escapes = token === "\\" && rest.length > 0;
  return escapes
    ? rest[0] === character && matchesPlainly(rest.slice(1), left)
    : token === character && matchesPlainly(rest, left);
}

test("globs match what the plainest matcher does", () => {
  const globs = array(constantFrom("*", "?", "/", "a", "b", "\\"), { maxLength: 8 });
  const paths = array(constantFrom("/", "a", "b", "*"), { maxLength: 8 });
  check(
    property(globs, paths, (glob, path) => {
      assert.equal(matchesGlob(glob.join(""), path.join("")), matchesPlainly(glob, path));
    }),
    { numRuns: 3000 },
  );
});

test("a glob of brackets that none closes takes no longer than another", () => {
  assert.ok(matchesGlob(`[]]/${"[".repeat(400_000)}`, `]/${"[".repeat(400_000)}`));
});

test("any text is a glob", () => {
  const text = uint8Array({ maxLength: 20 }).map(decodeName);
  const brackets = array(constantFrom("[", "]", "!", "^", "-", "a", "z", "\\", "/", "*")).map(
    (all) => all.join(""),
  );
  for (const globs of [text, brackets])
    check(
      property(globs, text, (glob, path) => {
        assert.equal(typeof matchesGlob(glob, path), "boolean");
        // A literal glob matches itself.
        const literal = glob.replaceAll(/[*?[\\]/g, "");
        assert.ok(matchesGlob(literal, literal));
      }),
    );
});
