/** Tests of content cursors: any parts in any order, and readers that are left behind. */
import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { test } from "node:test";
import * as fc from "fast-check";
import { concatBytes } from "../../base/index.ts";
import { ContentCursor } from "./content-cursor.ts";
import { failsWith } from "./sample-blobs.test.ts";

const bytes = Buffer.from(Array.from({ length: 200 }, (_, index) => index));

async function* slowly(size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) {
    await turn();
    yield bytes.subarray(at, at + size);
  }
}

async function read(cursor: ContentCursor, start: number, end: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of cursor.part(start, end, end === bytes.byteLength)) parts.push(part);
  return concatBytes(parts);
}

test("any parts in any order", async () => {
  const range = fc
    .tuple(fc.nat(bytes.byteLength), fc.nat(bytes.byteLength))
    .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
  await fc.assert(
    fc.asyncProperty(
      fc.array(range, { maxLength: 6 }),
      fc.integer({ min: 1, max: 70 }),
      async (parts, size) => {
        const cursor = new ContentCursor(() => slowly(size));
        for (const [start, end] of parts)
          assert.deepEqual(Buffer.from(await read(cursor, start, end)), bytes.subarray(start, end));
        cursor.close();
      },
    ),
    { numRuns: 40 },
  );
});

test("parts that follow each other are read in one pass", async () => {
  let opened = 0;
  const cursor = new ContentCursor(() => {
    opened++;
    return slowly(30);
  });
  for (let at = 0; at < 200; at += 40) await read(cursor, at, at + 40);
  assert.equal(opened, 1);
  await read(cursor, 40, 80);
  assert.equal(opened, 2);
});

test("a reader that was left waiting does not disturb the next", async () => {
  const cursor = new ContentCursor(() => slowly(30));
  const left = cursor.part(0, 200, true);
  await left.next();
  const waiting = left.next();
  const next = read(cursor, 10, 200);
  await waiting;
  await left.next();
  assert.deepEqual(Buffer.from(await next), bytes.subarray(10));
});

test("a content that is too short, and one that is refused at its end", async () => {
  await failsWith(read(new ContentCursor(() => [bytes.subarray(0, 100)]), 0, 200), "image-invalid");
  const refused = new ContentCursor(async function* () {
    yield bytes;
    throw new Error("refused");
  });
  await assert.rejects(read(refused, 0, 200), /refused/);
  await assert.rejects(refused.part(0, 200, true).next(), /refused/);
  assert.equal((await read(refused, 0, 199)).byteLength, 199);
});
