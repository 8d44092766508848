import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { bytesContent, defaultLimits, encodeText } from "../../../base/index.ts";
import { openStore, writeLayer, type Layer } from "../../../oci/index.ts";
import { tarHeader, writeTar } from "../../../archive/index.ts";
import { cacheImage, importSteps } from "./cache-image.ts";
import { openStepCache, readStepRecord } from "./step-cache.ts";

const limits = defaultLimits;

function temporaryStore(context: TestContext) {
  const path = mkdtempSync(join(tmpdir(), "bivy-test-"));
  context.after(() => rmSync(path, { recursive: true }));
  return openStore({ path });
}

function layerOf(store: ReturnType<typeof openStore>, text: string): Promise<Layer> {
  const content = bytesContent(encodeText(text));
  const header = tarHeader({ path: "f", type: "file", size: content.size });
  return writeLayer(writeTar([{ header, content }]), store.blobs);
}

test("a step is found by its key, also by another process", async (context) => {
  const store = temporaryStore(context);
  const layer = await layerOf(store, "one");
  await openStepCache(store, { imports: [], limits }).put("key", { layer, time: 7 });
  const again = openStepCache(openStore({ path: store.path }), { imports: [], limits });
  const found = await again.tryGet("key");
  assert.equal(found?.layer.digest, layer.digest);
  assert.equal(found?.layer.diffId, layer.diffId);
  assert.equal(found?.time, 7);
  assert.equal(await again.tryGet("other"), undefined);
  assert.deepEqual(
    again.used().map(({ key }) => key),
    ["key"],
  );
});

test("a layer that is gone or damaged is no find", async (context) => {
  const store = temporaryStore(context);
  const layer = await layerOf(store, "one");
  await openStepCache(store, { imports: [], limits }).put("key", { layer, time: 7 });
  const blob = join(store.path, "blobs/sha256", layer.digest.slice("sha256:".length));
  writeFileSync(blob, "x".repeat(layer.size));
  const open = () => openStepCache(openStore({ path: store.path }), { imports: [], limits });
  assert.equal(await open().tryGet("key"), undefined);
  unlinkSync(blob);
  assert.equal(await open().tryGet("key"), undefined);
});

test("a collection keeps the layers of steps, until nobody used them for long", async (context) => {
  const store = temporaryStore(context);
  const layer = await layerOf(store, "one");
  await openStepCache(store, { imports: [], limits }).put("key", { layer, time: 7 });
  await store.put(cacheImage([{ key: "key", layer, time: 7 }], limits), {
    registry: "docker.io",
    repository: "library/x",
    tag: "1",
  });
  await store.remove({ registry: "docker.io", repository: "library/x", tag: "1" });
  await store.close();
  const other = openStore({ path: store.path });
  await other.collect({ recordsSince: Date.now() - 1000 });
  assert.ok(readdirSync(join(store.path, "blobs/sha256")).includes(layer.digest.slice(7)));
  for (const folder of readdirSync(join(store.path, ".bivy-records")))
    for (const name of readdirSync(join(store.path, ".bivy-records", folder)))
      utimesSync(join(store.path, ".bivy-records", folder, name), 1, 1);
  const { removed } = await other.collect({ recordsSince: 2000 });
  assert.ok(removed.includes(layer.digest));
  assert.equal(await openStepCache(other, { imports: [], limits }).tryGet("key"), undefined);
});

test("steps of a shared cache are taken into the store", async (context) => {
  const from = temporaryStore(context);
  const layer = await layerOf(from, "one");
  const image = cacheImage(
    [
      { key: "a", layer, time: 1 },
      { key: "b", layer, time: 2 },
    ],
    limits,
  );
  assert.equal((await image.layers()).length, 1);
  const store = temporaryStore(context);
  const cache = openStepCache(store, { imports: [await importSteps(image)], limits });
  assert.equal((await cache.tryGet("b"))?.time, 2);
  const without = openStepCache(openStore({ path: store.path }), { imports: [], limits });
  assert.equal((await without.tryGet("b"))?.layer.digest, layer.digest);
  assert.equal(await without.tryGet("a"), undefined);
});

test("an image that is no cache is refused, and a strange record is none", async (context) => {
  const store = temporaryStore(context);
  const layer = await layerOf(store, "one");
  const image = cacheImage([{ key: "a", layer, time: 1 }], limits);
  const { subject } = image;
  const plain = {
    ...image,
    config: async () => ({ ...(await image.config()), "dev.bivy.build-cache": 5 }),
  };
  await assert.rejects(importSteps(plain as never), { code: "image-invalid" });
  assert.equal(subject, image.subject);
  for (const value of [undefined, null, 1, "x", {}, { digest: "sha256:x" }])
    assert.equal(readStepRecord("key", value), undefined);
});
