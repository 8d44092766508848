/** Image archives, written and read back, and those that docker wrote. */
import assert from "node:assert/strict";
import {
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { tarEntries, tarHeader, writeTar, type TarItem } from "../../archive/index.ts";
import { bytesContent, encodeText } from "../../base/index.ts";
import { openArchive } from "./archive-read.ts";
import { dockerArchive, ociArchive, writeArchiveFile } from "./archive-write.ts";
import { imageFromRawConfig, makeImage } from "../assemble.ts";
import { encodeConfig } from "../config.ts";
import { type Image, type ImageOrIndex } from "../image.ts";
import { createLayout } from "../layout/layout.ts";
import { appendLayers } from "../mutate.ts";
import { parsePlatform } from "../platform.ts";
import { parseReference } from "../reference.ts";
import {
  collect,
  fails,
  sampleImage,
  sampleIndex,
  sampleLayer,
  sampleTar,
  sha256,
  skipUnless,
  temporaryFolder,
} from "../sample-images.test.ts";
import { selectPlatform } from "../select.ts";

const references = [
  parseReference("app:1"),
  parseReference("ghcr.io/a/app:2"),
  parseReference("app"),
];

async function diffIds(from: ImageOrIndex): Promise<readonly string[]> {
  const image = await selectPlatform(from);
  for (const layer of await image.layers()) await collect(layer.uncompressed());
  return (await image.config()).rootfs.diff_ids;
}

async function save(path: string, ...items: readonly (readonly [string, string | Uint8Array])[]) {
  const entries = items.map(([name, text]): TarItem => {
    const bytes = typeof text === "string" ? encodeText(text) : text;
    const header = tarHeader({ path: name, type: "file", size: bytes.byteLength });
    return { header, content: bytesContent(bytes) };
  });
  await writeArchiveFile(path, writeTar(entries));
}

test("an oci-archive holds the image byte for byte, and is the same each time", async (context) => {
  const folder = temporaryFolder(context);
  const path = join(folder, "image.tar");
  const index = await sampleIndex("linux/amd64", "linux/arm64");
  await writeArchiveFile(path, ociArchive(index, { name: "app:1", annotations: { x: "y" } }));
  const archive = await openArchive(path);
  assert.deepEqual([archive.kind, archive.names], ["oci-archive", ["app:1"]]);
  const read = await archive.open("app:1");
  assert.equal(read.digest, index.digest);
  assert.equal((await archive.open("docker.io/library/app:1")).digest, index.digest);
  assert.equal((await archive.open(index.digest)).digest, index.digest);
  const layout = await createLayout(join(folder, "layout"));
  await layout.put(read, { name: "x" });
  const again = await collect(
    ociArchive(await layout.open("x"), { name: "app:1", annotations: { x: "y" } }),
  );
  assert.equal(sha256(again), sha256(readFileSync(path)));
  const headers = [...tarEntries(again, { subject: "test" })].map((entry) => entry.header);
  assert.deepEqual(
    headers.map((header) => header.path),
    headers.map((header) => header.path).sort(),
  );
  for (const { mtime, uid, gid, type, mode } of headers)
    assert.deepEqual([mtime, uid, gid, mode], [0, 0, 0, type === "file" ? 0o644 : 0o755]);
});

test("a docker-archive holds one image with plain layers and the same config", async (context) => {
  const path = join(temporaryFolder(context), "image.tar");
  const layer = await sampleLayer("twice", "zstd");
  const image = await appendLayers(await sampleImage("linux/amd64"), [layer, layer]);
  await writeArchiveFile(path, dockerArchive(image, { references }));
  const files = new Map(
    [...tarEntries(readFileSync(path), { subject: "test" })].map((entry) => [
      entry.header.path,
      entry.content,
    ]),
  );
  const manifest = JSON.parse(Buffer.from(files.get("manifest.json")!).toString());
  assert.deepEqual(manifest[0].RepoTags, [
    "docker.io/library/app:1",
    "ghcr.io/a/app:2",
    "docker.io/library/app:latest",
  ]);
  assert.equal(manifest[0].Config, `${sha256(await image.rawConfig())}.json`);
  assert.equal(manifest[0].Layers.length, 4);
  for (const name of manifest[0].Layers) assert.equal(name, `${sha256(files.get(name)!)}.tar`);
  const top = layer.diffId.slice(7);
  assert.equal(
    Buffer.from(files.get("repositories")!).toString(),
    `{"docker.io/library/app":{"1":"${top}","latest":"${top}"},"ghcr.io/a/app":{"2":"${top}"}}`,
  );
  assert.equal(files.size, 6);

  const archive = await openArchive(path);
  assert.deepEqual([archive.kind, archive.names], ["docker-archive", manifest[0].RepoTags]);
  const read = (await archive.open("docker.io/library/app:1")) as Image;
  assert.deepEqual(Buffer.from(await read.rawConfig()), Buffer.from(await image.rawConfig()));
  assert.deepEqual(await diffIds(read), await diffIds(image));
  assert.equal((await archive.open()).digest, read.digest);
  assert.equal((await archive.open((await read.manifest()).config.digest)).digest, read.digest);
  await fails(() => archive.open("app:3"), "image-not-found", /no image named "app:3"/);
  assert.equal(
    sha256(await collect(dockerArchive(read, { references }))),
    sha256(readFileSync(path)),
  );
});

test("of an index, a docker-archive takes the platform asked for", async (context) => {
  const path = join(temporaryFolder(context), "image.tar");
  const index = await sampleIndex("linux/s390x", "linux/arm/v6");
  await writeArchiveFile(path, dockerArchive(index, { platform: parsePlatform("linux/arm/v7") }));
  const read = (await (await openArchive(path)).open()) as Image;
  assert.equal((await read.config()).variant, "v6");
  const wrong = () =>
    writeArchiveFile(path, dockerArchive(index, { platform: parsePlatform("386") }));
  await fails(wrong, "platform-not-found", /expected an image for linux\/386, found linux\/s390x/);
  assert.deepEqual(readdirSync(join(path, "..")), ["image.tar"]);
});

test("compressed archives are read as well", async (context) => {
  const folder = temporaryFolder(context);
  // Beyond what is kept in memory, so that it is streamed again.
  const big = new Uint8Array(1_500_000).map((_, index) => (index * 2654435761) >>> 24);
  const image = appendLayers(await sampleImage("linux/amd64"), [
    await sampleLayer("big", "none", big),
  ]);
  for (const write of [ociArchive, dockerArchive]) {
    const plain = await collect(write(await image));
    const expected = await diffIds(await image);
    for (const [name, bytes] of [
      ["a.gz", gzipSync(plain)],
      ["a.zst", zstdCompressSync(plain)],
    ] as const) {
      writeFileSync(join(folder, name), bytes);
      assert.deepEqual(
        await diffIds(await (await openArchive(join(folder, name))).open()),
        expected,
      );
    }
  }
});

test("layers of a docker-archive may be links, compressed, or named by blob", async (context) => {
  const folder = temporaryFolder(context);
  const image = await sampleImage("linux/amd64");
  const rawConfig = await image.rawConfig();
  const [base, top] = await image.layers();
  const baseTar = await collect(base!.uncompressed());
  const topGzip = await collect(top!.compressed());
  const file = (path: string, bytes: Uint8Array): TarItem => ({
    header: tarHeader({ path, type: "file", size: bytes.byteLength }),
    content: bytesContent(bytes),
  });
  const manifest = [
    {
      Config: `blobs/sha256/${sha256(rawConfig)}`,
      RepoTags: null,
      Layers: ["a/layer.tar", "./b/layer.tar".slice(2)],
    },
  ];
  await writeArchiveFile(
    join(folder, "a.tar"),
    writeTar([
      { header: tarHeader({ path: "a/layer.tar", type: "symlink", linkPath: "../c/layer.tar" }) },
      file("./c/layer.tar", baseTar),
      file("d.tar.gz", topGzip),
      { header: tarHeader({ path: "b/layer.tar", type: "hardlink", linkPath: "./d.tar.gz" }) },
      file(`blobs/sha256/${sha256(rawConfig)}`, rawConfig),
      file("manifest.json", encodeText(JSON.stringify(manifest))),
    ]),
  );
  const read = (await (await openArchive(join(folder, "a.tar"))).open()) as Image;
  assert.deepEqual(await diffIds(read), await diffIds(image));
  const layers = await read.layers();
  assert.deepEqual([layers[0]!.digest, layers[1]!.digest], [base!.diffId, top!.digest]);
});

test("an archive that is both is read as a layout", async (context) => {
  const path = join(temporaryFolder(context), "both.tar");
  const image = await sampleImage("linux/amd64");
  const entries = [
    ...tarEntries(await collect(ociArchive(image, { name: "1" })), { subject: "test" }),
  ];
  await save(
    path,
    ...entries
      .filter((entry) => entry.header.type === "file")
      .map((entry) => [entry.header.path, entry.content] as const),
    ["manifest.json", '[{"Config":"none","RepoTags":["app:1"],"Layers":[]}]'],
  );
  const archive = await openArchive(path);
  assert.equal(archive.kind, "oci-archive");
  assert.equal((await archive.open()).digest, image.digest);
});

test("archives that docker wrote are read", async (context) => {
  const folder = new URL("../../../../shared/fixtures/images/", import.meta.url);
  const reason = skipUnless(existsSync(folder), "shared/fixtures/images");
  if (reason !== false) return context.skip(reason);
  for (const [release, imageId] of [
    ["3.10", "af341ccd2df8b0e2d67cf8dd32e087bfda4e5756ebd1c76bbf3efa0dc246590e"],
    ["3.11", "a187dde48cd289ac374ad8539930628314bc581a481cdb41409c9289419ddb72"],
  ] as const) {
    const archive = await openArchive(
      new URL(`alpine-${release.replace(".", "")}.tar.gz`, folder).pathname,
    );
    const image = (await archive.open(`alpine:${release}`)) as Image;
    assert.equal(sha256(await image.rawConfig()), imageId);
    const config = await image.config();
    assert.deepEqual(config.config?.Cmd, ["/bin/sh"]);
    assert.deepEqual(await diffIds(image), config.rootfs.diff_ids);
    const path = join(temporaryFolder(context), "copy.tar");
    await writeArchiveFile(path, dockerArchive(image));
    const copy = (await (await openArchive(path)).open()) as Image;
    assert.equal(copy.digest, image.digest);
    assert.equal(sha256(await copy.rawConfig()), imageId);
  }
});

test("archives that are damaged or hostile are refused", async (context) => {
  const folder = temporaryFolder(context);
  const path = join(folder, "a.tar");
  const image = await sampleImage("linux/amd64", "none");
  const rawConfig = await image.rawConfig();
  const config = `${sha256(rawConfig)}.json`;
  const manifest = (layers: readonly string[], name = config) =>
    JSON.stringify([{ Config: name, RepoTags: ["app:1"], Layers: layers }]);
  const [base, top] = await Promise.all(
    (await image.layers()).map((layer) => collect(layer.compressed())),
  );
  const open = async () => diffIds(await (await openArchive(path)).open());

  await save(path, ["etc/passwd", "x"]);
  await fails(open, "image-invalid", /expected an image archive/);
  await save(path, ["manifest.json", manifest([])]);
  await fails(open, "image-invalid", /json is missing/);
  await save(path, ["manifest.json", manifest(["a"])], [config, rawConfig], ["a", base!]);
  await fails(open, "image-invalid", /expected 2 layers, as the config has diff ids, found 1/);
  await save(path, ["manifest.json", manifest(["a", "b"])], [config, rawConfig], ["a", base!]);
  await fails(open, "image-invalid", /b is missing/);
  await save(
    path,
    ["manifest.json", manifest(["a", "b"])],
    [config, rawConfig],
    ["a", top!],
    ["b", base!],
  );
  await fails(open, "digest-mismatch", /expected sha256:/);
  await save(
    path,
    ["manifest.json", manifest(["a"])],
    [config, `${Buffer.from(rawConfig)} `],
    ["a", base!],
  );
  await fails(open, "digest-mismatch", /expected sha256:.*, found sha256:/);
  await save(path, ["manifest.json", manifest([])], ["manifest.json", manifest([])]);
  await fails(open, "image-invalid", /expected one manifest\.json, found two/);
  await save(path, ["manifest.json", "[1]"]);
  await fails(open, "image-invalid", /manifest\.json\[0\]: expected an object/);
  await save(path, ["manifest.json", "[]"]);
  await fails(open, "image-not-found", /expected one image, found 0/);
  await save(path, ["../manifest.json", "[]"]);
  await fails(open, "path-unsafe", /climbs out/);
  await writeArchiveFile(
    path,
    writeTar([
      { header: tarHeader({ path: "manifest.json", type: "symlink", linkPath: "manifest.json" }) },
    ]),
  );
  await fails(open, "image-invalid", /expected an image archive/);
  const whole = await collect(ociArchive(image));
  writeFileSync(path, whole.subarray(0, whole.byteLength >> 1));
  await fails(open, "tar-truncated", /ends at byte/);
  writeFileSync(path, "no archive at all".repeat(100));
  await fails(open, "tar-invalid", /not a tar archive/);
  writeFileSync(path, gzipSync(whole).subarray(0, -20));
  await fails(open, "gzip-truncated", /./);
  await fails(() => openArchive(folder), "io-failed", /no regular file/);
  await fails(() => openArchive(join(folder, "none")), "file-not-found", /none/);
});

test("unknown fields of a config survive every archive", async (context) => {
  const path = join(temporaryFolder(context), "a.tar");
  const layer = await sampleLayer("a");
  const plain = await makeImage({ platform: parsePlatform("amd64"), layers: [layer] }).config();
  const odd = encodeConfig(Object.assign({}, plain, { odd: { deep: [null, 1.5, "x"] } }));
  const image = imageFromRawConfig(Buffer.from(`${Buffer.from(odd)}\n `), [layer]);
  for (const write of [ociArchive, dockerArchive]) {
    await writeArchiveFile(path, write(image));
    const read = (await (await openArchive(path)).open()) as Image;
    assert.equal(sha256(await read.rawConfig()), sha256(await image.rawConfig()));
  }
});

test("an archive replaces a file in one step, and its target through a link", async (context) => {
  const folder = temporaryFolder(context);
  const path = join(folder, "a.tar");
  writeFileSync(path, "before", { mode: 0o600 });
  symlinkSync("a.tar", join(folder, "link"));
  const broken = async function* () {
    yield* sampleTar({ a: "b" });
    throw new Error("broken");
  };
  await assert.rejects(writeArchiveFile(path, broken()), /broken/);
  assert.equal(readFileSync(path, "utf8"), "before");
  await writeArchiveFile(join(folder, "link"), sampleTar({ a: "b" }));
  assert.equal(sha256(readFileSync(path)), sha256(await collect(sampleTar({ a: "b" }))));
  assert.equal(statSync(path).mode & 0o777, 0o644);
  assert.deepEqual(readdirSync(folder).sort(), ["a.tar", "link"]);
  await writeArchiveFile("/dev/null", sampleTar({ a: "b" }));
  assert.equal(statSync("/dev/null").isCharacterDevice(), true);
  await fails(() => writeArchiveFile(folder, sampleTar({})), "io-failed", /folder/);
  await fails(
    () => writeArchiveFile(join(folder, "none", "a.tar"), sampleTar({})),
    "file-not-found",
    /none/,
  );
});
