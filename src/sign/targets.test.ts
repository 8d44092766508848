import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeText } from "../base/index.ts";
import { describe, imageOf, type ImageIndex, type ImageOrIndex } from "../oci/index.ts";
import { fails, sampleImage } from "./sample-place.test.ts";
import { signingTargets } from "./targets.ts";

/** An index of these images, as one that was pulled: each is opened only when it is asked for. */
function indexOf(children: readonly ImageOrIndex[], opened: ImageOrIndex[] = []): ImageIndex {
  const raw = encodeText(JSON.stringify({ schemaVersion: 2, manifests: children.map(describe) }));
  const index = imageOf(raw, { subject: "index", read: () => [] });
  assert.equal(index.kind, "index");
  if (index.kind !== "index") throw new TypeError("unreachable");
  const listed = children.map((child) => ({
    descriptor: describe(child),
    open: async () => (opened.push(child), child),
  }));
  return { ...index, children: async () => listed };
}

const [a, b] = [sampleImage("a"), sampleImage("b")];

test("an image is signed alone, and so is an index unless all of it is asked for", async () => {
  const index = indexOf([a, b]);
  assert.deepEqual(await signingTargets(a, true), [describe(a)]);
  assert.deepEqual(await signingTargets(index, false), [describe(index)]);
});

test("every child is signed once, and only nested indexes are opened", async () => {
  const opened: ImageOrIndex[] = [];
  const inner = indexOf([b, a], opened);
  const outer = indexOf([a, inner, b, inner], opened);
  const targets = await signingTargets(outer, true);
  assert.deepEqual(targets, [outer, a, inner, b].map(describe));
  assert.deepEqual(opened, [inner]);
});

test("indexes that nest deeper than honest ones do are refused", async () => {
  let index = indexOf([a]);
  for (let depth = 0; depth < 7; depth++) index = indexOf([index]);
  assert.equal((await signingTargets(index, true)).length, 9);
  await fails(
    () => signingTargets(indexOf([index]), true),
    "limit-exceeded",
    /more than 8 indexes/,
  );
});
