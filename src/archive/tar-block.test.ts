import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { fields, fitsOctal, readNumber, writeNumber } from "./tar-block.ts";

const size12 = { at: 0, size: 12 };
const size8 = { at: 0, size: 8 };

function field(text: string, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  bytes.set(Buffer.from(text, "latin1").subarray(0, size));
  return bytes;
}

test("numbers are read as every tar writes them", () => {
  const cases: readonly [string, number | undefined][] = [
    ["0000644\0", 0o644],
    ["000644 \0", 0o644],
    ["   644 \0", 0o644],
    ["644\0\0\0\0\0", 0o644],
    ["77777777", 0o77777777],
    ["\0\0\0\0\0\0\0\0", 0],
    ["        ", 0],
    ["0644\0abc", 0o644],
    ["\x80\0\0\0\0\x20\0\0", 2097152],
    ["\xff\xff\xff\xff\xff\xff\xff\xff", -1],
    ["\x80\xff\xff\xff\xff\xff\xff\xff", undefined],
    ["\xbf\xff\xff\xff\xff\xff\xff\xff", undefined],
    ["0000648\0", undefined],
    ["-000644\0", undefined],
    ["0x1f\0\0\0\0", undefined],
    ["\x00644\0\0\0\0", undefined],
    ["abcdefgh", undefined],
  ];
  for (const [text, expected] of cases)
    assert.equal(readNumber(field(text, 8), 0, size8), expected, JSON.stringify(text));
});

test("numbers survive being written", () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => {
      const bytes = new Uint8Array(12);
      writeNumber(bytes, size12, value);
      assert.equal(readNumber(bytes, 0, size12), value);
      assert.equal(bytes[0]! < 0x80, fitsOctal(value, size12));
    }),
  );
});

test("the fields of a block do not overlap", () => {
  const { starPrefix: _star, starTrailer: _trailer, ...ustar } = fields;
  let end = 0;
  for (const { at, size } of Object.values(ustar)) {
    assert.equal(at, end);
    end = at + size;
  }
  assert.equal(end, 500);
});
