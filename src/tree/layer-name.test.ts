import assert from "node:assert/strict";
import { test } from "node:test";
import { parseLayerName, type LayerName } from "./layer-name.ts";

const names: readonly (readonly [name: string, meaning: LayerName | undefined])[] = [
  ["a/b", { kind: "entry", path: "a/b" }],
  ["./a//b/.", { kind: "entry", path: "a/b" }],
  ["/a", { kind: "entry", path: "a" }],
  ["///a/", { kind: "entry", path: "a" }],
  ["/", { kind: "entry", path: "" }],
  [".", { kind: "entry", path: "" }],
  ["a.wh.b", { kind: "entry", path: "a.wh.b" }],
  ["a/.whb", { kind: "entry", path: "a/.whb" }],
  [".wh.a", { kind: "whiteout", folder: "", name: "a" }],
  ["/a/.wh.b", { kind: "whiteout", folder: "a", name: "b" }],
  ["a/.wh....", { kind: "whiteout", folder: "a", name: "..." }],
  ["a/.wh..b", { kind: "whiteout", folder: "a", name: ".b" }],
  [".wh..wh..opq", { kind: "opaque", folder: "" }],
  ["a/b/.wh..wh..opq", { kind: "opaque", folder: "a/b" }],
  [".wh..wh.aufs", { kind: "bookkeeping" }],
  [".wh..wh.plnk", { kind: "bookkeeping" }],
  [".wh..wh.plnk/12.34", { kind: "bookkeeping" }],
  ["a/.wh..wh..opq.0", { kind: "bookkeeping" }],
  [".wh.", undefined],
  ["a/.wh.", undefined],
  ["a/.wh..", undefined],
  ["a/.wh...", undefined],
  [".wh.a/b", undefined],
  ["a/.wh.b/.wh.c", undefined],
];

test("a name is an entry, a whiteout, or neither", () => {
  for (const [name, meaning] of names)
    if (meaning !== undefined) assert.deepEqual(parseLayerName(name, "layer"), meaning, name);
    else assert.throws(() => parseLayerName(name, "layer"), { code: "image-invalid" }, name);
});

test("a name that no system can have, or on which readers disagree, is refused", () => {
  for (const name of [
    "..",
    "../a",
    "a/../b",
    "/..",
    "a/..",
    `a/${"n".repeat(256)}`,
    "a/".repeat(2100),
  ])
    assert.throws(() => parseLayerName(name, "layer"), { code: "path-unsafe" }, name.slice(0, 20));
});
