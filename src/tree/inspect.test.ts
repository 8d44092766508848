import assert from "node:assert/strict";
import { test } from "node:test";
import { layerTar, type LayerFiles } from "../../test/layered-root.ts";
import type { Chunks } from "../base/index.ts";
import { findNode, readLayers, type FileNode, type Inspector } from "./index.ts";

/** Takes so many bytes of each content, and keeps what it saw by the node that has it. */
function recorder(most: number) {
  const seen = new Map<FileNode, string>();
  const inspect = (path: string, size: number): Inspector | undefined => {
    if (path.endsWith(".skip")) return undefined;
    let text = `${path} ${size} `;
    let taken = 0;
    return {
      take(chunk) {
        text += Buffer.from(chunk).toString();
        taken += chunk.byteLength;
        return taken < most;
      },
      finish: (file) => seen.set(file, text),
    };
  };
  return { seen, inspect };
}

const layers: readonly LayerFiles[] = [
  { "a/one": "1", "a/gone": "2", "a/x.skip": "3", "a/empty": "", link: "-> a" },
  { "a/one": "new", "a/.wh.gone": "", "link/two": "22" },
];

const trees = (files: readonly LayerFiles[]) =>
  files.map((each) => ({ subject: "layer", tar: () => inChunks(layerTar(each)) }));

async function* inChunks(whole: Chunks): AsyncGenerator<Uint8Array> {
  for await (const each of whole)
    for (let at = 0; at < each.byteLength; at += 100_000) yield each.subarray(at, at + 100_000);
}

test("contents are looked at as they stream by, at the place where they come to stand", async () => {
  for (const options of [{}, { checksums: ["sha1"] as const }, { keeps: () => true }]) {
    const { seen, inspect } = recorder(Infinity);
    const { top } = await readLayers(trees(layers), { ...options, inspect });
    assert.deepEqual([...seen.values()], ["a/one 1 1", "a/gone 1 2", "a/one 3 new", "a/two 2 22"]);
    assert.equal(seen.get(findNode(top, "a/one") as FileNode), "a/one 3 new");
  }
});

test("who has seen enough is given no more, and others still get all of it", async () => {
  const text = "x".repeat(600_000);
  for (const checksums of [[], ["sha256"]] as const) {
    const { seen, inspect } = recorder(1);
    const tree = await readLayers(trees([{ large: text, small: "after" }]), { checksums, inspect });
    const [large, small] = [...seen.values()];
    assert.ok(large!.length < text.length);
    assert.equal(small, "small 5 after");
    const file = findNode(tree.top, "large") as FileNode;
    assert.equal(tree.checksumOf(file, "sha256") === undefined, checksums.length === 0);
  }
});
