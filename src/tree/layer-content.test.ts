import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { defaultLimits, readContent, type Chunks } from "../base/index.ts";
import {
  findNode,
  readFiles,
  readLayers,
  walkTree,
  type FileNode,
  type LayeredTree,
  type TreeLayer,
} from "./index.ts";
import { sampleLayer } from "../../test/sample-layers.ts";

function fileAt(tree: LayeredTree, path: string): FileNode {
  const node = findNode(tree.top, path);
  assert.ok(node?.kind === "file", path);
  return node;
}

async function textOf(chunks: Chunks): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(Uint8Array.from(chunk));
  return Buffer.concat(parts).toString();
}

const contentOf = (tree: LayeredTree, path: string) =>
  readContent(fileAt(tree, path).content, defaultLimits, path).then((bytes) =>
    Buffer.from(bytes).toString(),
  );

const digest = (algorithm: string, text: string) =>
  createHash(algorithm).update(text).digest("hex");

test("a content is read from its layer when it is asked for, which verifies itself", async () => {
  const layer = sampleLayer("a=first", "b=second", "c=third", "empty");
  const tree = await readLayers([layer]);
  assert.deepEqual(layer.counts, { opened: 1, finished: 1 });
  assert.equal(await contentOf(tree, "b"), "second");
  assert.equal(await contentOf(tree, "b"), "second");
  assert.deepEqual(layer.counts, { opened: 3, finished: 3 });
  assert.equal(await contentOf(tree, "empty"), "");
  assert.equal(layer.counts.opened, 3);
  // Who leaves early gets no promise, and pays nothing for it.
  for await (const chunk of fileAt(tree, "a").content.chunks()) {
    assert.equal(Buffer.from(chunk).toString(), "first");
    break;
  }
  assert.deepEqual(layer.counts, { opened: 4, finished: 3 });
});

test("checksums are computed while a layer streams by, and compared from then on", async () => {
  const large = "0123456789".repeat(100_000);
  const layer = sampleLayer("a=first", `large=${large}`, "empty", "b => a", "z=last");
  const tree = await readLayers([layer], { checksums: ["sha1", "sha256"] });
  for (const [path, text] of Object.entries({ a: "first", b: "first", large, empty: "" }))
    for (const algorithm of ["sha1", "sha256"] as const)
      assert.equal(tree.checksumOf(fileAt(tree, path), algorithm), digest(algorithm, text), path);
  // A content that has a checksum needs no more of its layer.
  assert.equal(await contentOf(tree, "large"), large);
  assert.deepEqual(layer.counts, { opened: 2, finished: 1 });
  const one = await readLayers([layer], { checksums: ["sha1"] });
  assert.equal(one.checksumOf(fileAt(one, "a"), "sha1"), digest("sha1", "first"));
  assert.equal(one.checksumOf(fileAt(one, "a"), "sha256"), undefined);
});

test("what is to be kept is there without its layer, also once it was replaced", async () => {
  const asked: string[] = [];
  const lower = sampleLayer("etc/a=old", "l -> etc", "large=12345678");
  const upper = sampleLayer("l/a=new", "l/b=more");
  const tree = await readLayers([lower, upper], {
    keeps: (path, size) => {
      asked.push(`${path} ${size}`);
      return path.startsWith("etc/");
    },
  });
  assert.deepEqual(asked, ["etc/a 3", "large 8", "etc/a 3", "etc/b 4"]);
  assert.equal(await contentOf(tree, "etc/a"), "new");
  assert.equal(await contentOf(tree, "etc/b"), "more");
  const { before } = tree.layers[1]!.changes[0]!;
  assert.ok(before.kind === "file");
  assert.equal(await textOf(before.content.chunks()), "old");
  assert.deepEqual([lower.counts.opened, upper.counts.opened], [1, 1]);
  assert.equal(await contentOf(tree, "large"), "12345678");
  assert.equal(lower.counts.opened, 2);
});

test("many files are read in one pass over each layer that has one of them", async () => {
  const layers = [
    sampleLayer("c=0", "a=1", "b=22", "gone=x"),
    sampleLayer("other=y"),
    sampleLayer("z=333", "gone=4444", "y => z", "kept=5", "empty"),
  ];
  const tree = await readLayers(layers, { keeps: (path) => path === "kept" });
  const wanted = [...walkTree(tree.top)]
    .filter(({ path }) => path !== "other")
    .map(({ node }) => node)
    .filter((node) => node.kind === "file");
  const seen: string[] = [];
  for await (const { file, chunks } of readFiles(wanted))
    seen.push(file === fileAt(tree, "b") ? "b is skipped" : await textOf(chunks()));
  assert.deepEqual(seen, ["", "5", "0", "1", "b is skipped", "333", "4444"]);
  assert.deepEqual(
    layers.map(({ counts }) => counts),
    [
      { opened: 2, finished: 2 },
      { opened: 1, finished: 1 },
      { opened: 2, finished: 2 },
    ],
  );
  // Leaving the loop closes the layer.
  for await (const { chunks } of readFiles([fileAt(tree, "a")])) {
    assert.equal(await textOf(chunks()), "1");
    break;
  }
  assert.deepEqual(layers[0]!.counts, { opened: 3, finished: 2 });
});

test("two files of one content are both read", async () => {
  const tree = await readLayers([sampleLayer("a=1", "b=2")]);
  const file = fileAt(tree, "a");
  const seen: string[] = [];
  for await (const { chunks } of readFiles([
    file,
    { ...file, mode: 0o600 },
    file,
    fileAt(tree, "b"),
  ]))
    seen.push(await textOf(chunks()));
  assert.deepEqual(seen, ["1", "1", "2"]);
});

test("an interruption ends the reading of files", async () => {
  const tree = await readLayers([sampleLayer("a=1", "b=2")]);
  const files = [fileAt(tree, "a"), fileAt(tree, "b")];
  const controller = new AbortController();
  await assert.rejects(
    async () => {
      for await (const _ of readFiles(files, { signal: controller.signal })) controller.abort();
    },
    { code: "aborted" },
  );
});

test("a layer that is another one the next time is found out", async () => {
  const changed = async (again: TreeLayer, checksums: readonly ["sha1"] | readonly [] = []) => {
    const layers = [sampleLayer("a=first", "b=second"), again];
    const layer: TreeLayer = { subject: "changing", tar: () => layers.shift()!.tar() };
    const tree = await readLayers([layer], { checksums });
    return contentOf(tree, "b");
  };
  const refused = { code: "image-invalid" };
  await assert.rejects(changed(sampleLayer("a=first")), refused);
  await assert.rejects(changed(sampleLayer("a=first", "b -> a")), refused);
  await assert.rejects(changed(sampleLayer("a=first", "b=longer text")), refused);
  await assert.rejects(changed(sampleLayer("a=first", "b=SECOND"), ["sha1"]), {
    ...refused,
    message: /changing: expected the sha1 [0-9a-f]{40} at entry 1/,
  });
  // Without a checksum the layer's own verification decides, at its end.
  const failing: TreeLayer = {
    subject: "failing",
    async *tar() {
      yield* sampleLayer("a=first", "b=SECOND").tar() as AsyncIterable<Uint8Array>;
      throw new Error("the digest differs");
    },
  };
  await assert.rejects(changed(failing), /the digest differs/);
});
