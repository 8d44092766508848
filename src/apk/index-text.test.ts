import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isBivyError } from "../base/index.ts";
import { formatAtoms, parseAtoms } from "./atom.ts";
import { formatIndex, parseIndex } from "./index-text.ts";
import { createPackage } from "./package.ts";
import { validVersion } from "./version-samples.test.ts";

const options = { subject: "APKINDEX" };

test("a record with all fields, in apk's order", () => {
  const text = [
    "C:Q1EyN5AdpAOBJWKMR89pp/C66o+OE=",
    "P:curl",
    "V:8.5.0-r0",
    "A:x86_64",
    "S:100",
    "I:2000",
    "T:URL retrieval, größer",
    "U:https://curl.se/",
    "L:curl",
    "o:curl",
    "m:Natanael <n@example.org>",
    "t:1700000000",
    "c:0123456789abcdef",
    "k:10",
    "D:ca-certificates so:libc.musl-x86_64.so.1 !curl-old<8",
    "p:cmd:curl=8.5.0-r0",
    "i:docs curl=8.5.0-r0",
    "",
    "",
  ].join("\n");
  const [curl] = parseIndex(text, options);
  assert.equal(curl!.description, "URL retrieval, größer");
  assert.equal(curl!.installedSize, 2000);
  assert.equal(formatAtoms(curl!.depends), "ca-certificates so:libc.musl-x86_64.so.1 !curl-old<8");
  assert.equal(formatIndex([curl!]), text);
});

test("the last record needs no empty line, and fields that stand twice are joined", () => {
  const packages = parseIndex("P:a\nV:1\np:x=1\np:y\n\n\nP:b\nV:2", options);
  assert.deepEqual(
    packages.map(({ name, version, provides }) => [name, version, formatAtoms(provides)]),
    [
      ["a", "1", "x=1 y"],
      ["b", "2", ""],
    ],
  );
});

test("what is not understood", () => {
  const [upper, lower, broken, rule] = parseIndex(
    "P:a\nV:1\nX:new\n\nP:b\nV:1\nx:new\n\nP:c\nV:1\nD:d@tag\n\nP:d\nV:1\np:e=bad\ni:f g=bad\n\n",
    options,
  );
  assert.deepEqual([upper!.uninstallable, upper!.unknownFields], [true, ["X:new"]]);
  assert.deepEqual([lower!.uninstallable, lower!.unknownFields], [false, ["x:new"]]);
  assert.deepEqual([broken!.uninstallable, broken!.hasBrokenAtoms], [true, true]);
  assert.deepEqual([rule!.uninstallable, rule!.hasBrokenAtoms, rule!.installIf], [false, true, []]);
});

test("damaged text is refused with the line that is wrong", () => {
  for (const text of ["<html>\n", "P:a\nnot a field\nV:1\n", "V:1\n\n", "P:a\n"])
    assert.throws(
      () => parseIndex(text, options),
      (error) => isBivyError(error, "index-invalid") && error.message.startsWith("APKINDEX: "),
      text,
    );
});

const word = fc.string({
  unit: fc.constantFrom("a", "b", "-", "1", "ö", "日"),
  minLength: 1,
  maxLength: 6,
});
const line = fc.array(word, { maxLength: 3 }).map((words) => words.join(" "));
const names = fc
  .uniqueArray(fc.constantFrom("a", "so:b=1", "!c", "cmd:d~2", "/bin/sh"), { maxLength: 3 })
  .map((atoms) => parseAtoms(atoms.join(" ")));

test("indexes round trip", () => {
  const subject = fc
    .record({
      name: word,
      version: validVersion,
      arch: fc.constantFrom("", "noarch", "x86_64"),
      identity: fc.constantFrom("", "Q1EyN5AdpAOBJWKMR89pp/C66o+OE="),
      size: fc.nat(),
      installedSize: fc.nat(),
      description: line,
      origin: fc.option(word, { nil: "" }),
      maintainer: line,
      buildTime: fc.nat(),
      providerPriority: fc.nat(100),
      depends: names,
      provides: names,
      installIf: names,
    })
    .map(createPackage);
  fc.assert(
    fc.property(fc.array(subject, { maxLength: 4 }), (packages) => {
      const text = formatIndex(packages);
      const read = parseIndex(text, options);
      assert.equal(formatIndex(read), text);
      assert.deepEqual(
        read.map(({ name, maintainer, depends, size }) => [name, maintainer, depends, size]),
        packages.map(({ name, maintainer, depends, size }) => [name, maintainer, depends, size]),
      );
    }),
  );
});

test("a name or version longer than any package's is refused", () => {
  for (const text of [`P:a\nV:${"1".repeat(4097)}\n\n`, `P:${"a".repeat(4097)}\nV:1\n\n`])
    assert.throws(
      () => parseIndex(text, options),
      (error) => isBivyError(error, "index-invalid") && error.message.length < 300,
    );
  assert.equal(parseIndex(`P:a\nV:${"1".repeat(4096)}\n\n`, options).length, 1);
});
