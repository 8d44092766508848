import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  collectBytes,
  compareNames,
  concatBytes,
  decodeName,
  drain,
  encodeName,
  equalBytes,
} from "./index.ts";

test("any bytes survive being decoded as a name and encoded again", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      assert.ok(equalBytes(encodeName(decodeName(bytes)), bytes));
    }),
  );
});

test("valid UTF-8 is decoded as it is, also with a byte order mark", () => {
  for (const text of ["", "plain", "naïve", "\uFEFFmarked", "日本語", "🏔️"])
    assert.equal(decodeName(new TextEncoder().encode(text)), text);
});

test("names are ordered by their bytes", () => {
  const name = fc.oneof(
    fc.string({ unit: "binary", maxLength: 8 }),
    fc.uint8Array({ maxLength: 8 }).map(decodeName),
  );
  fc.assert(
    fc.property(name, name, (a, b) => {
      const expected = Math.sign(Buffer.compare(encodeName(a), encodeName(b)));
      assert.equal(Math.sign(compareNames(a, b)), expected);
    }),
  );
});

test("collecting stops at the limit, before the next chunk is asked for", async () => {
  let given = 0;
  async function* chunks() {
    for (;;) {
      given += 1;
      yield new Uint8Array(10);
    }
  }
  await assert.rejects(
    collectBytes(chunks(), 25, () => new RangeError("too much")),
    RangeError,
  );
  assert.equal(given, 3);
  assert.equal(
    (await collectBytes([new Uint8Array(5), new Uint8Array(5)], 10, () => new Error())).byteLength,
    10,
  );
});

test("joining and draining", async () => {
  assert.deepEqual([...concatBytes([Uint8Array.of(1), Uint8Array.of(2, 3)])], [1, 2, 3]);
  const seen: number[] = [];
  async function* numbers() {
    for (const number of [1, 2, 3]) {
      seen.push(number);
      yield number;
    }
  }
  await drain(numbers());
  assert.deepEqual(seen, [1, 2, 3]);
});
