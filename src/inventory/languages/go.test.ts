import assert from "node:assert/strict";
import { test } from "node:test";
import {
  goBuildInfo,
  markedModuleData,
  sampleAddress,
  sampleElf,
  type SampleElf,
} from "../../../test/sample-elf.ts";
import { tryParseElf } from "../../elf/index.ts";
import { findGoBuild, tryParseInlineBuild, type GoBuild } from "./go.ts";

const lines = [
  "path\texample.com/Team/app",
  "mod\texample.com/Team/app\t(devel)\t",
  "dep\tgithub.com/a/b/v2\tv2.1.0\th1:x=",
  "dep\tgithub.com/old/c\tv1.0.0",
  "=>\tgithub.com/new/c\tv1.0.1+incompatible\th1:y=",
  "dep\tgithub.com/local/d\tv1.0.0",
  "=>\t../d\t",
  "build\t-compiler=gc",
];
const modules = [
  "pkg:golang/example.com/team/app",
  "pkg:golang/github.com/a/b/v2@v2.1.0",
  "pkg:golang/github.com/new/c@v1.0.1%2Bincompatible",
  "pkg:golang/github.com/local/d",
];
const withLibrary = [...modules, "pkg:golang/stdlib@1.22.1"];

const purls = (build: GoBuild | undefined) => build?.modules.map(({ purl }) => purl);

function find(sample: SampleElf): GoBuild | undefined {
  const bytes = sampleElf(sample);
  return findGoBuild(bytes, tryParseElf(bytes)!);
}

test("build information is found by its section, or in the data of a program without sections", () => {
  const build = goBuildInfo("go1.22.1 X:boringcrypto", lines);
  const found = find({ sections: { ".go.buildinfo": build } });
  assert.deepEqual(purls(found), withLibrary);
  assert.equal(found?.goVersion, "go1.22.1 X:boringcrypto");
  assert.equal(found?.modules[0]?.name, "example.com/Team/app");
  const data = Buffer.concat([
    Buffer.from("\xff Go buildinf: in a text", "latin1"),
    Buffer.alloc(40),
    build,
  ]);
  assert.deepEqual(purls(find({ data })), withLibrary);
  assert.equal(find({ data: Buffer.from("nothing") }), undefined);
  assert.equal(find({}), undefined);
});

test("Go's own programs of no release have no library of a version", () => {
  const build = goBuildInfo("devel go1.23-abc", ["path\tcmd/go"]);
  assert.deepEqual(purls(find({ data: build })), []);
});

test("before Go 1.18 the texts are pointed to", () => {
  for (const wide of [true, false])
    for (const bigEndian of [false, true]) {
      const size = wide ? 8 : 4;
      const texts = [Buffer.from("go1.16.3"), markedModuleData(lines)];
      const header = Buffer.alloc(32 + 4 * size);
      header.write("\xff Go buildinf:", "latin1");
      header[14] = size;
      header[15] = bigEndian ? 1 : 0;
      const data = Buffer.concat([header, ...texts]);
      const sample = { class: wide ? 64 : 32, bigEndian, data } as const;
      const start = sampleAddress + sampleElf(sample).indexOf("\xff Go buildinf:", 0, "latin1");
      const put = (at: number, value: number) => {
        if (wide && bigEndian) data.writeBigUInt64BE(BigInt(value), at);
        else if (wide) data.writeBigUInt64LE(BigInt(value), at);
        else if (bigEndian) data.writeUInt32BE(value, at);
        else data.writeUInt32LE(value, at);
      };
      let text = start + header.byteLength;
      for (const [index, bytes] of texts.entries()) {
        const place = 32 + index * 2 * size;
        put(16 + index * size, start + place);
        put(place, text);
        put(place + size, bytes.byteLength);
        text += bytes.byteLength;
      }
      assert.deepEqual(purls(find(sample)), [...modules, "pkg:golang/stdlib@1.16.3"]);
      // Pointers that lead nowhere leave the marks.
      put(16, 1);
      assert.deepEqual(purls(find(sample)), modules);
    }
});

test("lengths that cannot be are no build information", () => {
  const build = goBuildInfo("go1.22.1", lines);
  for (const edit of [
    (bytes: Buffer) => bytes.fill(0xff, 32, 48),
    (bytes: Buffer) => bytes.fill(0, 32, 33),
    (bytes: Buffer) => bytes.fill(0, 15, 16),
  ]) {
    const bytes = Buffer.from(build);
    edit(bytes);
    assert.equal(tryParseInlineBuild(bytes), undefined);
  }
  for (let size = 0; size < build.byteLength; size++)
    assert.equal(tryParseInlineBuild(build.subarray(0, size)), undefined);
});
