import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";
import * as fc from "fast-check";
import { goBuildInfo, markedModuleData, sampleElf } from "../../test/sample-elf.ts";
import { sampleZip } from "../../test/sample-zip.ts";
import {
  bytesContent,
  concatBytes,
  defaultLimits,
  encodeText,
  type Limits,
} from "../base/index.ts";
import type { FileNode } from "../tree/index.ts";
import type { Finding } from "./finding.ts";
import { startInspection, type Inspection } from "./inspection.ts";

const file: FileNode = {
  kind: "file",
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtime: 0,
  content: bytesContent(encodeText("")),
};

/** What an inspection finds in these chunks, and how many of them it looked at. */
function inspect(
  path: string,
  chunks: Iterable<Uint8Array>,
  size: number,
  inspection: Inspection = startInspection(),
): { finding: Finding | undefined; looked: number } {
  const node = { ...file };
  const inspector = inspection.inspect(path, size);
  let looked = 0;
  for (const chunk of chunks) {
    if (inspector === undefined) break;
    looked += 1;
    if (!inspector.take(chunk)) break;
  }
  inspector?.finish(node);
  return { finding: inspection.findingOf(node), looked };
}

const limitsOf = (size: number): Limits => ({ ...defaultLimits, "inspected-size": size });

function whole(path: string, bytes: Uint8Array, inspection?: Inspection): Finding | undefined {
  return inspect(path, [bytes], bytes.byteLength, inspection).finding;
}

function* cut(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}

const purls = (finding: Finding | undefined) => finding?.packages.map(({ purl }) => purl);

const crates = deflateSync(
  JSON.stringify({
    packages: [
      { name: "app", version: "0.1.0", source: "local", root: true },
      { name: "serde", version: "1.0.197", source: "crates.io" },
      { name: "cc", version: "1.0.0", source: "crates.io", kind: "build" },
    ],
  }),
);
const goLines = ["path\tapp", "mod\texample.com/app\tv1.0.0"];
const goPurls = ["pkg:golang/example.com/app@v1.0.0", "pkg:golang/stdlib@1.22.1"];

test("an executable is recognised by its bytes, not by its name", () => {
  const rust = whole("usr/bin/any", sampleElf({ sections: { ".dep-v0": crates } }));
  assert.deepEqual(purls(rust), ["pkg:cargo/app@0.1.0", "pkg:cargo/serde@1.0.197"]);
  assert.equal(rust?.isStatic, true);
  const go = whole("x.txt", sampleElf({ data: goBuildInfo("go1.22.1", goLines), needed: ["c"] }));
  assert.deepEqual(purls(go), goPurls);
  assert.equal(go?.isStatic, false);
  assert.equal(whole("usr/lib/libz.so.1", sampleElf({ type: 3, needed: ["libc.so"] })), undefined);
  assert.equal(whole("a.o", sampleElf({ type: 1, sections: { ".dep-v0": crates } })), undefined);
});

test("of other files no more than the first chunk is looked at", () => {
  const bytes = encodeText("#!/bin/sh\n".repeat(10));
  const { finding, looked } = inspect("bin/x", cut(bytes, 10), bytes.byteLength);
  assert.deepEqual([finding, looked], [undefined, 1]);
  const zip = sampleZip({ "META-INF/MANIFEST.MF": "" });
  assert.equal(inspect("a.zip", cut(zip, 4), zip.byteLength).looked, 1);
  assert.equal(startInspection().inspect("tiny", 10), undefined);
});

test("borders of chunks do not matter", () => {
  const json = encodeText('{"name":"a","version":"1"}');
  const jar = sampleZip({
    "META-INF/maven/g/a/pom.properties": "groupId=g\nartifactId=a\nversion=1",
  });
  const elf = sampleElf({ sections: { ".dep-v0": crates } });
  const inspection = startInspection();
  for (const [path, bytes] of [
    ["node_modules/a/package.json", json],
    ["a.jar", jar],
    ["bin/a", elf],
  ] as const) {
    const expected = whole(path, bytes);
    assert.ok(expected!.packages.length > 0);
    for (const size of [1, 3, 4, 5, 100])
      assert.deepEqual(
        inspect(path, cut(bytes, size), bytes.byteLength, inspection).finding,
        expected,
      );
  }
});

test("what is damaged or too large is a problem, by its path", () => {
  const inspection = startInspection({ ...limitsOf(200), "document-size": 100 });
  const jar = sampleZip({ a: "x" });
  for (const [path, bytes, said] of [
    ["node_modules/a/package.json", encodeText("nothing"), /states no package/],
    ["node_modules/a/package.json", encodeText(" ".repeat(101)), /at most 100 bytes, found 101/],
    ["a.jar", jar.subarray(0, -1), /no end of a central directory/],
    ["a.jar", concatBytes([jar, new Uint8Array(200)]), /at most 200 bytes/],
    ["bin/a", concatBytes([encodeText("\x7fELF"), new Uint8Array(60)]), /is none/],
  ] as const) {
    const { packages, problems } = whole(path, bytes, inspection)!;
    assert.deepEqual(packages, []);
    assert.equal(problems.length, 1);
    assert.ok(problems[0]!.startsWith(`${path}: `), problems[0]);
    assert.match(problems[0]!, said);
  }
  const rust = whole("bin/a", sampleElf({ sections: { ".dep-v0": encodeText("no zlib data") } }));
  assert.match(rust!.problems.join(), /list of Rust crates is damaged/);
});

const MiB = 1024 * 1024;

/** A program that is made while it is read: its head, zeros, with other bytes at some places, its end. */
function* largeProgram(
  head: Uint8Array,
  size: number,
  chunkSize: number,
  places: readonly (readonly [at: number, bytes: Uint8Array])[],
): Generator<Uint8Array> {
  for (let at = 0; at < size; at += chunkSize) {
    const chunk = Buffer.alloc(Math.min(chunkSize, size - at));
    for (const [start, bytes] of [[0, head] as const, ...places])
      for (
        let index = Math.max(start, at);
        index < start + bytes.byteLength && index < at + chunk.byteLength;
        index++
      )
        chunk[index - at] = bytes[index - start]!;
    yield chunk;
  }
}

test("a program of 300 MB is looked at in a window of it", () => {
  const size = 300 * MiB;
  const head = sampleElf({ needed: [], flags1: 0x08000000, type: 3 });
  const marked = markedModuleData(goLines);
  const build = goBuildInfo("go1.22.1", goLines);
  // Across borders of chunks and of windows.
  const places = [
    [10 * MiB - 7, marked],
    [200 * MiB - 9, build],
  ] as const;
  const inspection = startInspection();
  const { finding } = inspect(
    "bin/a",
    largeProgram(head, size, 256 * 1024, places),
    size,
    inspection,
  );
  assert.deepEqual(purls(finding), goPurls);
  assert.equal(finding?.isStatic, true);
  assert.deepEqual(finding?.problems, []);
  assert.ok(inspection.mostKept < 3 * MiB, String(inspection.mostKept));
});

test("the place of build information in a large program does not matter", () => {
  const head = sampleElf({ interpreter: "/lib/ld" });
  const build = goBuildInfo("go1.22.1", goLines);
  const size = 5 * MiB;
  const limits = limitsOf(MiB);
  for (const at of [
    70_000,
    MiB + 4096 - 5,
    2 * MiB + 8192 - 20,
    4 * MiB + 1,
    size - build.byteLength,
  ])
    for (const chunkSize of [100_003, 256 * 1024]) {
      const chunks = largeProgram(head, size, chunkSize, [[at, build]]);
      const { finding } = inspect("bin/a", chunks, size, startInspection(limits));
      assert.deepEqual(purls(finding), goPurls, `at ${at}, by ${chunkSize}`);
    }
  const chunks = largeProgram(head, size, 100_003, [[3 * MiB, markedModuleData(goLines)]]);
  const { finding } = inspect("bin/a", chunks, size, startInspection(limits));
  assert.deepEqual(purls(finding), ["pkg:golang/example.com/app@v1.0.0"]);
});

test("marks without number do not keep a search from its end", () => {
  const head = sampleElf({});
  const decoy = Buffer.alloc(5 * MiB, "\xff Go buildinf:  ", "latin1");
  const size = 6 * MiB;
  const chunks = largeProgram(head, size, 256 * 1024, [[70_000, decoy]]);
  const { finding } = inspect("bin/a", chunks, size, startInspection(limitsOf(MiB)));
  assert.deepEqual(purls(finding), []);
});

test("crates of a large program are read where they are at its end, else named as not read", () => {
  const limits = limitsOf(MiB);
  const late = sampleElf({ sections: { filler: Buffer.alloc(4 * MiB), ".dep-v0": crates } });
  const early = sampleElf({ sections: { ".dep-v0": crates, filler: Buffer.alloc(4 * MiB) } });
  const read = (bytes: Uint8Array) =>
    inspect("bin/a", cut(bytes, 100_000), bytes.byteLength, startInspection(limits)).finding!;
  assert.deepEqual(purls(read(late)), ["pkg:cargo/app@0.1.0", "pkg:cargo/serde@1.0.197"]);
  // Near the start it is in what is kept of it.
  assert.equal(read(early).packages.length, 2);
  const hidden = sampleElf({
    sections: { a: Buffer.alloc(MiB), ".dep-v0": crates, b: Buffer.alloc(4 * MiB) },
  });
  assert.deepEqual(read(hidden).problems, [
    "bin/a: its list of Rust crates lies beyond what is looked at",
  ]);
  assert.match(read(late.subarray(0, -1)).problems.join(), /sections could not be read/);
});

test("packages without number are left out, and said so", () => {
  const inspection = startInspection();
  const many = Array.from({ length: 100_000 }, (_, at) => `{"name":"v/${at}","version":"1"}`);
  const found = Array.from({ length: 3 }, () =>
    whole("vendor/composer/installed.json", encodeText(`[${many.join()}]`), inspection),
  );
  assert.deepEqual(
    found.map((each) => each?.packages.length),
    [100_000, 100_000, 0],
  );
  assert.match(found[2]!.problems.join(), /more than 250000 packages/);
});

test("a damaged program gives a finding or none, and never throws", () => {
  const sample = sampleElf({
    type: 3,
    needed: [],
    data: goBuildInfo("go1.22.1", goLines),
    sections: { ".dep-v0": crates, ".go.buildinfo": goBuildInfo("go1.22.1", goLines) },
  });
  const inspection = startInspection();
  const small = startInspection(limitsOf(100));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(4000), fc.nat(255)), { maxLength: 12 }),
      fc.integer({ min: 1, max: 3000 }),
      (edits, size) => {
        const bytes = Buffer.from(sample);
        for (const [at, value] of edits) bytes[at % bytes.byteLength] = value;
        inspect("a", cut(bytes, size), bytes.byteLength, inspection);
        inspect("a", cut(bytes, size), bytes.byteLength, small);
      },
    ),
    { numRuns: 300 },
  );
});
