import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import * as fc from "fast-check";
import { collectBytes, type Chunks } from "../base/index.ts";
import { splitGzipMembers } from "./gzip-read.ts";
import { gzip, gzipBytes } from "./gzip-write.ts";

function all(chunks: Chunks): Promise<Uint8Array> {
  return collectBytes(chunks, Infinity, () => new Error());
}

test("the header holds nothing of the machine or the hour", async () => {
  for (const [level, extraFlags] of [
    [1, 4],
    [6, 0],
    [9, 2],
  ] as const) {
    const expected = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, extraFlags, 255];
    assert.deepEqual([...gzipBytes(Buffer.from("x"), { level }).subarray(0, 10)], expected);
    const streamed = await all(gzip([Buffer.from("x")], { level }));
    assert.deepEqual([...streamed.subarray(0, 10)], expected);
  }
});

test("the bytes depend on the content alone, not on how it was cut", async () => {
  const content = Buffer.from(
    Array.from({ length: 90_000 }, (_, index) => `${index * 7919} `).join(""),
  );
  for (const level of [1, 6, 9]) {
    const expected = Buffer.from(await all(gzip([content], { level })));
    assert.ok(gunzipSync(expected).equals(content));
    assert.ok(expected.equals(gzipBytes(content, { level })));
    for (const size of [100, 512, 262_143, 262_144, 300_000]) {
      const parts = [];
      for (let at = 0; at < content.length; at += size) parts.push(content.subarray(at, at + size));
      assert.ok(expected.equals(await all(gzip(parts, { level }))), `pieces of ${size}`);
    }
  }
});

test("a stream of many blocks is one member, whatever its pieces were", async () => {
  const content = Buffer.from(
    Array.from({ length: 700_000 }, (_, index) => `${index * 7919} `).join(""),
  );
  assert.ok(content.length > 6 * 1024 * 1024);
  const expected = Buffer.from(await all(gzip([content])));
  assert.ok(gunzipSync(expected).equals(content));
  assert.equal(splitGzipMembers(expected, { subject: "x" }).length, 1);
  assert.ok(expected.length < gzipBytes(content).length * 1.001);
  for (const size of [60_000, 1024 * 1024, 1024 * 1024 + 1]) {
    const parts = [];
    for (let at = 0; at < content.length; at += size) parts.push(content.subarray(at, at + size));
    assert.ok(expected.equals(await all(gzip(parts))), `pieces of ${size}`);
  }
});

test("anything that was packed unpacks to itself", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 300 })), async (parts) => {
      const packed = await all(gzip(parts));
      assert.deepEqual(gunzipSync(packed), Buffer.concat(parts));
    }),
    { numRuns: 50 },
  );
});

test("an error of the source is passed on", async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("x");
    throw new Error("broken");
  }
  await assert.rejects(all(gzip(broken())), { message: "broken" });
});
