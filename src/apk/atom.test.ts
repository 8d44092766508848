import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isBivyError } from "../base/index.ts";
import {
  AtomCursor,
  formatAtom,
  isIntactLine,
  parseAtom,
  parseAtoms,
  readAtoms,
  satisfies,
  tryParseAtom,
} from "./atom.ts";
import { anyVersion, validVersion } from "./version-samples.test.ts";

test("the parts of an atom", () => {
  assert.deepEqual(parseAtom("!so:libz.so.1@edge>=1.2-r0"), {
    name: "so:libz.so.1",
    tag: "edge",
    conflict: true,
    operator: ">=",
    version: "1.2-r0",
  });
  assert.deepEqual(parseAtom("/bin/sh"), {
    name: "/bin/sh",
    conflict: false,
    operator: "any",
    version: "",
  });
});

test("operators are read as a set of signs", () => {
  const written = {
    "a==1": "a=1",
    "a=~1": "a~1",
    "a~=1": "a~1",
    "a=<1": "a<=1",
    "a~>1": "a>~1",
    "a<>=1": "a",
  };
  for (const [text, canonical] of Object.entries(written))
    assert.equal(formatAtom(parseAtom(text)), canonical);
});

test("what is no atom", () => {
  for (const text of ["", "!", "=1", "a=", "a=x", "a==", "@tag", "a>"])
    assert.equal(tryParseAtom(text), undefined, text);
  assert.throws(
    () => parseAtoms("a b=x"),
    (error) => isBivyError(error, "atom-invalid") && error.message.includes('"b=x"'),
  );
});

test("an index line keeps a broken version and ends at a malformed atom", () => {
  const { atoms, intact } = readAtoms("a b=x c@tag d");
  assert.equal(intact, false);
  assert.deepEqual(
    atoms.map(({ name, broken }) => [name, broken]),
    [
      ["a", undefined],
      ["b", true],
    ],
  );
});

test("an unversioned provide meets only atoms without a version", () => {
  const virtual = { version: "", identity: "" };
  const cases: readonly [string, boolean][] = [
    ["a", true],
    ["a=1", false],
    ["!a", false],
    ["!a=1", true],
  ];
  for (const [text, met] of cases) assert.equal(satisfies(virtual, parseAtom(text)), met, text);
  assert.equal(satisfies(undefined, parseAtom("a")), false);
  assert.equal(satisfies(undefined, parseAtom("!a")), true);
  assert.equal(satisfies({ version: "1", identity: "Q1x=" }, parseAtom("a><Q1x=")), true);
});

const name = fc.constantFrom("a", "so:libz.so.1", "cmd:sh", "/bin/sh", "gtk+3.0-dev", "py3.12:x");
const atomText = fc
  .tuple(
    fc.constantFrom("", "!"),
    name,
    fc.constantFrom("", "@edge"),
    fc.option(fc.tuple(fc.constantFrom("=", "<", "<=", "<~", ">", ">=", ">~", "~"), validVersion), {
      nil: undefined,
    }),
  )
  .map(([mark, text, tag, constraint]) => `${mark}${text}${tag}${constraint?.join("") ?? ""}`);

test("atoms round trip", () => {
  fc.assert(fc.property(atomText, (text) => formatAtom(parseAtom(text)) === text));
});

test("a line may be as long as an index", () => {
  assert.ok(isIntactLine("a ".repeat(3_000_000)));
  assert.ok(!isIntactLine(`${"a ".repeat(3_000_000)}=1`));
  assert.ok(!isIntactLine(`a=1${".1".repeat(5_000_000)}`));
});

test("a cursor sees what reading a line sees", () => {
  const cursor = new AtomCursor();
  const word = fc.oneof(
    atomText,
    fc.tuple(name, fc.constantFrom("=", "<>", "~", ""), anyVersion).map((parts) => parts.join("")),
    fc.constantFrom("!", "", "=1"),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 4 }), (words) => {
      const line = words.join(" ");
      const { atoms, intact } = readAtoms(line);
      const names: string[] = [];
      cursor.start(line);
      while (cursor.next()) names.push(cursor.name);
      assert.equal(isIntactLine(line), intact, line);
      assert.deepEqual(
        names,
        atoms.map((atom) => atom.name),
        line,
      );
    }),
  );
});
