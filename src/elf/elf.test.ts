import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { sampleElf, type SampleElf } from "../../test/sample-elf.ts";
import { encodeText, isBivyError } from "../base/index.ts";
import {
  dynamicStrings,
  dynamicTag,
  findSection,
  interpreterOf,
  isStaticExecutable,
  looksLikeElf,
  machineName,
  neededLibraries,
  offsetOfAddress,
  parseElf,
  sectionBytes,
  tryParseElf,
} from "./index.ts";

const musl = "/lib/ld-musl-x86_64.so.1";
const pie = 0x08000001;
const encodings = [
  { class: 64, bigEndian: false },
  { class: 64, bigEndian: true },
  { class: 32, bigEndian: false },
  { class: 32, bigEndian: true },
] as const;

test("every class and byte order says the same", () => {
  for (const encoding of encodings) {
    const sections = { ".dep-v0": encodeText("crates"), ".note": encodeText("n") };
    const bytes = sampleElf({
      ...encoding,
      type: 3,
      interpreter: musl,
      needed: ["libc.musl-x86_64.so.1", "libz.so.1"],
      sections,
    });
    const elf = parseElf(bytes, { subject: "program" });
    assert.equal(elf.header.class, encoding.class);
    assert.equal(elf.header.littleEndian, !encoding.bigEndian);
    assert.equal(elf.header.type, "shared");
    assert.equal(interpreterOf(elf), musl);
    assert.deepEqual(neededLibraries(elf), ["libc.musl-x86_64.so.1", "libz.so.1"]);
    assert.deepEqual(
      elf.sections?.map(({ name }) => name),
      ["", ".dep-v0", ".note", ".shstrtab"],
    );
    const section = findSection(elf, ".dep-v0")!;
    assert.deepEqual(Buffer.from(sectionBytes(elf, section)!).toString(), "crates");
    assert.equal(offsetOfAddress(elf, 0x400010), 0x10);
    assert.equal(offsetOfAddress(elf, 1), undefined);
  }
});

const linkages: readonly [string, SampleElf, boolean][] = [
  ["an executable without interpreter", { type: 2 }, true],
  ["an executable with one", { type: 2, interpreter: musl }, false],
  ["an executable that needs a library", { type: 2, needed: ["libc.so"] }, false],
  ["a static position-independent executable", { type: 3, needed: [], flags1: pie }, true],
  ["one with an interpreter", { type: 3, needed: [], flags1: pie, interpreter: musl }, false],
  ["one that needs a library", { type: 3, needed: ["libc.so"], flags1: pie }, false],
  ["the dynamic linker, a library that needs no other", { type: 3, needed: [] }, false],
  ["an object file", { type: 1 }, false],
];

test("static is what needs no interpreter and no library, and can be started", () => {
  for (const [said, sample, expected] of linkages)
    for (const encoding of encodings)
      assert.equal(
        isStaticExecutable(tryParseElf(sampleElf({ ...sample, ...encoding }))!),
        expected,
        said,
      );
});

test("a library has its own name, and a program none", () => {
  const library = tryParseElf(sampleElf({ type: 3, needed: ["libc.so"], soname: "libz.so.1" }))!;
  assert.deepEqual(dynamicStrings(library, dynamicTag.soname), ["libz.so.1"]);
  assert.deepEqual(dynamicStrings(library, dynamicTag.runpath), []);
  assert.deepEqual(dynamicStrings(tryParseElf(sampleElf())!, dynamicTag.soname), []);
});

test("what the first bytes do not hold is undefined", () => {
  const bytes = sampleElf({ needed: ["libc.so"], data: new Uint8Array(4000) });
  const header = tryParseElf(bytes.subarray(0, 64))!;
  assert.equal(header.segments, undefined);
  assert.equal(header.sections, undefined);
  assert.equal(isStaticExecutable(header), undefined);
  assert.equal(neededLibraries(header), undefined);
  const first = tryParseElf(bytes.subarray(0, 1000))!;
  assert.deepEqual(neededLibraries(first), ["libc.so"]);
  assert.equal(first.sections, undefined);
});

test("pieces stand in for the rest of a file", () => {
  const bytes = sampleElf({ data: new Uint8Array(4000), sections: { ".a": encodeText("a") } });
  const offset = bytes.byteLength - 1000;
  const elf = tryParseElf(bytes.subarray(0, 500), [{ offset, bytes: bytes.subarray(offset) }])!;
  assert.equal(Buffer.from(sectionBytes(elf, findSection(elf, ".a")!)!).toString(), "a");
});

test("what is no ELF file is refused by name", () => {
  const bytes = sampleElf();
  for (const wrong of [
    encodeText("#!/bin/sh"),
    bytes.subarray(0, 40),
    Buffer.concat([bytes.subarray(0, 4), Buffer.from([7]), bytes.subarray(5)]),
    Buffer.concat([bytes.subarray(0, 5), Buffer.from([0]), bytes.subarray(6)]),
  ]) {
    assert.equal(tryParseElf(wrong), undefined);
    assert.throws(
      () => parseElf(wrong, { subject: "bin/x" }),
      (error) => isBivyError(error, "elf-invalid") && error.message.startsWith("bin/x: "),
    );
  }
  assert.equal(looksLikeElf(bytes), true);
});

test("machines have the names that uname gives them", () => {
  for (const [machine, elfClass, littleEndian, name] of [
    [62, 64, true, "x86_64"],
    [183, 64, true, "aarch64"],
    [21, 64, true, "ppc64le"],
    [21, 64, false, "ppc64"],
    [243, 32, true, "riscv32"],
    [9999, 64, true, "9999"],
  ] as const)
    assert.equal(machineName({ machine, class: elfClass, littleEndian }), name);
});

test("a section whose name is longer than any has none", () => {
  const bytes = sampleElf({ sections: { ["x".repeat(300)]: encodeText("a") } });
  assert.deepEqual(
    tryParseElf(bytes)!.sections!.map(({ name }) => name),
    ["", "", ".shstrtab"],
  );
});

test("a damaged file is read or not, and never throws", () => {
  const samples = encodings.map((encoding) =>
    sampleElf({
      ...encoding,
      type: 3,
      interpreter: musl,
      needed: ["a", "b"],
      flags1: pie,
      sections: { ".x": encodeText("x") },
    }),
  );
  const edit = fc.tuple(fc.nat(600), fc.nat(255));
  fc.assert(
    fc.property(
      fc.constantFrom(...samples),
      fc.array(edit, { maxLength: 12 }),
      fc.nat(),
      (sample, edits, cut) => {
        const bytes = Buffer.from(sample);
        for (const [at, value] of edits) bytes[at % bytes.byteLength] = value;
        const elf = tryParseElf(bytes.subarray(0, bytes.byteLength - (cut % 80)));
        if (elf === undefined) return;
        isStaticExecutable(elf);
        neededLibraries(elf);
        interpreterOf(elf);
        for (const section of elf.sections ?? []) sectionBytes(elf, section);
      },
    ),
    { numRuns: 500 },
  );
});
