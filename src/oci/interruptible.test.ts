import assert from "node:assert/strict";
import { test } from "node:test";
import { copyImage } from "./copy.ts";
import { interruptible } from "./interruptible.ts";
import { collect, fails, sampleImage, sampleIndex } from "./sample-images.test.ts";

test("until the signal fires, an interruptible image is the same image", async () => {
  const image = await sampleImage();
  const same = interruptible(image, new AbortController().signal);
  assert.equal(same.digest, image.digest);
  const [layer] = await image.layers();
  const [sameLayer] = await same.layers();
  assert.deepEqual(await collect(sameLayer!.compressed()), await collect(layer!.compressed()));
  assert.deepEqual(await collect(sameLayer!.uncompressed()), await collect(layer!.uncompressed()));
  const { config } = await image.manifest();
  assert.deepEqual(await collect(same.blob(config).chunks()), await image.rawConfig());
});

test("a copy stops at the next chunk, also one of an image inside an index", async () => {
  const stop = new AbortController();
  const index = interruptible(await sampleIndex("linux/amd64", "linux/arm64"), stop.signal);
  const put: string[] = [];
  const sink = {
    async putBlob({ descriptor, content }: { descriptor: { digest: string }; content: Blobbed }) {
      stop.abort();
      await collect(content.chunks());
      put.push(descriptor.digest);
    },
    putManifest: async () => assert.fail("a manifest was put"),
  };
  await fails(() => copyImage(index, sink), "aborted", /interrupted/);
  assert.deepEqual(put, []);
});

interface Blobbed {
  chunks(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}
