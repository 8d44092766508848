import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { sampleZip, type SampleZip } from "../../test/sample-zip.ts";
import { defaultLimits, encodeText, isBivyError, type ErrorCode } from "../base/index.ts";
import { looksLikeZip, readZip, UnpackMeter } from "./index.ts";

const options = { subject: "a.zip" };
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

function contents(bytes: Uint8Array): Record<string, string> {
  const archive = readZip(bytes, options);
  return Object.fromEntries(archive.entries.map((each) => [each.name, text(archive.read(each))]));
}

function fails(action: () => unknown, code: ErrorCode, said: RegExp): void {
  assert.throws(action, (error) => isBivyError(error, code) && said.test(error.message));
}

test("stored and deflated entries are read, in the order of the directory", () => {
  const files = { "b/": "", "b/a.txt": "a".repeat(5000), é: { bytes: "stored", stored: true } };
  const bytes = sampleZip(files);
  assert.equal(looksLikeZip(bytes), true);
  assert.deepEqual(Object.entries(contents(bytes)), [
    ["b/", ""],
    ["b/a.txt", "a".repeat(5000)],
    ["é", "stored"],
  ]);
  assert.deepEqual(contents(sampleZip({})), {});
});

test("bytes in front of an archive, and a comment behind it, do not count", () => {
  const bytes = sampleZip({ a: "1" }, "#!/bin/sh\nexec java -jar $0\n");
  assert.deepEqual(contents(bytes), { a: "1" });
  const commented = Buffer.concat([sampleZip({ a: "1" }), Buffer.from("comment")]);
  commented.writeUInt16LE(7, commented.byteLength - 9);
  assert.deepEqual(contents(commented), { a: "1" });
});

test("what is wrong with an archive is named", () => {
  const good = sampleZip({ a: "1" });
  const edited = (from: number, value: number, size = 2) => {
    const bytes = Buffer.from(good);
    bytes.writeUIntLE(value, bytes.byteLength - from, size);
    return bytes;
  };
  for (const [bytes, said] of [
    [encodeText("PK"), /no end of a central directory/],
    [edited(12, 0xffff), /zip64/],
    [edited(18, 1), /several disks/],
    [edited(10, 1e9, 4), /cut off/],
    [edited(12, 2), /several disks/],
    [good.subarray(0, -1), /no end/],
  ] as const)
    fails(() => readZip(bytes, options), "zip-invalid", said);
});

const entries: readonly [string, SampleZip, RegExp][] = [
  ["another checksum", { a: { bytes: "1", crc: 5 } }, /CRC-32/],
  ["more bytes than stated", { a: { bytes: "12345", size: 3 } }, /damaged, or has more than 3/],
  ["fewer bytes than stated", { a: { bytes: "1", size: 3 } }, /expected 3 bytes, found 1/],
  ["an unknown method", { a: { bytes: "1", method: 12 } }, /compression method 12/],
  ["encryption", { a: { bytes: "1", flags: 1 } }, /encrypted/],
  ["no deflate data", { a: { bytes: "\xff\xff", stored: true, method: 8 } }, /damaged/],
];

test("what is wrong with an entry is named when it is read", () => {
  for (const [said, files, expected] of entries) {
    const archive = readZip(sampleZip(files), options);
    fails(() => archive.read(archive.entries[0]!), "zip-invalid", expected);
    assert.ok(said);
  }
});

test("what is read out is bounded in all, also of archives inside each other", () => {
  const limits = { ...defaultLimits, "unpacked-size": 250, "ratio-floor": 1000 };
  const meter = new UnpackMeter({ subject: "a.zip", limits });
  const bytes = sampleZip({ a: "x".repeat(100) });
  for (let time = 0; time < 2; time++) {
    const archive = readZip(bytes, { subject: "a.zip", limits, meter });
    assert.equal(archive.read(archive.entries[0]!).byteLength, 100);
  }
  const archive = readZip(bytes, { subject: "a.zip", limits, meter });
  fails(() => archive.read(archive.entries[0]!), "limit-exceeded", /unpacked-size/);
  fails(
    () => readZip(sampleZip({ a: "", b: "" }), { ...options, limits: { ...limits, entries: 1 } }),
    "limit-exceeded",
    /entries/,
  );
});

test("a bomb is refused by what it states, and by what comes out of it", () => {
  const limits = { ...defaultLimits, "ratio-floor": 1024, ratio: 10 };
  const zeros = new Uint8Array(1_000_000);
  for (const size of [zeros.byteLength, 10]) {
    const archive = readZip(sampleZip({ a: { bytes: zeros, size } }), { ...options, limits });
    assert.throws(
      () => archive.read(archive.entries[0]!),
      (error) => isBivyError(error, "limit-exceeded", "zip-invalid"),
    );
  }
});

test("a damaged archive fails with a BivyError, or gives what its checksums prove", () => {
  const sample = sampleZip({
    "META-INF/MANIFEST.MF": "A: b\n",
    b: { bytes: "stored", stored: true },
  });
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 8 }), (edits) => {
      const bytes = Buffer.from(sample);
      for (const [at, value] of edits) bytes[at % bytes.byteLength] = value;
      try {
        contents(bytes);
      } catch (error) {
        if (!isBivyError(error, "zip-invalid", "limit-exceeded")) throw error;
      }
    }),
    { numRuns: 500 },
  );
});
