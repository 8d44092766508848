import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isBivyError } from "../base/index.ts";
import { createIgnore, parseIgnore, readIgnoreLines, type IgnoreEntry } from "./ignore.ts";

/**
 * What patternmatcher and BuildKit's context transfer say: `-` before a path means left out, `+` kept;
 * where the two differ, the second sign is the transfer's.
 */
const verdicts = String.raw`
**/*.log !logs ; +-logs/a.log -b.log +logs +logs/b
**/*.log !logs **/a.log ; -logs/a.log +-logs/b.log
**/*.go !a/** ; +a/x.go +a -b.go
a/b !a ; +-a/b +-a/b/c +a/c
** !src src/gen !src/gen/keep ; +src/a -src/gen/a +src/gen/keep/x -README
* !**/*.py ; +a.py +d/a.py -d/a.txt -d
docs !docs/README.md ; +docs/README.md -docs/a -docs
logs !logs/keep !logs/keep/** logs/keep/x ; -logs/a +logs/keep/a -logs/keep/x -logs/keep/x/y
x/* !x/*/** ; +x/a/b -x/a
**/node_modules ; -node_modules/a -a/node_modules/b/c +node_modules2
**foo ; -foo -a/xfoo -foo/b +foox
foo** ; -foobar -foo/x -foo +xfoo
a/**/b ; -a/b -a/x/b -a/x/y/b/z
*.?? ; -a.go +a.c +x/a.go
./a/../b/ ; -b -b/c +a/b
/abs ; +abs -/abs
*.{js,ts} ; +a.js -a.{js,ts}
[[:digit:]]*.log ; -1.log +a.log +:].log
a*[-_]b ; -a-b -a_b +b +axb
x{2}* ; -xx -xxa +x{2}a +xa
a|b* ; -a -b -ab -a|b -xb -ax
^a* ; -a -ab +^a
[*] ; +* -] -[] -/]
[a**/b] ; -a -b -( -*
v\d* ; -v1 +vd -v12
src\bin ; +srcbin +src/bin
a\x62* ; -abc +ax62
a/*\ ; -a/b$c +a/b
日?.txt ; -日本.txt -日😀.txt +日本語.txt`;

function walkTo(root: IgnoreEntry, path: string): IgnoreEntry {
  return path.split("/").reduce((entry, name) => entry.child(name), root);
}

test("patterns leave out what they leave out in BuildKit", () => {
  for (const row of verdicts.trim().split("\n")) {
    const [patterns, paths] = row.split(" ; ").map((part) => part.split(" "));
    const ignore = createIgnore(patterns!);
    for (const verdict of paths!) {
      const [, any, walked = any, path] = /^([+-])([+-])?(.*)$/s.exec(verdict)!;
      assert.equal(ignore.matches(path!), any === "-", `${row}: ${verdict}`);
      if (!path!.startsWith("/"))
        assert.equal(walkTo(ignore.root, path!).ignored, walked === "-", `${row}: ${verdict}`);
    }
  }
});

test("a file of patterns has comments, blanks, a mark at its beginning, and any line endings", () => {
  const text =
    "\ufeff# comment\r\n\r\n  /a/./b/ \n#!x\n # no comment\n! /c/../d\t\n!\n/\n\u00a0e\u00a0\n..";
  assert.deepEqual(readIgnoreLines(text), [
    { pattern: "a/b", line: 3 },
    { pattern: "# no comment", line: 5 },
    { pattern: "!d", line: 6 },
    { pattern: "!", line: 7 },
    { pattern: "/", line: 8 },
    { pattern: "e", line: 9 },
    { pattern: "..", line: 10 },
  ]);
  const ignore = parseIgnore("*\r\n!/src\r\n");
  assert.deepEqual(
    ignore.patterns.map(({ text: pattern, exclusion }) => [pattern, exclusion]),
    [
      ["*", false],
      ["src", true],
    ],
  );
  assert.equal(ignore.matches("src/a"), false);
  assert.equal(ignore.matches("a"), true);
  assert.equal(parseIgnore("").matches("a"), false);
});

const malformed: readonly (readonly [text: string, message: string])[] = [
  ["a\n[b", '.dockerignore: line 2: [b: syntax error in pattern: a "[" is not closed'],
  ["!", '.dockerignore: line 1: !: syntax error in pattern: nothing follows the "!"'],
  ["! /", '.dockerignore: line 1: !/: syntax error in pattern: nothing follows the "!"'],
  ["a*[b", '.dockerignore: line 1: a*[b: syntax error in pattern: a "[" is not closed'],
  [
    "[z-a]",
    ".dockerignore: line 1: [z-a]: syntax error in pattern: the range z-a ends before it begins",
  ],
  [
    "obj\\Rel",
    '.dockerignore: line 1: obj\\Rel: syntax error in pattern: a backslash stands before "R"',
  ],
  ["*\\é", '.dockerignore: line 1: *\\é: syntax error in pattern: a backslash stands before "é"'],
  ["x*{2}", ".dockerignore: line 1: x*{2}: syntax error in pattern: two repetitions in a row"],
  [
    "**/{2}a*",
    ".dockerignore: line 1: **/{2}a*: syntax error in pattern: two repetitions in a row",
  ],
  ["a|{2}*", ".dockerignore: line 1: a|{2}*: syntax error in pattern: a repetition of nothing"],
  [
    "a{3,2}*",
    ".dockerignore: line 1: a{3,2}*: syntax error in pattern: the count {3,2} is not between 0 and 1000",
  ],
  [
    "[[:all:]]",
    ".dockerignore: line 1: [[:all:]]: syntax error in pattern: there is no set named [:all:]",
  ],
  ["a".repeat(65_536), ".dockerignore: line 1: expected at most 65535 bytes in a line"],
];

test("a malformed pattern is an error that names the line", () => {
  for (const [text, message] of malformed)
    assert.throws(
      () => parseIgnore(text),
      (error) => isBivyError(error, "pattern-invalid") && error.message === message,
      message,
    );
  assert.throws(() => createIgnore(["a", "[b"], "--exclude"), {
    message: '--exclude: [b: syntax error in pattern: a "[" is not closed',
  });
  assert.throws(() => parseIgnore("a\\q"), { hint: 'Separate folders with "/".' });
});

test("an ignored folder is entered only for what an exclusion can take back", () => {
  const entered: readonly (readonly [lines: string, folder: string, enters: boolean])[] = [
    ["node_modules\n!src\n**/*.log", "node_modules", false],
    ["a\n!a/b", "a", true],
    ["a\n!a/b", "a/c", false],
    ["a\n!a/b/c", "a/b", true],
    ["a\n!**/keep", "a/x/y", true],
    ["a\n!*.md", "a", false],
    ["*\n!src/*.ts", "src", true],
    ["*\n!src/*.ts", "lib", false],
    ["*\n!src/*.ts", "src/x", false],
    // The exclusion comes too early.
    ["!**/keep/*\nvendor", "vendor", false],
    // Here it does not: `vendor` was already left out, and is not remembered.
    ["**\n!**/keep/*\nvendor", "vendor", true],
    ["a\n!a*", "a", true],
    ["a", "b", true],
  ];
  for (const [lines, folder, enters] of entered)
    assert.equal(
      walkTo(parseIgnore(lines).root, folder).mayHoldKept,
      enters,
      `${lines}: ${folder}`,
    );
  assert.equal(parseIgnore("**").root.mayHoldKept, true);
});

/** BuildKit's rule for a walk, written down as it is told, for patterns of letters, `/`, `*` and `**`. */
function walkSlowly(patterns: readonly string[], path: string): boolean {
  let remembered = patterns.map(() => false);
  let ignored = false;
  const parts = path.split("/");
  for (const [depth] of parts.entries()) {
    const folder = parts.slice(0, depth + 1).join("/");
    ignored = false;
    remembered = patterns.map((pattern, index) => {
      const exclusion = pattern.startsWith("!");
      if (!remembered[index] && exclusion !== ignored) return false;
      const matched = remembered[index]! || expressionOf(pattern).test(folder);
      if (matched) ignored = !exclusion;
      return matched;
    });
  }
  return ignored;
}

function expressionOf(pattern: string): RegExp {
  const text = pattern
    .replace(/^!/, "")
    .replace(/\*\*\/?|\*/g, (stars, at: number, whole: string) => {
      if (stars === "*") return "[^/]*";
      return at + stars.length === whole.length ? ".*" : "(.*/)?";
    });
  return new RegExp(`^${text}$`);
}

const word = (characters: readonly string[], longest: number) =>
  fc
    .array(fc.constantFrom(...characters), { minLength: 1, maxLength: longest })
    .map((all) => all.join(""));
const somePattern = fc
  .tuple(
    fc.constantFrom("", "", "!"),
    word(["a", "b", "ab"], 2),
    word(["a", "/a", "/b", "*", "/*", "/**"], 4),
  )
  .map((parts) => parts.join(""))
  .filter((pattern) => !/\*\*[^/]|\*\*$|[^/]\*\*|\*\*\*/.test(pattern));
const somePath = fc
  .array(word(["a", "b"], 2), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join("/"));

test("matching and walking follow the rules", () => {
  fc.assert(
    fc.property(fc.array(somePattern, { maxLength: 5 }), somePath, (patterns, path) => {
      const ignore = createIgnore(patterns);
      const prefixes = path
        .split("/")
        .map((_, index, parts) => parts.slice(0, index + 1).join("/"));
      const last = patterns.findLast((pattern) =>
        prefixes.some((prefix) => expressionOf(pattern).test(prefix)),
      );
      assert.equal(ignore.matches(path), last !== undefined && !last.startsWith("!"));
      assert.equal(walkTo(ignore.root, path).ignored, walkSlowly(patterns, path));
    }),
    { numRuns: 1000 },
  );
});

test("nothing is kept below a folder that need not be entered", () => {
  fc.assert(
    fc.property(fc.array(somePattern, { maxLength: 5 }), somePath, (patterns, path) => {
      let entry = createIgnore(patterns).root;
      let closed = false;
      for (const name of path.split("/")) {
        closed ||= !entry.mayHoldKept;
        entry = entry.child(name);
        assert.ok(!closed || entry.ignored);
      }
    }),
    { numRuns: 1000 },
  );
});

test("any text is a file of patterns, or malformed", () => {
  const text = word([..."ab1é/*?[]{},|()^$.-!\\#: ", "\n", "**/", "[:alpha:]", "{2}", "\\d"], 16);
  fc.assert(
    fc.property(text, word([..."ab1é/{|^-\n"], 8), (lines, path) => {
      try {
        const ignore = parseIgnore(lines);
        assert.equal(typeof ignore.matches(path), "boolean");
        assert.equal(typeof walkTo(ignore.root, path).mayHoldKept, "boolean");
      } catch (error) {
        assert.ok(isBivyError(error, "pattern-invalid"), String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

/** Patterns that would keep a backtracking matcher, or one that makes all states first, busy for ever. */
const hostile: Readonly<Record<string, readonly string[]>> = {
  "many stars": [`${"*a".repeat(2000)}b`],
  "many folders": [`${"**/a".repeat(1000)}/b`],
  "many states": [`*a${"?".repeat(60)}c`],
  "many states of many patterns": Array.from(
    { length: 40 },
    (_, index) => `**/*a${"?".repeat(index)}c`,
  ),
  "large counts": ["*[ab]{1000}", "a{0,1000}b{0,1000}*"],
  "many patterns": Array.from({ length: 3000 }, (_, index) => `**/x${index}*y${index}`),
};

/** A name of `a` and `b` without period, so that states do not repeat. */
function aperiodic(length: number): string {
  let seed = 1;
  return Array.from({ length }, () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed >>> 31 === 1 ? "a" : "b";
  }).join("");
}

test("hostile patterns take no time", { timeout: 30_000 }, () => {
  const path = `${aperiodic(1000)}/c`;
  for (const [name, patterns] of Object.entries(hostile))
    assert.equal(createIgnore(patterns).matches(path), name === "large counts", name);
});

test("matching stays right when the room for states is used up", { timeout: 30_000 }, () => {
  const ignore = createIgnore([`*a${"?".repeat(40)}c`]);
  const expression = /^[^/]*a[^/]{40}c$/;
  const long = aperiodic(60_000);
  for (const end of ["", "c"])
    assert.equal(ignore.matches(long + end), expression.test(long + end));
  for (let at = 0; at < 500; at++) {
    const path = `${long.slice(at, at + 50)}c`;
    assert.equal(ignore.matches(path), expression.test(path), path);
  }
});

test("patterns that grow beyond measure are refused", () => {
  assert.throws(
    () => createIgnore([`${"[ab]{1000}".repeat(1100)}*`], ".dockerignore"),
    (error) =>
      isBivyError(error, "pattern-invalid") && /together are too large/.test(error.message),
  );
});
