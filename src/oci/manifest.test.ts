import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeText } from "../base/index.ts";
import { encodeIndex, encodeManifest, parseManifest } from "./manifest.ts";
import { dockerMediaTypes, mediaTypes } from "./media-type.ts";
import { fails } from "./sample-images.test.ts";

const digest = `sha256:${"a".repeat(64)}`;
const config = { mediaType: mediaTypes.config, digest, size: 2 };
const layer = { mediaType: mediaTypes.layerGzip, digest, size: 3 };

function parse(document: unknown, mediaType?: string) {
  return parseManifest(encodeText(JSON.stringify(document)), "test", mediaType);
}

test("a manifest keeps unknown fields and is written in a fixed order", () => {
  const found = parse({
    layers: [{ urls: ["https://example.com/x"], ...layer }],
    extra: { b: 1 },
    annotations: { z: "1", a: "2" },
    config: { ...config, data: "e30=" },
    schemaVersion: 2,
  });
  assert.equal(found.kind, "image");
  assert.equal(
    Buffer.from(encodeManifest(found.manifest)).toString(),
    `{"schemaVersion":2,"config":{"mediaType":"${mediaTypes.config}","digest":"${digest}","size":2,"data":"e30="},` +
      `"layers":[{"mediaType":"${mediaTypes.layerGzip}","digest":"${digest}","size":3,"urls":["https://example.com/x"]}],` +
      `"annotations":{"a":"2","z":"1"},"extra":{"b":1}}`,
  );
  const index = parse({ schemaVersion: 2, manifests: [], mediaType: mediaTypes.index, extra: 1 });
  assert.equal(index.kind, "index");
  assert.equal(
    Buffer.from(encodeIndex(index.manifest)).toString(),
    `{"schemaVersion":2,"mediaType":"${mediaTypes.index}","manifests":[],"extra":1}`,
  );
});

test("both families of media types are read", () => {
  for (const types of [mediaTypes, dockerMediaTypes]) {
    const image = { schemaVersion: 2, mediaType: types.manifest, config, layers: [layer] };
    assert.equal(parse(image, types.manifest).kind, "image");
    assert.equal(parse({ schemaVersion: 2, manifests: [] }, types.index).kind, "index");
  }
});

test("ambiguous and malformed documents are refused", async () => {
  const image = { schemaVersion: 2, config, layers: [layer] };
  const cases: readonly [unknown, string | undefined, RegExp][] = [
    [{ ...image, manifests: [] }, undefined, /found both/],
    [{ schemaVersion: 2 }, undefined, /found neither/],
    [
      { ...image, mediaType: mediaTypes.index },
      undefined,
      /mediaType: expected that of an image manifest/,
    ],
    [image, mediaTypes.index, /mediaType: expected that of an image manifest/],
    [{ schemaVersion: 2, manifests: [] }, mediaTypes.manifest, /expected that of an image index/],
    [{ schemaVersion: 1, fsLayers: [] }, undefined, /expected schema version 2, found 1/],
    [{ schemaVersion: "2", config }, undefined, /schemaVersion: expected 2/],
    [{ schemaVersion: 2, layers: [layer] }, undefined, /config: expected a value/],
    [
      { ...image, layers: [{ ...layer, size: -1 }] },
      undefined,
      /layers\[0\]: size: expected a size/,
    ],
    [{ ...image, layers: [{ ...layer, size: 1.5 }] }, undefined, /expected a size in bytes/],
    [{ ...image, layers: [{ ...layer, size: 2 ** 60 }] }, undefined, /expected a size in bytes/],
    [
      { ...image, layers: [{ ...layer, digest: "sha256:../../x" }] },
      undefined,
      /digest: expected sha256/,
    ],
    [{ ...image, layers: [{ digest, size: 1 }] }, undefined, /mediaType: expected a value/],
    [{ ...image, config: null }, undefined, /config: expected a value/],
    [{ ...image, annotations: { a: 1 } }, undefined, /annotations\.a: expected a string/],
  ];
  for (const [document, mediaType, message] of cases)
    await fails(() => parse(document, mediaType), "image-invalid", message);
});
