import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { open as openFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import {
  defaultLimits,
  encodeText,
  newOwner,
  type BivyEvent,
  type Digest,
} from "../../base/index.ts";
import { imageFromRawConfig, makeImage } from "../assemble.ts";
import { collectGarbage } from "./collect.ts";
import { blobSink, copyImage } from "../copy.ts";
import { type Image, type ImageOrIndex } from "../image.ts";
import { writeLayer } from "../layer-write.ts";
import { openLayout } from "../layout/layout.ts";
import { collectionLockName } from "./lease.ts";
import { withLock } from "../layout/lock.ts";
import { parsePlatform } from "../platform.ts";
import { parseReference } from "../reference.ts";
import {
  collect,
  fails,
  hashFolder,
  sampleImage,
  sampleIndex,
  sampleLayer,
  sampleTar,
  temporaryFolder,
} from "../sample-images.test.ts";
import { sampleReferrer, sampleReferrersIndex } from "../sample-referrers.test.ts";
import { childrenOf } from "../select.ts";
import { openStore, type ImageStore } from "./store.ts";

const app = parseReference("app:1");

function blobPath(store: ImageStore, digest: Digest): string {
  return join(store.path, "blobs", "sha256", digest.slice("sha256:".length));
}

function blobsOf(store: ImageStore): string[] {
  return readdirSync(join(store.path, "blobs", "sha256")).sort();
}

/** Each is a store of its own, as another process would open it, on the same folder. */
function openStores(context: TestContext): () => ImageStore {
  const path = join(temporaryFolder(context), "images");
  return () => {
    const store = openStore({ path });
    context.after(() => store.close());
    return store;
  };
}

/** What a command does: it puts the images, and ends. */
async function putAll(
  store: ImageStore,
  images: Readonly<Record<string, ImageOrIndex>>,
): Promise<void> {
  for (const [name, image] of Object.entries(images)) await store.put(image, parseReference(name));
  await store.close();
}

async function readAll(image: Image): Promise<void> {
  await image.config();
  for (const layer of await image.layers()) await collect(layer.uncompressed());
}

async function digestsOf(image: Image): Promise<Digest[]> {
  const { config, layers } = await image.manifest();
  return [image.digest, config.digest, ...layers.map(({ digest }) => digest)];
}

test("what no name leads to goes, what others share stays", async (context) => {
  const open = openStores(context);
  const [one, two] = [await sampleImage("linux/amd64"), await sampleImage("linux/arm64")];
  await putAll(open(), { "app:1": one, "app:2": two, "app:3": two });
  const store = open();
  const unneeded = await store.collect();
  assert.deepEqual(unneeded, { removed: [], bytes: 0, kept: 7, forgotten: [] });
  await store.remove(parseReference("app:2"));
  assert.equal((await store.collect()).removed.length, 0);
  await store.remove(parseReference("app:3"));

  const before = blobsOf(store);
  const rehearsed = await store.collect({ dryRun: true });
  assert.deepEqual(blobsOf(store), before);
  const collected = await store.collect();
  assert.deepEqual(collected, rehearsed);
  // The lower layer is that of the first image as well.
  const shared = new Set(await digestsOf(one));
  const gone = (await digestsOf(two)).filter((digest) => !shared.has(digest));
  assert.deepEqual(collected.removed.toSorted(), gone.toSorted());
  assert.deepEqual([collected.kept, blobsOf(store).length], [4, 4]);
  assert.ok(collected.bytes > 0);
  await readAll((await store.get(app)) as Image);
  assert.deepEqual(readdirSync(store.path).length, 4, "the lease of the image that is open");
  await store.close();
  assert.deepEqual(readdirSync(store.path).sort(), ["blobs", "index.json", "oci-layout"]);
});

test("an absent store has no garbage, and is not made", async (context) => {
  const store = openStores(context)();
  const nothing = { removed: [], bytes: 0, kept: 0, forgotten: [] };
  assert.deepEqual(await store.collect(), nothing);
  assert.equal(existsSync(store.path), false);
});

test("an image that is open stays whole, though its name goes", async (context) => {
  const open = openStores(context);
  await putAll(open(), { "app:1": await sampleIndex("linux/amd64", "linux/arm64") });
  const [reader, opener] = [open(), open()];
  const index = await reader.get(app);
  const byDescriptor = await opener.open((await opener.list())[0]!.descriptor);
  const other = open();
  assert.equal((await other.remove(app)).length, 1);
  assert.equal((await other.collect()).removed.length, 0);
  assert.equal(index.kind, "index");
  for (const child of index.kind === "index" ? await index.children() : [])
    await readAll((await child.open()) as Image);
  await reader.close();
  assert.equal((await other.collect()).removed.length, 0);
  assert.equal(byDescriptor.digest, index.digest);
  await opener.close();
  await other.collect();
  assert.deepEqual(blobsOf(other), []);
});

test("what is written or found stays until it has a name", async (context) => {
  const open = openStores(context);
  const first = open();
  // A layer that was left by an image that is gone, and one that is new.
  const tars = { left: sampleTar({ left: "1" }), fresh: sampleTar({ fresh: "2" }) };
  const left = await writeLayer(tars.left, first.blobs);
  await putAll(first, { "app:1": await sampleImage() });
  const writer = open();
  assert.equal(await writer.blobs.holds(left.descriptor), true);
  const fresh = await writeLayer(tars.fresh, writer.blobs);
  const other = open();
  await other.remove(app);
  await other.collect();
  assert.equal(blobsOf(other).length, 2);
  const image = makeImage({ platform: parsePlatform("amd64"), layers: [left, fresh] });
  await writer.put(image, app);
  await writer.close();
  assert.equal((await other.collect()).removed.length, 0);
  await readAll((await other.get(app)) as Image);
});

/** Waits until this many stores have leased something. */
async function leases(store: ImageStore, count: number): Promise<void> {
  const found = () =>
    readdirSync(store.path).filter((name) => name.startsWith(".bivy-lease-")).length;
  for (let turn = 0; turn < 100_000 && found() < count; turn++) await nextTurn();
  assert.equal(found(), count);
}

test("whoever comes during a collection waits, and then sees what it removed", async (context) => {
  const open = openStores(context);
  const image = await sampleImage();
  await putAll(open(), { "app:1": image });
  const { config } = await image.manifest();
  const [reader, writer, other] = [open(), open(), open()];
  // Once checked, the blob is not read again; whether it is there is looked at all the same.
  assert.equal(await writer.blobs.holds(config), true);
  await writer.close();
  const work: Promise<unknown>[] = [];
  await withLock(join(other.path, collectionLockName), async () => {
    work.push(reader.tryGet(app), writer.blobs.holds(config));
    await leases(other, 2);
    // What a collection that has read the leases already may do.
    await other.remove(app);
    for (const digest of await digestsOf(image)) rmSync(blobPath(other, digest));
  });
  assert.deepEqual(await Promise.all(work), [undefined, false]);
  await writer.put(image, app);
  await readAll((await other.get(app)) as Image);
});

test("an image that goes from its lease to its name while a collection looks is kept", async (context) => {
  const open = openStores(context);
  const image = await sampleImage();
  await putAll(open(), { "app:1": await sampleImage("linux/arm64") });
  const collector = open();
  // Stands for the process that puts the image: its lease is read when somebody writes into it.
  const layout = await openLayout(collector.path);
  await copyImage(image, blobSink(layout.blobs));
  const lease = join(collector.path, `.bivy-lease-${newOwner()}`);
  assert.equal(spawnSync("mkfifo", [lease]).status, 0);
  const collecting = collector.collect();
  await (await openFile(lease, "w")).close(); // The rehearsal has read it.
  const reading = await openFile(lease, "w");
  await layout.put(image, { name: "docker.io/library/app:2" });
  rmSync(lease);
  await reading.close(); // Given up: nothing stands in it any more.
  assert.deepEqual((await collecting).removed, []);
  await readAll((await collector.get(parseReference("app:2"))) as Image);
});

test("a name that moves while it is opened is opened where it is then", async (context) => {
  const open = openStores(context);
  const [old, latest] = [await sampleImage("linux/amd64"), await sampleImage("linux/arm64")];
  await putAll(open(), { "app:1": old, "app:2": latest });
  const [reader, other] = [open(), open()];
  let opening: Promise<ImageOrIndex> | undefined;
  await withLock(join(reader.path, collectionLockName), async () => {
    opening = reader.get(app);
    // The reader leases the old image, and waits.
    await leases(reader, 1);
    await other.tag(parseReference("app:2"), app);
    rmSync(blobPath(reader, old.digest));
  });
  const found = await opening!;
  assert.equal(found.digest, latest.digest);
  await readAll(found as Image);
});

test("a long collection lets others in between, and takes up what is left", async (context) => {
  const open = openStores(context);
  const store = open();
  for (let number = 0; number < 12; number++)
    await writeLayer([encodeText(`layer ${number}`)], store.blobs, { compression: "none" });
  await putAll(store, { "app:1": await sampleImage() });
  const other = open();
  const late = await sampleImage("linux/arm64");
  const [collected] = await Promise.all([
    collectGarbage(store.path, { limits: defaultLimits, roundMilliseconds: 0 }),
    other.put(late, parseReference("app:2")),
  ]);
  assert.equal(collected.removed.length, 12);
  assert.equal(new Set(collected.removed).size, 12);
  for (const name of ["app:1", "app:2"])
    await readAll((await other.get(parseReference(name))) as Image);
});

test("of an index with some platforms, those stay; others can be added and go with it", async (context) => {
  const open = openStores(context);
  const index = await sampleIndex("linux/amd64", "linux/arm64", "linux/s390x");
  const put = async (platform: string) => {
    const store = open();
    const includes = await childrenOf(index, [parsePlatform(platform)]);
    await store.put(index, app, { includes });
    await store.close();
  };
  await put("linux/amd64");
  const store = open();
  assert.equal((await store.collect()).removed.length, 0);
  const [amd64, arm64] = (await index.manifest()).manifests;
  assert.deepEqual(
    [amd64, arm64].map((child) => existsSync(blobPath(store, child!.digest))),
    [true, false],
  );
  await put("linux/arm64");
  assert.equal((await store.collect()).removed.length, 0);
  const { images, isWhole } = await store.contents((await store.list())[0]!.descriptor);
  assert.deepEqual(
    images.map((image) => [image.platform?.architecture, image.isWhole]),
    [
      ["amd64", true],
      ["arm64", true],
    ],
  );
  assert.equal(isWhole, false);
  await store.remove(app);
  await store.collect();
  assert.deepEqual(blobsOf(store), []);
});

test("referrers stay with their subject, and go with it", async (context) => {
  const open = openStores(context);
  const [image, other] = [await sampleImage("linux/amd64"), await sampleImage("linux/arm64")];
  const signature = await sampleReferrer(image, "signature");
  const ofSignature = await sampleReferrer(signature, "signature of the signature");
  const mine = await sampleReferrer(image, "an artifact that somebody named");
  const list = await sampleReferrersIndex(await sampleReferrer(image, "listed"));
  const hex = image.digest.slice("sha256:".length);
  const store = open();
  // In this order: what refers comes before what it refers to.
  await store.put(ofSignature, parseReference(`app@${ofSignature.digest}`));
  await store.put(signature, parseReference(`app@${signature.digest}`));
  await store.put(await sampleImage("linux/s390x"), parseReference(`app:sha256-${hex}.sig`));
  await store.put(list, parseReference(`app:sha256-${hex}`));
  await putAll(store, { "app:1": image, "app:2": other, "app:mine": mine });
  const second = open();
  assert.equal((await second.collect()).removed.length, 0);
  assert.deepEqual(
    (await second.list()).map(({ subject }) => subject),
    [signature.digest, image.digest, image.digest, image.digest, undefined, undefined, undefined],
  );
  await second.remove(app);
  const { forgotten } = await second.collect();
  assert.deepEqual(forgotten.toSorted(), [
    `docker.io/library/app:sha256-${hex}`,
    `docker.io/library/app:sha256-${hex}.sig`,
    ...[
      `docker.io/library/app@${ofSignature.digest}`,
      `docker.io/library/app@${signature.digest}`,
    ].sort(),
  ]);
  assert.deepEqual(
    (await second.list()).map(({ reference }) => reference.tag),
    ["2", "mine"],
  );
  const left = [...(await digestsOf(other)), ...(await digestsOf(mine))];
  assert.deepEqual(blobsOf(second), left.map((digest) => digest.slice("sha256:".length)).sort());
});

test("a referrer of one platform stays as long as the index, also where that platform is absent", async (context) => {
  const open = openStores(context);
  const index = await sampleIndex("linux/amd64", "linux/arm64");
  const arm64 = (await (await index.children())[1]!.open()) as Image;
  const store = open();
  await store.put(index, app, { includes: await childrenOf(index, [parsePlatform("amd64")]) });
  const signature = await sampleReferrer(arm64, "signature");
  await putAll(store, { [`app@${signature.digest}`]: signature });
  const second = open();
  assert.deepEqual((await second.collect()).forgotten, []);
  await second.remove(app);
  assert.equal((await second.collect()).forgotten.length, 1);
  assert.deepEqual(blobsOf(second), []);
});

test("what a damaged manifest mentions is kept, and the damage is reported", async (context) => {
  const open = openStores(context);
  const index = await sampleIndex("linux/amd64");
  await putAll(open(), { "app:1": index });
  const store = open();
  const before = blobsOf(store);
  const child = (await index.manifest()).manifests[0]!;
  for (const digest of [index.digest, child.digest]) {
    const path = blobPath(store, digest);
    const bytes = readFileSync(path);
    // Cut off behind the last digest, the JSON does not parse.
    truncateSync(path, bytes.lastIndexOf("sha256:") + 71);
    const events: BivyEvent[] = [];
    const { removed } = await store.collect({ events: (event) => events.push(event) });
    assert.deepEqual(removed, []);
    assert.deepEqual(
      events.map((event) => event.type === "warning" && event.text),
      [`${digest}: the manifest is damaged; what can be read of it is kept`],
    );
    writeFileSync(path, bytes);
  }
  assert.deepEqual(blobsOf(store), before);
});

test("without a list of names that can be read, nothing is removed", async (context) => {
  const open = openStores(context);
  await putAll(open(), { "app:1": await sampleImage() });
  const store = open();
  const before = blobsOf(store);
  const path = join(store.path, "index.json");
  const whole = readFileSync(path);
  for (const [wrong, message] of [
    [whole.subarray(0, -20), /index\.json: expected a JSON document/],
    [encodeText("[]"), /index\.json: expected an object/],
    [encodeText('{"schemaVersion":2}'), /index\.json: expected a manifest .* found neither/],
    [encodeText(""), /index\.json: expected a JSON document/],
    [undefined, /index\.json: expected the list of images, found no file/],
  ] as const) {
    if (wrong === undefined) rmSync(path);
    else writeFileSync(path, wrong);
    await fails(() => store.collect(), "image-invalid", message);
    await fails(() => store.list(), "image-invalid", message);
    await fails(() => store.get(app), "image-invalid", message);
    await fails(async () => store.put(await sampleImage(), app), "image-invalid", message);
    assert.deepEqual(blobsOf(store), before);
  }
  writeFileSync(path, whole);
  await readAll((await store.get(app)) as Image);
});

test("what killed processes left behind goes, what is no blob of bivy's stays", async (context) => {
  const open = openStores(context);
  await putAll(open(), { "app:1": await sampleImage() });
  const store = open();
  const dead = newOwner().replace(/-\d+-([0-9a-f]{12})$/, "-1-$1");
  const layer = await writeLayer([encodeText("left")], store.blobs);
  await store.close();
  writeFileSync(join(store.path, `.bivy-unfinished-${dead}`), "half");
  writeFileSync(join(store.path, `.bivy-lease-${dead}`), `blob ${layer.digest}\n`);
  for (const name of [".bivy.lock", `.bivy.lock.break-${dead.slice(-12)}`, collectionLockName])
    symlinkSync(dead, join(store.path, name));
  const directory = join(store.path, "blobs", "sha256");
  writeFileSync(join(directory, "notes.txt"), "x");
  mkdirSync(join(store.path, "blobs", "sha512"));
  const { size } = statSync(blobPath(store, layer.digest));
  const expected = { removed: [layer.digest], bytes: size + 4, kept: 4, forgotten: [] };
  const files = hashFolder(store.path);
  assert.deepEqual(await store.collect({ dryRun: true }), expected);
  assert.deepEqual(hashFolder(store.path), files);
  assert.deepEqual(await store.collect(), expected);
  assert.deepEqual(readdirSync(store.path).sort(), ["blobs", "index.json", "oci-layout"]);
  assert.ok(existsSync(join(directory, "notes.txt")));
});

test("a lease of a process that cannot be judged counts", async (context) => {
  const open = openStores(context);
  const store = open();
  const layer = await writeLayer([encodeText("left")], store.blobs);
  await putAll(store, { "app:1": await sampleImage() });
  const elsewhere = newOwner().replace(/^.{8}/, "00000000");
  const path = join(store.path, `.bivy-lease-${elsewhere}`);
  writeFileSync(path, `blob ${layer.digest}\n`);
  const second = open();
  assert.equal((await second.collect()).removed.length, 0);
  rmSync(path);
  assert.deepEqual((await second.collect()).removed, [layer.digest]);
});

test("the same config under two manifests is kept for the one that stays", async (context) => {
  const open = openStores(context);
  const layers = [await sampleLayer("base", "gzip"), await sampleLayer("base", "zstd")] as const;
  const rawConfig = encodeText(
    `{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["${layers[0].diffId}"]}}`,
  );
  const [gzip, zstd] = layers.map((layer) => imageFromRawConfig(rawConfig, [layer]));
  await putAll(open(), { "app:1": gzip!, "app:2": zstd! });
  const store = open();
  await store.remove(app);
  assert.deepEqual(
    (await store.collect()).removed.toSorted(),
    [gzip!.digest, layers[0].digest].sort(),
  );
  await readAll((await store.get(parseReference("app:2"))) as Image);
});
