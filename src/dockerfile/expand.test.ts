import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { defaultLimits, isBivyError } from "../base/index.ts";
import { expandWord, expandWords, type ExpandOptions, type Variables } from "./expand.ts";
import { ExpansionError } from "./expansion-error.ts";

function from(values: Readonly<Record<string, string>>): Variables {
  return (name) => (Object.hasOwn(values, name) ? values[name] : undefined);
}

const variables = from({
  HOME: "/home",
  EMPTY: "",
  LIST: "a b  c",
  FILE: "src/lib.tar.gz",
  STARS: "*/",
  LINES: "one\ntwo",
  日本: "Japan",
  QUOTED: "'q' \"r\" \\",
  MONEY: "$5",
});

const words: readonly (readonly [text: string, expanded: string])[] = [
  ["plain", "plain"],
  ["$HOME/x${HOME}y", "/home/x/homey"],
  ["$HOMEy|${NONE}|$EMPTY|", "|||"],
  ["$日本語|${日本}", "|Japan"],
  ["$1x|$12y|$@z|$$|$", "x|y|z||$"],
  ["$.|$ |$\\x", "$.|$ |$x"],
  ["${NONE:-d}${NONE-d}${EMPTY:-d}${EMPTY-d}", "ddd"],
  ["${HOME:+s}${HOME+s}${EMPTY:+s}${EMPTY+s}${NONE+s}", "sss"],
  ["${HOME:?m}${EMPTY?m}", "/home"],
  ["${NONE:-${NONE-${HOME}}}", "/home"],
  ['${NONE:-"a}b"}', "a}b"],
  ["${NONE:-a\\}b}", "a}b"],
  [
    "${FILE#*/}|${FILE##*.}|${FILE%.*}|${FILE%%.*}|${FILE#x}",
    "lib.tar.gz|gz|src/lib.tar|src/lib|src/lib.tar.gz",
  ],
  [
    "${FILE/./-}|${FILE//./-}|${FILE//[a-z]/}|${NONE//a/b}",
    "src/lib-tar.gz|src/lib-tar-gz|src/lib.tar.gz|",
  ],
  [
    "${FILE/\\//_}|${FILE//\\//\\/}|${FILE/${NONE:-lib}/bin}",
    "src_lib.tar.gz|src\\/lib.tar.gz|src/bin.tar.gz",
  ],
  ["${FILE#\"src/\"}|${FILE#'s*'}|${FILE%$EMPTY}", "lib.tar.gz|rc/lib.tar.gz|src/lib.tar.gz"],
  ["${LINES#*n}|${LINES##*o}", "e\ntwo|ne\ntwo"],
  ["${FILE/tar/$MONEY}|${FILE//tar/$MONEY}", "src/lib.$5.gz|src/lib..gz"],
  ["'$HOME \\' \"$HOME \\' \\x \\$ \\\" \\\\\"", "$HOME \\ /home \\' \\x $ \" \\"],
  ["\\$HOME \\a \\", "$HOME a "],
  ["$QUOTED", "'q' \"r\" \\"],
  ["<<EOF < $HOME", "<<EOF < /home"],
];

test("variables, quotes and escapes are expanded", () => {
  for (const [text, expanded] of words)
    assert.equal(expandWord(text, variables).text, expanded, text);
});

const lists: readonly (readonly [text: string, list: readonly string[]])[] = [
  ["  a   b\t\n c ", ["a", "b", "c"]],
  ["a$LIST", ["aa", "b", "c"]],
  ["'a b'\"c  d\"\\ e", ["a bc  d e"]],
  ['"$LIST"', ["a b  c"]],
  ["''  \"\" $EMPTY $NONE", []],
  // BuildKit 0.34 loses the `a` and the `c`: reading an operand empties the word that is being read.
  ["a${NONE:-b}c ${NONE:-x y}", ["abc", "x", "y"]],
  ["cat << EOF>f <<-X", ["cat", "<< EOF>f", "<<-X"]],
  ["a\u00a0b\u3000c\ufeff", ["a", "b", "c\ufeff"]],
];

test("words are split at white space outside quotes, in values too", () => {
  for (const [text, list] of lists)
    assert.deepEqual(expandWords(text, variables).words, list, text);
});

test("what was looked up is told apart by whether it is set", () => {
  const { used, unset } = expandWord(
    "$HOME ${A:-$B} ${EMPTY:+$A}${C#$D} $$ '$E' \\$F $HOME",
    variables,
  );
  assert.deepEqual([...used], ["HOME", "EMPTY"]);
  assert.deepEqual([...unset], ["B", "A", "D", "C", "$"]);
  assert.deepEqual([...expandWords("a $X $HOME", variables).unset], ["X"]);
});

const optional: readonly (readonly [options: ExpandOptions, text: string, expanded: string])[] = [
  [{ escape: "`" }, 'C:\\$HOME `$HOME `` "`"\\"', 'C:\\/home $HOME ` "\\'],
  [{ escape: "`" }, "${FILE#*\\/}", "lib.tar.gz"],
  [{ keepQuotes: true }, '\'a b\' "$HOME \\""', '\'a b\' "/home ""'],
  [{ keepEscapes: true }, '\\a \\$HOME "\\$ \\x"', "\\a \\$HOME \\$ \\\\x"],
  [{ keepQuotes: true, keepEscapes: true }, "\\a '$x' \"\\$ \\x\"", "\\a '$x' \"\\$ \\x\""],
  [{ ignoreQuotes: true }, "it's \"$HOME", "it's \"/home"],
  [
    { keepUnset: true },
    "$A ${A} ${A:-$HOME} ${A#x} ${A/a/b} ${A//a/b} ${A:=x} $HOME",
    "$A ${A} ${A:-/home} ${A#x} ${A/a/b} ${A//a/b} ${A:=x} /home",
  ],
];

test("options say what stays as it is", () => {
  for (const [options, text, expanded] of optional)
    assert.equal(expandWord(text, variables, options).text, expanded, text);
});

const malformed: readonly (readonly [text: string, offset: number, message: string])[] = [
  ["a 'b", 2, "a 'b: missing ' to close the quote"],
  ['a "b\\"', 2, 'a "b\\": missing " to close the quote'],
  ["a${", 1, 'a${: missing "}" for the "${"'],
  ["a${X", 1, 'a${X: missing "}" for the "${"'],
  ["a${X:", 1, 'a${X:: missing "}" for the "${"'],
  ["a${X:-${Y}", 1, 'a${X:-${Y}: missing "}" for the "${"'],
  ["a${X/b", 1, 'a${X/b: missing "/" and a replacement for the "${"'],
  ["a${X/b/c", 1, 'a${X/b/c: missing "}" for the "${"'],
  ["a${}", 3, 'a${}: bad substitution: expected a name behind "${", found "}"'],
  ["a${{X}}", 3, 'a${{X}}: bad substitution: expected a name behind "${", found "{"'],
  ["a${X.}", 4, 'a${X.}: unsupported modifier "." in substitution'],
  ["a${X:Y}", 4, 'a${X:Y}: unsupported modifier ":Y" in substitution'],
  ["a${X:#Y}", 4, 'a${X:#Y}: unsupported modifier ":#" in substitution'],
  ["a${X=Y}", 4, 'a${X=Y}: unsupported modifier "=" in substitution'],
  ["a${HOME#\\y}", 8, 'a${HOME#\\y}: invalid pattern \\y: a backslash stands before "y"'],
  ["a${X?}", 1, "X: is not allowed to be unset"],
  ["a${EMPTY:?}", 1, "EMPTY: is not allowed to be empty"],
  ["a${X:?set $HOME}", 1, "X: set /home"],
  [`${"a".repeat(70)}'`, 70, `${"a".repeat(60)}…: missing ' to close the quote`],
  [
    "${A:-".repeat(600),
    500 * 5,
    `${"${A:-".repeat(12)}…: expected at most 500 expansions in each other`,
  ],
];

test("a malformed text is an error with its place", () => {
  for (const [text, offset, message] of malformed)
    assert.throws(
      () => expandWord(text, variables),
      (error) => {
        assert.ok(
          error instanceof ExpansionError && isBivyError(error, "dockerfile-invalid"),
          text,
        );
        assert.deepEqual([error.message, error.offset], [message, offset], text);
        return true;
      },
    );
});

test("what grows beyond measure is refused", () => {
  const limits = { ...defaultLimits, "document-size": 1000 };
  const large = from({ X: "x".repeat(400), A: "a".repeat(100) });
  assert.equal(expandWord("$X$X", large, { limits }).text.length, 800);
  for (const text of ["$X$X$X", '"$X$X$X"', "${NONE:-$X$X$X}", "${A//a/aaaaaaaaaaaa}"])
    assert.throws(
      () => expandWord(text, large, { limits }),
      (error) => isBivyError(error, "limit-exceeded"),
      text,
    );
});

const someText = fc
  .array(
    fc.constantFrom(..."aXY é{}:-+?#%/*\\\"'`$<☺", "${", "$X", "${X:-", "${Y#", "${X//", "\n"),
    {
      maxLength: 14,
    },
  )
  .map((parts) => parts.join(""));

test("any text expands, or is malformed at a place in it", () => {
  const set = from({ X: "a/b *", Y: "é☺" });
  fc.assert(
    fc.property(someText, fc.boolean(), fc.boolean(), (text, keepQuotes, keepUnset) => {
      try {
        const word = expandWord(text, set, { keepQuotes, keepUnset });
        const { words: list, used, unset } = expandWords(text, set, { keepQuotes, keepUnset });
        assert.deepEqual([word.used, word.unset], [used, unset]);
        assert.ok(list.every((part) => part !== ""));
        const joined = (all: string) => all.replace(/\s/g, "");
        assert.equal(joined(list.join("")), joined(word.text));
      } catch (error) {
        assert.ok(error instanceof ExpansionError, String(error));
        assert.ok(error.offset >= 0 && error.offset <= text.length);
      }
    }),
    { numRuns: 3000 },
  );
});

test("an escaped text, and a quoted one, come out as they were", () => {
  fc.assert(
    fc.property(someText, fc.constantFrom("\\" as const, "`" as const), (text, escape) => {
      const options = { escape };
      const escaped = text.replace(/[$'"\\`\s<]/g, (character) => escape + character);
      assert.equal(expandWord(escaped, variables, options).text, text);
      assert.deepEqual(expandWords(escaped, variables, options).words, text === "" ? [] : [text]);
      const single = text.replaceAll("'", "");
      assert.equal(expandWord(`'${single}'`, variables, options).text, single);
      const double = text.replace(
        escape === "\\" ? /[$"\\]/g : /[$"`]/g,
        (special) => escape + special,
      );
      assert.equal(expandWord(`"${double}"`, variables, options).text, text);
    }),
    { numRuns: 1000 },
  );
});
