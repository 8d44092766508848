import assert from "node:assert/strict";
import { test } from "node:test";
import { createInflateRaw, deflateRawSync } from "node:zlib";
import * as fc from "fast-check";
import { regroup, runEngine, type EngineInput } from "./engine.ts";

function pieces(bytes: Uint8Array, size: number): EngineInput & { readonly taken: () => number } {
  let at = 0;
  return {
    next: async () => (at < bytes.byteLength ? bytes.subarray(at, at + size) : undefined),
    used: (count) => void (at += count),
    taken: () => at,
  };
}

const content = Buffer.from(
  Array.from({ length: 50_000 }, (_, index) => `${index * 7919} `).join(""),
);
const deflated = deflateRawSync(content);
const followed = Buffer.concat([deflated, Buffer.alloc(5000, "what follows")]);

test("exactly the bytes of the data are taken", async () => {
  for (const size of [1e9, 10_000, deflated.byteLength, deflated.byteLength + 1, 1000]) {
    const input = pieces(followed, size);
    const parts: Uint8Array[] = [];
    for await (const part of runEngine(createInflateRaw(), input)) parts.push(part);
    assert.ok(Buffer.concat(parts).equals(content));
    assert.equal(input.taken(), deflated.byteLength, `pieces of ${size}`);
  }
});

test("the engine is destroyed, however the loop is left", async () => {
  const left = createInflateRaw();
  for await (const _ of runEngine(left, pieces(followed, 1000))) break;
  assert.ok(left.destroyed);

  const ended = createInflateRaw();
  for await (const _ of runEngine(ended, pieces(followed, 1000)));
  assert.ok(ended.destroyed);

  const damaged = createInflateRaw();
  await assert.rejects(async () => {
    for await (const _ of runEngine(damaged, pieces(Buffer.alloc(50, 0xff), 10)));
  });
  assert.ok(damaged.destroyed);

  const broken = createInflateRaw();
  const failing = { next: () => Promise.reject(new Error("no more")), used: () => {} };
  await assert.rejects(async () => {
    for await (const _ of runEngine(broken, failing));
  }, /no more/);
  assert.ok(broken.destroyed);
});

test("regrouped chunks hold the same bytes in pieces of one size", async () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 50 }));
  await fc.assert(
    fc.asyncProperty(chunks, fc.integer({ min: 1, max: 40 }), async (source, size) => {
      const parts: Uint8Array[] = [];
      for await (const part of regroup(source, size)) parts.push(part);
      assert.deepEqual(Buffer.concat(parts), Buffer.concat(source));
      for (const part of parts.slice(0, -1)) assert.equal(part.byteLength, size);
      assert.ok(parts.every((part) => part.byteLength > 0 && part.byteLength <= size));
    }),
  );
});
