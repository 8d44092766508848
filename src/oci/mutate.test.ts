import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeText } from "../base/index.ts";
import { imageFromConfig, imageFromRawConfig, makeImage, makeIndex } from "./assemble.ts";
import { addressOf, memoryBlobs, putBlob } from "./blobs.ts";
import { encodeConfig } from "./config.ts";
import { openImage } from "./image.ts";
import { dockerMediaTypes, mediaTypes } from "./media-type.ts";
import { annotate, appendLayers, changeConfig } from "./mutate.ts";
import { fails, sampleImage, sampleLayer } from "./sample-images.test.ts";

test("the same parts give the same digest, and every part counts", async () => {
  const image = await sampleImage();
  assert.equal((await sampleImage()).digest, image.digest);
  assert.notEqual((await sampleImage("linux/arm64")).digest, image.digest);
  assert.equal((await image.config()).created, "2023-11-14T22:13:20Z");
  const labels = Buffer.from(await image.rawConfig()).toString();
  assert.match(labels, /"Labels":\{"a":"1","b":"2"\}/);
});

test("history must have one entry per layer", async () => {
  const layers = [await sampleLayer("a")];
  const platform = { os: "linux", architecture: "amd64" };
  await fails(
    () => makeImage({ platform, layers, history: [{}, {}] }),
    "image-invalid",
    /expected 1 entries/,
  );
  assert.equal((await makeImage({ platform, layers }).config()).history, undefined);
});

test("layers are appended with their history, and the base is left as it was", async () => {
  const base = await sampleImage();
  const raw = await base.rawManifest();
  const layer = await sampleLayer("top");
  const image = await appendLayers(base, [layer, layer], {
    history: [{ created_by: "one" }, { created_by: "two" }],
    created: 0,
  });
  const config = await image.config();
  assert.deepEqual(
    config.history?.map((entry) => entry.created_by),
    ["base", "ENV", "platform", "one", "two"],
  );
  assert.equal(config.created, "1970-01-01T00:00:00Z");
  assert.equal(config.rootfs.diff_ids.length, 4);
  assert.equal((await image.layers())[3]!.digest, layer.digest);
  assert.deepEqual(await base.rawManifest(), raw);
  assert.equal((await base.layers()).length, 2);
  const bare = await appendLayers(
    imageFromConfig({ ...config, history: [] }, await image.layers()),
    [layer],
    { history: [{ created_by: "x" }] },
  );
  assert.deepEqual((await bare.config()).history, []);
});

test("a changed config keeps what it does not name", async () => {
  const base = await sampleImage();
  const known = await base.config();
  const odd = { ...known, odd: { x: 1 }, config: { ...known.config, Hostname: "h" } };
  const image = await changeConfig(
    imageFromRawConfig(encodeConfig(odd), await base.layers()),
    (config) => ({
      ...config,
      User: "nobody",
    }),
  );
  const config = JSON.parse(Buffer.from(await image.rawConfig()).toString());
  assert.deepEqual(config.odd, { x: 1 });
  assert.deepEqual(
    [config.config.User, config.config.Hostname, config.config.Cmd],
    ["nobody", "h", ["/bin/sh"]],
  );
});

test("annotations leave the config, and with it the image id", async () => {
  const base = await sampleImage();
  const image = await annotate(await annotate(base, { b: "1" }), { a: "2" });
  assert.deepEqual((await image.manifest()).annotations, { a: "2", b: "1" });
  assert.deepEqual(await image.rawConfig(), await base.rawConfig());
  assert.notEqual(image.digest, base.digest);
});

test("an image of Docker's media types is read as it is, and becomes an OCI image when changed", async () => {
  const base = await sampleImage();
  const store = memoryBlobs();
  const manifest = await base.manifest();
  const raw = encodeText(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: dockerMediaTypes.manifest,
      config: { ...manifest.config, mediaType: dockerMediaTypes.config },
      layers: manifest.layers.map((layer) => ({ ...layer, mediaType: dockerMediaTypes.layerGzip })),
    }),
  );
  await putBlob(store, addressOf(raw), () => [raw]);
  await putBlob(store, manifest.config, () => base.blob(manifest.config).chunks());
  for (const layer of manifest.layers) await putBlob(store, layer, () => base.blob(layer).chunks());
  const image = await openImage({ mediaType: dockerMediaTypes.manifest, ...addressOf(raw) }, store);
  assert.equal(image.kind, "image");
  assert.deepEqual(await image.rawManifest(), raw);
  const changed = await appendLayers(image, [await sampleLayer("x", "zstd")]);
  const types = (await changed.manifest()).layers.map((layer) => layer.mediaType);
  assert.deepEqual(types, [mediaTypes.layerGzip, mediaTypes.layerGzip, mediaTypes.layerZstd]);
  assert.equal((await changed.manifest()).config.mediaType, mediaTypes.config);
  assert.equal(changed.mediaType, mediaTypes.manifest);
  assert.deepEqual(
    (await changed.layers()).map((layer) => layer.mediaType),
    types,
  );
});

test("an index lists its images with their platforms", async () => {
  const image = await sampleImage("linux/arm/v7");
  const index = await makeIndex([{ image, annotations: { x: "y" } }], { a: "b" });
  assert.deepEqual((await index.manifest()).manifests, [
    {
      mediaType: mediaTypes.manifest,
      digest: image.digest,
      size: image.size,
      annotations: { x: "y" },
      platform: { architecture: "arm", os: "linux", variant: "v7" },
    },
  ]);
  assert.equal((await (await index.children())[0]!.open()).digest, image.digest);
});
