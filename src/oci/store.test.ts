import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { promisify } from "node:util";
import { makeImage } from "./assemble.ts";
import { writeLayer } from "./layer-write.ts";
import { locateImage } from "./locate.ts";
import { parseImageLocator } from "./locator.ts";
import { parsePlatform } from "./platform.ts";
import { formatReference, parseReference } from "./reference.ts";
import { collect, fails, sampleImage, sampleTar, temporaryFolder } from "./sample-images.test.ts";
import { defaultStorePath, openStore } from "./store.ts";

test("the store stands in the data folder", () => {
  assert.equal(defaultStorePath({ XDG_DATA_HOME: "/data" }), "/data/bivy/images");
  assert.match(defaultStorePath({ XDG_DATA_HOME: "data" }), /^\/.*\/\.local\/share\/bivy\/images$/);
  assert.match(defaultStorePath({}), /\/\.local\/share\/bivy\/images$/);
});

test("reading an absent store makes nothing", async (context) => {
  const path = join(temporaryFolder(context), "images");
  const store = openStore({ path });
  assert.deepEqual(await store.list(), []);
  assert.equal(await store.tryGet(parseReference("alpine")), undefined);
  assert.equal(await store.remove(parseReference("alpine")), false);
  await fails(() => store.get(parseReference("alpine:3")), "image-not-found", /alpine:3/);
  assert.equal(existsSync(path), false);
});

test("images are kept by name and found by tag or digest", async (context) => {
  const path = join(temporaryFolder(context), "images");
  const store = openStore({ path });
  const layer = await writeLayer(sampleTar({ a: "b" }), store.blobs);
  const image = makeImage({ platform: parsePlatform("amd64"), layers: [layer] });
  await store.put(image, parseReference("app"));
  const other = await sampleImage();
  await store.put(other, parseReference(`app:2@${other.digest}`));
  assert.deepEqual(
    (await store.list()).map(({ reference }) => formatReference(reference)),
    ["docker.io/library/app:latest", `docker.io/library/app:2@${other.digest}`],
  );
  const again = openStore({ path });
  assert.equal(
    (await again.get(parseReference("docker.io/library/app:latest"))).digest,
    image.digest,
  );
  assert.equal((await again.get(parseReference(`app@${image.digest}`))).digest, image.digest);
  assert.equal((await again.get(parseReference(`app@${other.digest}`))).digest, other.digest);
  // What a tag was when its digest was pinned does not say what it is.
  assert.equal(await again.tryGet(parseReference("app:2")), undefined);
  assert.equal(await again.tryGet(parseReference(`else@${image.digest}`)), undefined);
  await fails(
    () => store.put(image, parseReference(`app@${other.digest}`)),
    "digest-mismatch",
    /found sha256:/,
  );
  await store.put(other, parseReference("app"));
  assert.equal((await again.get(parseReference("app"))).digest, other.digest);
  assert.equal(await again.remove(parseReference("app")), true);
  assert.equal(await again.tryGet(parseReference("app")), undefined);
});

test("processes that write at once lose nothing", async (context) => {
  const path = join(temporaryFolder(context), "images");
  const script = `
    import { makeImage, openStore, parsePlatform, parseReference, writeLayer } from ${JSON.stringify(new URL("index.ts", import.meta.url).href)};
    const store = openStore({ path: ${JSON.stringify(path)} });
    for (let turn = 0; turn < 10; turn++) {
      const layer = await writeLayer([Buffer.alloc(1024, turn)], store.blobs);
      const image = makeImage({ platform: parsePlatform("amd64"), author: process.argv[1], layers: [layer] });
      await store.put(image, parseReference("app:" + process.argv[1] + turn));
    }`;
  const start = (name: string) =>
    promisify(execFile)(process.execPath, ["--input-type=module", "-e", script, name]);
  await Promise.all(["a", "b", "c", "d"].map(start));
  const store = openStore({ path });
  const stored = await store.list();
  assert.equal(new Set(stored.map(({ reference }) => reference.tag)).size, 40);
  for (const { reference } of stored) {
    const image = await store.get(reference);
    assert.equal(image.kind, "image");
    for (const layer of await image.layers())
      assert.equal((await collect(layer.uncompressed())).byteLength, 1024);
  }
  assert.deepEqual(readdirSync(path).sort(), ["blobs", "index.json", "oci-layout"]);
});

test("locators lead to the store, a layout, an archive or a root", async (context) => {
  const folder = temporaryFolder(context);
  const store = openStore({ path: join(folder, "images") });
  const image = await sampleImage();
  await store.put(image, parseReference("app"));
  const { ociArchive, writeArchiveFile } = await import("./archive-write.ts");
  await writeArchiveFile(join(folder, "a.tar"), ociArchive(image, { name: "1" }));
  const locate = (text: string) => locateImage(parseImageLocator(text), { store });
  for (const text of [
    "app",
    `oci:${folder}/images`,
    `oci:${folder}/images:app:latest`,
    `oci:${folder}/images@${image.digest}`,
    `${folder}/images`,
    `oci-archive:${folder}/a.tar:1`,
    `docker-archive:${folder}/a.tar`,
    `${folder}/a.tar`,
  ]) {
    const located = await locate(text);
    assert.equal(located?.kind === "image" && located.image.digest, image.digest, text);
  }
  assert.equal(await locate("absent"), undefined);
  assert.deepEqual(await locate(`dir:${folder}`), { kind: "root", path: folder });
  assert.deepEqual(await locate(folder), { kind: "root", path: folder });
  await fails(() => locate(`dir:${folder}/a.tar`), "file-not-found", /found a file/);
  await fails(() => locate(`${folder}/none.tar`), "file-not-found", /none\.tar/);
});
