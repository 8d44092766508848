import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { promisify } from "node:util";
import { digestOf, encodeText } from "../../base/index.ts";
import { openArchive } from "../archive/archive-read.ts";
import { ociArchive, writeArchiveFile } from "../archive/archive-write.ts";
import { makeImage } from "../assemble.ts";
import { type Image } from "../image.ts";
import { writeLayer } from "../layer-write.ts";
import { createLayout, openLayout } from "../layout/layout.ts";
import { locateImage } from "../locate.ts";
import { parseImageLocator } from "../locator.ts";
import { parsePlatform } from "../platform.ts";
import { formatReference, parseReference, shortReference } from "../reference.ts";
import {
  collect,
  fails,
  hashFolder,
  sampleImage,
  sampleIndex,
  sampleTar,
  temporaryFolder,
} from "../sample-images.test.ts";
import {
  sampleArtifactType,
  sampleReferrer,
  sampleReferrersIndex,
} from "../sample-referrers.test.ts";
import { childrenOf, selectPlatform } from "../select.ts";
import { defaultStorePath, openStore } from "./store.ts";

const absent = digestOf(encodeText("absent"));

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
  assert.deepEqual(await store.remove(parseReference("alpine")), []);
  assert.deepEqual(await store.referrers(absent), []);
  for (const work of [
    () => store.get(parseReference("alpine:3")),
    () => store.find("alpine:3"),
    () => store.tag(parseReference("alpine:3"), parseReference("app")),
  ])
    await fails(work, "image-not-found", /^alpine:3: there is no such image/);
  await store.close();
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
  assert.equal((await again.remove(parseReference("app"))).length, 1);
  assert.equal(await again.tryGet(parseReference("app")), undefined);
});

test("processes that write at once lose nothing", async (context) => {
  const path = join(temporaryFolder(context), "images");
  const script = `
    import { makeImage, openStore, parsePlatform, parseReference, writeLayer } from ${JSON.stringify(new URL("../index.ts", import.meta.url).href)};
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
  await store.close();
  assert.deepEqual(readdirSync(path).sort(), ["blobs", "index.json", "oci-layout"]);
});

test("a name is given to what is there, in one step", async (context) => {
  const store = openStore({ path: temporaryFolder(context) });
  const [one, two] = [await sampleImage("linux/amd64"), await sampleImage("linux/arm64")];
  await store.put(one, parseReference("app:1"));
  await store.put(two, parseReference("app:2"));
  const files = hashFolder(join(store.path, "blobs"));
  const tagged = await store.tag(parseReference("app:1"), parseReference("other.example/app"));
  assert.equal(formatReference(tagged.reference), "other.example/app:latest");
  assert.equal(tagged.descriptor.platform?.architecture, "amd64");
  // An image that has the name already loses it; a digest may stand for the image.
  await store.tag(parseReference(`app@${two.digest}`), parseReference("app:1"));
  assert.deepEqual(hashFolder(join(store.path, "blobs")), files);
  assert.equal((await store.get(parseReference("app:1"))).digest, two.digest);
  assert.equal((await store.get(parseReference("other.example/app"))).digest, one.digest);
  await fails(
    () => store.tag(parseReference("app:2"), parseReference(`app@${one.digest}`)),
    "digest-mismatch",
    /expected the image of that digest/,
  );
  await fails(
    () => store.tag(parseReference("app:9"), parseReference("x")),
    "image-not-found",
    /9/,
  );
  assert.equal((await store.list()).length, 3);
  await store.close();
});

test("the time of a name is of the store, and changes no image", async (context) => {
  const store = openStore({ path: temporaryFolder(context) });
  const image = await sampleImage();
  await store.put(image, parseReference("app:1"));
  const [stored] = await store.list();
  assert.match(stored!.named!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.equal(stored!.descriptor.digest, image.digest);
  // An entry that another tool wrote has none.
  const index = JSON.parse(readFileSync(join(store.path, "index.json"), "utf8"));
  delete index.manifests[0].annotations["dev.bivy.named"];
  writeFileSync(join(store.path, "index.json"), JSON.stringify(index));
  assert.equal("named" in (await store.list())[0]!, false);
  await store.close();
});

test("names are removed one by one, or all of a digest", async (context) => {
  const store = openStore({ path: temporaryFolder(context) });
  const [one, two] = [await sampleImage("linux/amd64"), await sampleImage("linux/arm64")];
  const names = ["app:1", "app:2", `app:3@${one.digest}`, "team/app:1", "app:4"];
  const putAll = async () => {
    for (const name of names) await store.put(name === "app:4" ? two : one, parseReference(name));
  };
  for (const [target, gone] of [
    [parseReference("app:1"), ["app:1"]],
    [parseReference("app:9"), []],
    // With a digest in its name, a tag alone does not mean it.
    [parseReference("app:3"), []],
    [parseReference(`app:3@${one.digest}`), [`app:3@${one.digest}`]],
    [parseReference(`app:1@${one.digest}`), ["app:1"]],
    [parseReference(`app:4@${one.digest}`), []],
    [parseReference(`app@${one.digest}`), ["app:1", "app:2", `app:3@${one.digest}`]],
    [one.digest, ["app:1", "app:2", `app:3@${one.digest}`, "team/app:1"]],
    [absent, []],
  ] as const) {
    await putAll();
    assert.deepEqual((await store.remove(target)).map(shortReference).sort(), gone);
    assert.equal((await store.list()).length, names.length - gone.length);
  }
  await store.close();
});

test("images are found by name, or by the beginning of a digest or id", async (context) => {
  const store = openStore({ path: temporaryFolder(context) });
  const index = await sampleIndex("linux/amd64", "linux/arm64");
  const other = await sampleImage("linux/s390x");
  await store.put(index, parseReference("app:1"));
  await store.put(index, parseReference("app"));
  await store.put(other, parseReference("other"));
  const find = async (text: string) =>
    (await store.find(text)).map(({ reference }) => shortReference(reference));
  const child = await selectPlatform(index, parsePlatform("arm64"));
  const { config, layers } = await child.manifest();
  for (const digest of [index.digest, child.digest, config.digest]) {
    const hex = digest.slice("sha256:".length);
    for (const text of [digest, hex, hex.slice(0, 12), digest.slice(0, 20)])
      assert.deepEqual(await find(text), ["app:1", "app:latest"], text);
  }
  assert.deepEqual(await find("app"), ["app:latest"]);
  assert.deepEqual(await find(`app@${index.digest}`), ["app:1", "app:latest"]);
  assert.deepEqual(await find(other.digest.slice(7, 20)), ["other:latest"]);
  // A name comes before an id.
  await store.put(other, parseReference(index.digest.slice(7, 19)));
  assert.deepEqual(await find(index.digest.slice(7, 19)), [`${index.digest.slice(7, 19)}:latest`]);
  for (const text of [layers[0]!.digest, "0123456789ab", index.digest.slice(7, 10), "app:9", "A b"])
    await fails(() => find(text), "image-not-found", /there is no such image/);
  await store.close();
});

test("the beginning of several digests names none of them", async (context) => {
  const store = openStore({ path: temporaryFolder(context) });
  const layer = await writeLayer(sampleTar({ a: "b" }), store.blobs);
  // Among some hundred images, two whose digests begin with the same four digits.
  const byStart = new Map<string, Image[]>();
  let alike: readonly Image[] = [];
  for (let number = 0; alike.length < 2; number++) {
    const image = makeImage({
      platform: parsePlatform("amd64"),
      author: String(number),
      layers: [layer],
    });
    const start = image.digest.slice("sha256:".length, "sha256:".length + 4);
    alike = [...(byStart.get(start) ?? []), image];
    byStart.set(start, [...alike]);
  }
  for (const [position, image] of alike.entries())
    await store.put(image, parseReference(`app:${position}`));
  const start = alike[0]!.digest.slice("sha256:".length, "sha256:".length + 4);
  await fails(() => store.find(start), "reference-invalid", /found 2 that begin so/);
  assert.equal((await store.find(alike[1]!.digest.slice("sha256:".length))).length, 1);
  await store.close();
});

test("sizes count what is there, and what is shared once", async (context) => {
  const store = openStore({ path: temporaryFolder(context) });
  const index = await sampleIndex("linux/amd64", "linux/arm64");
  const other = await sampleImage("linux/s390x");
  await store.put(index, parseReference("app"), {
    includes: await childrenOf(index, [parsePlatform("arm64")]),
  });
  await store.put(other, parseReference("other"));
  const sizeOfFiles = (digests: Iterable<string>) =>
    [...new Set(digests)].reduce(
      (sum, digest) => sum + statSync(join(store.path, "blobs", "sha256", digest.slice(7))).size,
      0,
    );
  const digestsOf = async (image: Image) => {
    const { config, layers } = await image.manifest();
    return [image.digest, config.digest, ...layers.map(({ digest }) => digest)];
  };
  const arm64 = await selectPlatform(index, parsePlatform("arm64"));
  const ofIndex = [index.digest, ...(await digestsOf(arm64))];
  const ofOther = await digestsOf(other);
  const descriptors = (await store.list()).map(({ descriptor }) => descriptor);
  assert.deepEqual(await store.contents(descriptors[0]!), {
    images: [
      {
        digest: arm64.digest,
        id: (await arm64.manifest()).config.digest,
        platform: { architecture: "arm64", os: "linux" },
        isWhole: true,
      },
    ],
    size: sizeOfFiles(ofIndex),
    isWhole: false,
  });
  assert.equal(await store.sizeOf([descriptors[1]!]), sizeOfFiles(ofOther));
  // The lower layer is the same.
  const together = sizeOfFiles([...ofIndex, ...ofOther]);
  assert.equal(await store.sizeOf(descriptors), together);
  assert.equal(await store.sizeOf([...descriptors, ...descriptors]), together);
  assert.ok(together < sizeOfFiles(ofIndex) + sizeOfFiles(ofOther));
  await store.put(index, parseReference("app"));
  assert.equal((await store.contents(descriptors[0]!)).isWhole, true);
  rmSync(join(store.path, "blobs", "sha256", ofOther[3]!.slice(7)));
  const damaged = await store.contents(descriptors[1]!);
  assert.deepEqual([damaged.isWhole, damaged.images[0]?.isWhole], [false, false]);
  await store.close();
});

test("artifacts are kept, whatever their config is, and found by their subject", async (context) => {
  const folder = temporaryFolder(context);
  const store = openStore({ path: join(folder, "images") });
  const layout = await createLayout(join(folder, "layout"));
  const image = await sampleImage();
  const signature = await sampleReferrer(image, "signature");
  const odd = await sampleReferrer(image, "odd", encodeText("\0 no JSON"));
  const listed = await sampleReferrer(image, "listed");
  const ofOther = await sampleReferrer(signature, "about the signature");
  const list = await sampleReferrersIndex(listed, signature);
  const tag = image.digest.replace(":", "-");
  const unnamed = [signature, odd, ofOther];
  await layout.put(image, { name: "1" });
  await layout.put(list, { name: tag });
  await store.put(image, parseReference("app:1"));
  await store.put(list, parseReference(`app:${tag}`));
  for (const artifact of unnamed) {
    await layout.put(artifact);
    await store.put(artifact, parseReference(`app@${artifact.digest}`));
  }
  for (const place of [store, await openLayout(layout.path)]) {
    const referrers = await place.referrers(image.digest);
    assert.deepEqual(
      referrers.map(({ digest, artifactType, annotations }) => [digest, artifactType, annotations]),
      [
        [listed.digest, sampleArtifactType, { listed: "yes" }],
        [signature.digest, sampleArtifactType, { text: "signature" }],
        [odd.digest, sampleArtifactType, { text: "odd" }],
      ],
    );
    assert.equal(referrers[1]!.size, signature.size);
    assert.equal(referrers[1]!.mediaType, signature.mediaType);
    assert.deepEqual(await place.referrers(image.digest, sampleArtifactType), referrers);
    assert.deepEqual(await place.referrers(image.digest, "application/other"), []);
    assert.equal((await place.referrers(signature.digest)).length, 1);
    assert.deepEqual(await place.referrers(absent), []);
  }
  const [entry] = (await store.find(odd.digest)).map(({ descriptor }) => descriptor);
  assert.deepEqual([entry!.artifactType, entry!.platform], [sampleArtifactType, undefined]);
  const read = (await store.get(parseReference(`app@${odd.digest}`))) as Image;
  assert.deepEqual(Buffer.from(await read.rawManifest()), Buffer.from(await odd.rawManifest()));
  assert.deepEqual(Buffer.from(await read.rawConfig()).toString("latin1"), "\0 no JSON");
  // What is about the image is not meant where no name is given.
  assert.equal((await layout.open()).digest, image.digest);
  // The archive of an artifact holds the same.
  await writeArchiveFile(join(folder, "a.tar"), ociArchive(odd, { name: "odd" }));
  assert.equal((await (await openArchive(join(folder, "a.tar"))).open("odd")).digest, odd.digest);
  await store.close();
});

test("a blob that is damaged or missing is named, and mended by putting the image again", async (context) => {
  const path = join(temporaryFolder(context), "images");
  const image = await sampleImage();
  const first = openStore({ path });
  await first.put(image, parseReference("app"));
  await first.close();
  const { config, layers } = await image.manifest();
  for (const { digest } of [{ digest: image.digest }, config, layers[1]!]) {
    // Bytes of configs and layers are hashed when they are read, not when a store is looked over.
    const isUnread = digest !== image.digest;
    const file = join(path, "blobs", "sha256", digest.slice("sha256:".length));
    const whole = readFileSync(file);
    const damage: readonly [RegExp, () => void][] = [
      [/expected sha256:/, () => writeFileSync(file, Buffer.alloc(whole.byteLength))],
      [/expected \d+ bytes, found \d+/, () => truncateSync(file, 3)],
      [/is missing/, () => rmSync(file)],
    ];
    for (const [message, spoil] of damage) {
      spoil();
      const store = openStore({ path });
      await assert.rejects(async () => {
        const read = (await store.get(parseReference("app"))) as Image;
        for (const layer of await read.layers()) await collect(layer.uncompressed());
      }, message);
      // Looking over the store works all the same.
      assert.equal((await store.list()).length, 1);
      const { isWhole } = await store.contents((await store.list())[0]!.descriptor);
      assert.equal(isWhole, isUnread && message.source.startsWith("expected sha256"));
      await store.put(image, parseReference("app"));
      assert.deepEqual(readFileSync(file), whole);
      await store.close();
    }
  }
});

test("locators lead to the store, a layout, an archive or a root", async (context) => {
  const folder = temporaryFolder(context);
  const store = openStore({ path: join(folder, "images") });
  const image = await sampleImage();
  await store.put(image, parseReference("app"));
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
