import assert from "node:assert/strict";
import { test } from "node:test";
import { isBivyError } from "../base/index.ts";
import { formatAtom, parseAtom } from "./atom.ts";
import { addToWorld, formatWorld, parseWorld, removeFromWorld } from "./world.ts";

const options = { subject: "etc/apk/world" };

test("world is sorted by name and keeps tags and versions", () => {
  const text = "zlib@edge>1\n\nBusybox !libressl\nalpine-base\n";
  assert.equal(
    formatWorld(parseWorld(text, options)),
    "alpine-base\nBusybox\n!libressl\nzlib@edge>1\n",
  );
});

test("a name stands once", () => {
  const world = parseWorld("a b", options);
  assert.deepEqual(addToWorld(world, parseAtom("a=1")).map(formatAtom), ["a=1", "b"]);
  assert.deepEqual(removeFromWorld(world, "a").map(formatAtom), ["b"]);
});

test("an invalid line is named with its file", () => {
  assert.throws(
    () => parseWorld("a\nb=\n", options),
    (error) =>
      isBivyError(error, "atom-invalid") && error.message.startsWith('etc/apk/world: "b=":'),
  );
});
