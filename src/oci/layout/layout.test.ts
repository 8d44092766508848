import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { encodeText } from "../../base/index.ts";
import { makeIndex } from "../assemble.ts";
import { blobSink, copyImage } from "../copy.ts";
import { type ImageOrIndex } from "../image.ts";
import { createLayout, openLayout } from "./layout.ts";
import { writeLayer } from "../layer-write.ts";
import { parsePlatform } from "../platform.ts";
import {
  collect,
  fails,
  hashFolder,
  sampleImage,
  sampleIndex,
  sampleTar,
  sha256,
  temporaryFolder,
} from "../sample-images.test.ts";
import { selectPlatform } from "../select.ts";

function blobPath(folder: string, digest: string): string {
  return join(folder, "blobs", "sha256", digest.slice("sha256:".length));
}

/** Reads everything of an image, so that everything is verified. */
async function readAll(from: ImageOrIndex): Promise<void> {
  const image = await selectPlatform(from, parsePlatform("amd64"));
  for (const layer of await image.layers()) await collect(layer.uncompressed());
}

test("an image survives a layout byte for byte, and the layout is the same each time", async (context) => {
  const folder = temporaryFolder(context);
  const index = await sampleIndex("linux/amd64", "linux/arm64");
  const layout = await createLayout(join(folder, "a"));
  await layout.put(index, { name: "1" });
  const read = await (await openLayout(join(folder, "a"))).open("1");
  assert.deepEqual(
    [read.digest, Buffer.from(await read.rawManifest())],
    [index.digest, Buffer.from(await index.rawManifest())],
  );
  await readAll(read);
  const before = process.umask(0o077);
  try {
    await (await createLayout(join(folder, "b"))).put(read, { name: "1" });
  } finally {
    process.umask(before);
  }
  const files = hashFolder(join(folder, "a"));
  assert.deepEqual(hashFolder(join(folder, "b")), files);
  for (const [path, hash] of Object.entries(files)) {
    if (path.startsWith("blobs/")) assert.equal(path, `blobs/sha256/${hash}`);
    assert.equal(statSync(join(folder, "b", path)).mode & 0o777, 0o644);
  }
  assert.equal(
    readFileSync(join(folder, "a", "oci-layout"), "utf8"),
    '{"imageLayoutVersion":"1.0.0"}',
  );
});

test("a name moves to the new image, and others stay", async (context) => {
  const folder = temporaryFolder(context);
  const layout = await createLayout(folder);
  const [one, two] = [await sampleImage("linux/amd64"), await sampleImage("linux/arm64")];
  await layout.put(one, { name: "a" });
  await layout.put(one, { name: "b" });
  await layout.put(two, { name: "a", annotations: { x: "y" } });
  await layout.put(two);
  await layout.put(two);
  assert.deepEqual(
    (await layout.entries()).map(({ name, descriptor }) => [name, descriptor.digest]),
    [
      ["a", two.digest],
      ["b", one.digest],
      [undefined, two.digest],
    ],
  );
  assert.deepEqual((await layout.entries())[0]!.descriptor.platform, {
    architecture: "arm64",
    os: "linux",
  });
  assert.equal((await layout.open("b")).digest, one.digest);
  assert.equal((await layout.open(one.digest)).digest, one.digest);
  await fails(() => layout.open("c"), "image-not-found", /no image named "c"/);
  await fails(() => layout.open(), "image-not-found", /expected one image, found 2/);
  assert.equal(await layout.remove("a"), true);
  assert.equal(await layout.remove("a"), false);
  assert.deepEqual(readdirSync(folder).sort(), ["blobs", "index.json", "oci-layout"]);
});

test("what others wrote into index.json is kept", async (context) => {
  const folder = temporaryFolder(context);
  const layout = await createLayout(folder);
  const image = await sampleImage();
  await layout.put(image, { name: "a" });
  const path = join(folder, "index.json");
  const index = JSON.parse(readFileSync(path, "utf8"));
  index.annotations = { made: "elsewhere" };
  index.odd = [1];
  index.manifests[0].annotations["io.containerd.image.name"] = "docker.io/library/app:9";
  writeFileSync(path, JSON.stringify(index));
  await layout.put(image, { name: "b" });
  const after = JSON.parse(readFileSync(path, "utf8"));
  assert.deepEqual([after.annotations, after.odd], [index.annotations, [1]]);
  assert.deepEqual(after.manifests[0], index.manifests[0]);
  assert.equal((await layout.open("app:9")).digest, image.digest);
});

test("tags that could be taken for paths are refused", async (context) => {
  const folder = temporaryFolder(context);
  const layout = await createLayout(join(folder, "layout"));
  const image = await sampleImage();
  for (const name of ["../x", "a/../b", "..", "/etc", "", "a b", "a\0b", "a\nb", "a//b", "./a"])
    await fails(() => layout.put(image, { name }), "reference-invalid", /expected a tag/);
  assert.deepEqual(readdirSync(folder), ["layout"]);
  for (const name of ["3.20", "_x", "docker.io/library/alpine:3.20", "v1.0--rc1", "a__b/c:1"])
    await layout.put(image, { name });
});

test("a blob that is damaged, missing or of another size is found", async (context) => {
  const folder = temporaryFolder(context);
  const layout = await createLayout(folder);
  const image = await sampleImage();
  await layout.put(image, { name: "a" });
  const { config, layers } = await image.manifest();
  for (const { digest } of [{ digest: image.digest }, config, ...layers]) {
    const path = blobPath(folder, digest);
    const bytes = readFileSync(path);
    const flipped = Buffer.from(bytes);
    flipped[bytes.length >> 1]! ^= 1;
    for (const [wrong, message] of [
      [flipped, /blob sha256:.*: expected sha256:.*, found sha256:/],
      [bytes.subarray(0, -1), /expected \d+ bytes, found \d+/],
      [Buffer.concat([bytes, bytes]), /found more/],
    ] as const) {
      writeFileSync(path, wrong);
      await fails(
        async () => readAll(await (await openLayout(folder)).open("a")),
        "digest-mismatch",
        message,
      );
    }
    rmSync(path);
    await fails(
      async () => readAll(await (await openLayout(folder)).open("a")),
      "image-invalid",
      /is missing/,
    );
    // Putting the image again repairs the layout: what stands there is not trusted.
    writeFileSync(path, flipped);
    await (await createLayout(folder)).put(image, { name: "a" });
    assert.equal(sha256(readFileSync(path)), digest.slice("sha256:".length));
  }
  await readAll(await (await openLayout(folder)).open("a"));
});

test("an image that is not whole is not listed, and nothing unfinished stays", async (context) => {
  const folder = temporaryFolder(context);
  const source = await createLayout(join(folder, "source"));
  const index = await sampleIndex("linux/amd64", "linux/arm64");
  await source.put(index, { name: "a" });
  rmSync(blobPath(source.path, (await index.manifest()).manifests[1]!.digest));
  const target = await createLayout(join(folder, "target"));
  await fails(
    async () => target.put(await source.open("a"), { name: "a" }),
    "image-invalid",
    /missing/,
  );
  assert.deepEqual(await target.entries(), []);
  assert.deepEqual(readdirSync(target.path).sort(), ["blobs", "index.json", "oci-layout"]);
  // The platform that is there can be had all the same.
  await target.put(await selectPlatform(await source.open("a"), parsePlatform("amd64")), {
    name: "a",
  });
});

test("a cycle of indexes cannot be followed", async (context) => {
  const folder = temporaryFolder(context);
  const layout = await createLayout(folder);
  const index = await makeIndex([{ image: await sampleIndex("linux/amd64") }]);
  await layout.put(index, { name: "a" });
  const child = (await index.manifest()).manifests[0]!;
  writeFileSync(blobPath(folder, child.digest), Buffer.from(await index.rawManifest()));
  const read = await (await openLayout(folder)).open("a");
  for (const follow of [() => selectPlatform(read), () => copyImage(read, blobSink(layout.blobs))])
    await fails(follow, "digest-mismatch", /blob sha256:/);
});

test(
  "a pipe in place of a file is refused, not waited for",
  { timeout: 20_000 },
  async (context) => {
    const folder = temporaryFolder(context);
    const layout = await createLayout(folder);
    const image = await sampleImage();
    await layout.put(image);
    const replaceByPipe = (path: string) => {
      rmSync(path);
      assert.equal(spawnSync("mkfifo", [path]).status, 0);
    };
    const [layer] = (await image.manifest()).layers;
    replaceByPipe(blobPath(folder, layer!.digest));
    const opened = await (await openLayout(folder)).open();
    await fails(() => readAll(opened), "image-invalid", /no regular file/);
    replaceByPipe(join(folder, "index.json"));
    await fails(async () => (await openLayout(folder)).open(), "image-invalid", /no regular one/);
  },
);

test("a folder of other things is left alone", async (context) => {
  const folder = temporaryFolder(context);
  writeFileSync(join(folder, "notes.txt"), "x");
  await fails(() => createLayout(folder), "file-exists", /found notes\.txt/);
  assert.deepEqual(readdirSync(folder), ["notes.txt"]);
  await fails(() => openLayout(folder), "image-invalid", /found another folder/);
  await fails(() => openLayout(join(folder, "none")), "file-not-found", /found nothing/);
  await fails(() => openLayout(join(folder, "notes.txt")), "image-invalid", /found a file/);
  const old = join(folder, "old");
  mkdirSync(old);
  writeFileSync(join(old, "oci-layout"), '{"imageLayoutVersion":"2.0.0"}');
  await fails(
    () => openLayout(old),
    "image-invalid",
    /expected imageLayoutVersion 1\.0\.0, found "2/,
  );
  writeFileSync(join(old, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(old, "index.json"), "x".repeat(9 * 1024 * 1024));
  await fails(async () => (await openLayout(old)).open(), "limit-exceeded", /document-size/);
});

test("what a killed process left unfinished is removed, what a running one writes is not", async (context) => {
  const folder = temporaryFolder(context);
  const layout = await createLayout(folder);
  const running = await layout.blobs.begin();
  const unfinished = readdirSync(folder).find((name) => name.startsWith(".bivy-unfinished-"));
  const dead = unfinished!.replace(/-\d+-([0-9a-f]{12})$/, "-1-$1");
  writeFileSync(join(folder, dead), "half");
  await writeLayer(sampleTar({ a: "b" }), (await openLayout(folder)).blobs);
  assert.equal(existsSync(join(folder, dead)), false);
  assert.equal(existsSync(join(folder, unfinished!)), true);
  await running.write(encodeText("x"));
  await running.abort();
  assert.equal(existsSync(join(folder, unfinished!)), false);
});

test("a process that ends while it writes leaves nothing behind", async (context) => {
  const folder = temporaryFolder(context);
  const script = `
    import { createLayout } from ${JSON.stringify(new URL("../index.ts", import.meta.url).href)};
    const { blobs } = await createLayout(${JSON.stringify(folder)});
    const writers = [await blobs.begin(), await blobs.begin()];
    await writers[0].write(Buffer.alloc(1024 * 1024));
    process.exit(3);`;
  const ended = spawnSync(process.execPath, ["--input-type=module", "-e", script]);
  assert.equal(ended.status, 3);
  assert.deepEqual(readdirSync(folder).sort(), ["blobs", "index.json", "oci-layout"]);
});

test("a place that is none is an error that names it", async (context) => {
  const folder = temporaryFolder(context);
  writeFileSync(join(folder, "file"), "");
  await fails(
    () => createLayout(join(folder, "file", "layout")),
    "file-not-found",
    /file\/layout: making a folder failed/,
  );
});
