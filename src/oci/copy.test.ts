import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, encodeText } from "../base/index.ts";
import { makeIndex } from "./assemble.ts";
import { addressOf, memoryBlobs, putBlob } from "./blobs.ts";
import { gatherReferrers, putReferrers } from "./copy-referrers.ts";
import { blobsOf } from "./copy.ts";
import { imageOf } from "./image.ts";
import { createLayout } from "./layout/layout.ts";
import { encodeManifest } from "./manifest.ts";
import { mediaTypes } from "./media-type.ts";
import { layoutPlace } from "./place.ts";
import { sampleImage, temporaryFolder } from "./sample-images.test.ts";

test("a manifest that is a layer of another image is copied as both", async () => {
  const image = await sampleImage();
  const raw = await image.rawManifest();
  const blobs = memoryBlobs();
  const empty = encodeText("{}");
  for (const bytes of [raw, empty]) await putBlob(blobs, addressOf(bytes), () => [bytes]);
  const keeper = imageOf(
    encodeManifest({
      schemaVersion: 2,
      config: { mediaType: "application/vnd.oci.empty.v1+json", ...addressOf(empty) },
      layers: [{ mediaType: mediaTypes.manifest, ...addressOf(raw) }],
    }),
    blobs,
  );
  const index = await makeIndex([{ image: keeper }, { image }]);
  const roles: string[] = [];
  for await (const { descriptor, role } of blobsOf(index))
    if (descriptor.digest === image.digest) roles.push(role);
  assert.deepEqual(roles, ["layer", "manifest"]);
});

test("what refers to an image inside of nested indexes goes along", async (context) => {
  const image = await sampleImage();
  const outer = await makeIndex([{ image: await makeIndex([{ image }]) }]);
  const config = encodeText("{}");
  const blobs = memoryBlobs();
  await putBlob(blobs, addressOf(config), () => [config]);
  const raw = encodeManifest({
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    artifactType: "application/x-note",
    config: { mediaType: "application/vnd.oci.empty.v1+json", ...addressOf(config) },
    layers: [],
    subject: { mediaType: image.mediaType, digest: image.digest, size: image.size },
  });
  const [from, to] = await Promise.all(
    [0, 1].map(async () => layoutPlace(await createLayout(temporaryFolder(context)))),
  );
  await from!.put(outer, { tag: "1" });
  await from!.put(imageOf(raw, blobs));
  await to!.put(outer, { tag: "1" });
  const gathered = await gatherReferrers(outer, from!);
  assert.equal(gathered.length, 1);
  await putReferrers(gathered, to!);
  const copied = await to!.referrers(image.digest);
  assert.deepEqual(
    copied.map(({ digest }) => digest),
    [digestOf(raw)],
  );
});
