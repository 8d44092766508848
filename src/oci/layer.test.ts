import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { defaultLimits, digestOf } from "../base/index.ts";
import { memoryBlobs, type BlobSource } from "./blobs.ts";
import { layerOf } from "./layer.ts";
import { writeLayer } from "./layer-write.ts";
import { collect, fails, sampleTar } from "./sample-images.test.ts";

const files = { passwd: "root:x:0:0\n", big: "0123456789abcdef".repeat(40_000) };

test("a layer is stored under the digest of its bytes, in every compression", async () => {
  const tar = await collect(sampleTar(files));
  for (const compression of ["none", "gzip", "zstd"] as const) {
    const layer = await writeLayer(sampleTar(files), memoryBlobs(), { compression });
    const stored = await collect(layer.compressed());
    assert.equal(layer.digest, digestOf(stored));
    assert.equal(layer.size, stored.byteLength);
    assert.equal(layer.diffId, digestOf(tar));
    assert.equal(layer.unpackedSize, tar.byteLength);
    assert.equal(digestOf(await collect(layer.uncompressed())), layer.diffId);
    if (compression === "none") assert.equal(layer.digest, layer.diffId);
    if (compression === "gzip") {
      assert.equal(digestOf(gunzipSync(stored)), layer.diffId);
      assert.deepEqual([...stored.subarray(3, 8)], [0, 0, 0, 0, 0]);
    }
  }
});

test("the same tar gives the same digest, however it is cut", async () => {
  const tar = await collect(sampleTar(files));
  const pieces = [tar.subarray(0, 1), tar.subarray(1, 700), tar.subarray(700)];
  for (const compression of ["gzip", "zstd"] as const) {
    const whole = await writeLayer([tar], memoryBlobs(), { compression });
    assert.equal((await writeLayer(pieces, memoryBlobs(), { compression })).digest, whole.digest);
  }
});

test("a failure of the tar leaves nothing in the store", async () => {
  let aborted = 0;
  const store = memoryBlobs();
  const watched = {
    ...store,
    async begin() {
      const writer = await store.begin();
      return { ...writer, abort: async () => void aborted++ };
    },
  };
  const broken = async function* () {
    yield new Uint8Array(10);
    throw new Error("broken");
  };
  await assert.rejects(writeLayer(broken(), watched), /broken/);
  assert.equal(aborted, 1);
});

test("damage is found while the layer streams, and named as what it is", async () => {
  for (const compression of ["none", "gzip", "zstd"] as const) {
    const layer = await writeLayer(sampleTar(files), memoryBlobs(), { compression });
    const stored = await collect(layer.compressed());
    const other = await writeLayer(sampleTar({ a: "b" }), memoryBlobs(), { compression });
    const damaged: readonly [string, Uint8Array, RegExp][] = [
      ["flipped", flip(stored, stored.byteLength >> 1), /expected sha256:.*, found sha256:/],
      ["flipped at the end", flip(stored, stored.byteLength - 1), /expected sha256:/],
      ["cut", stored.subarray(0, -1), /expected \d+ bytes, found \d+/],
      ["longer", Buffer.concat([stored, Buffer.alloc(1)]), /found more/],
      ["empty", new Uint8Array(0), /found 0/],
      ["another", await collect(other.compressed()), /expected/],
    ];
    for (const [name, bytes, message] of damaged) {
      const source: BlobSource = { subject: name, read: () => [bytes] };
      const read = layerOf(layer, source, defaultLimits);
      await fails(() => collect(read.compressed()), "digest-mismatch", message);
      await fails(() => collect(read.uncompressed()), "digest-mismatch", message);
    }
  }
});

test("a layer that is not the one of the config is refused", async () => {
  const store = memoryBlobs();
  const layer = await writeLayer(sampleTar(files), store);
  const wrong = layerOf({ ...layer, diffId: digestOf(Uint8Array.of(1)) }, store, defaultLimits);
  await fails(() => collect(wrong.uncompressed()), "digest-mismatch", /expected diff id/);
});

test("a layer may not unpack to more than the limit", async () => {
  const store = memoryBlobs();
  const layer = await writeLayer(sampleTar(files), store);
  const limits = { ...defaultLimits, "unpacked-size": 100_000 };
  await fails(
    () => collect(layerOf(layer, store, limits).uncompressed()),
    "limit-exceeded",
    /unpacked-size/,
  );
});

function flip(bytes: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at]! ^= 0x10;
  return copy;
}
