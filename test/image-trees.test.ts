/** Trees of images against what umoci unpacks: the same files, path by path, and the same again once flattened. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { gunzipSync, zstdCompressSync } from "node:zlib";
import { tarHeader, writeTar } from "../src/archive/index.ts";
import {
  defaultLimits,
  digestOf,
  encodeText,
  isBivyError,
  type Digest,
} from "../src/base/index.ts";
import {
  createLayout,
  flattenImage,
  imageOf,
  mediaTypes,
  readImageTree,
  writeLayer,
  type BlobSource,
  type Image,
} from "../src/oci/index.ts";
import { findNode, readDirectoryTree } from "../src/tree/index.ts";
import { run } from "./alpine-root.ts";
import { randomLayers } from "./layer-stacks.ts";
import { fixtures, needs, type Requirements } from "./requirements.ts";
import {
  makeSampleImage,
  openSampleImage,
  sampleKinds,
  sampleNeeds,
  writeSampleImage,
} from "./sample-images.ts";
import { sampleItem } from "./sample-layers.ts";
import { listLayeredTree, listUnpackedFolder, type TreeListing } from "./tree-listing.ts";

function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "bivy-trees-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const witness = (more: Requirements = {}) =>
  needs({ ...more, root: true, tools: ["umoci", "skopeo", "tar", ...(more.tools ?? [])] });

/** What umoci makes of an image, or undefined where it refuses it. */
async function unpack(name: string, folder: string): Promise<string | undefined> {
  mkdirSync(folder);
  const { layers } = await (await openSampleImage(name)).manifest();
  const isForUmoci =
    name.startsWith("oci:") && layers.every(({ mediaType }) => mediaType.endsWith("+gzip"));
  const layout = isForUmoci ? name : `oci:${folder}/gzip:image`;
  if (!isForUmoci) run("skopeo", ["copy", "-q", ...compressed, name, layout]);
  const words = ["unpack", "--image", layout.slice("oci:".length), join(folder, "bundle")];
  return spawnSync("umoci", words).status === 0 ? join(folder, "bundle", "rootfs") : undefined;
}

const compressed = ["--dest-compress", "--dest-compress-format", "gzip"];

async function compare(name: string, folder: string): Promise<void> {
  const image = await openSampleImage(name);
  const tree = await readImageTree(image, { checksums: ["sha256"] });
  const rootfs = await unpack(name, join(folder, "witness"));
  assert.ok(rootfs !== undefined, `umoci refuses ${name}`);
  const expected = await listUnpackedFolder(rootfs);
  assert.deepEqual(await listLayeredTree(tree), expected);
  // The same folder, as bivy reads folders: all but the extended attributes.
  const onDisk = await listLayeredTree(await readDirectoryTree(rootfs));
  assert.deepEqual(onDisk, withoutXattrs(expected));
  const flat = await openSampleImage(await flatten(image, folder));
  assert.equal((await flat.layers()).length, 1);
  assert.deepEqual(await listLayeredTree(await readImageTree(flat)), expected);
  const unpacked = await unpack(`oci:${folder}/flat:sample`, join(folder, "flat-witness"));
  assert.ok(unpacked !== undefined, `umoci refuses ${name} once it is flattened`);
  assert.deepEqual(await listUnpackedFolder(unpacked), expected);
}

async function flatten(image: Image, folder: string): Promise<string> {
  const layout = await createLayout(join(folder, "flat"));
  await layout.put(await flattenImage(image, layout.blobs), { name: "sample" });
  return `oci:${layout.path}:sample`;
}

function withoutXattrs(listing: TreeListing): TreeListing {
  return Object.fromEntries(
    Object.entries(listing).map(([path, line]) => [
      path,
      line.replace(/ (?:security|trusted|user)\.[\w.]+=[0-9a-f]*/g, ""),
    ]),
  );
}

for (const kind of sampleKinds)
  test(`the tree of ${kind} is what umoci unpacks`, witness(sampleNeeds(kind)), async (context) => {
    const folder = temporaryFolder(context);
    await compare(await makeSampleImage(kind, join(folder, "sample")), folder);
  });

for (const file of ["alpine-310.tar.gz", "alpine-311.tar.gz"])
  test(
    `the tree of ${file} is what umoci unpacks`,
    witness({ fixtures: true }),
    async (context) => {
      const folder = temporaryFolder(context);
      // skopeo does not read it packed.
      const archive = join(folder, "archive.tar");
      writeFileSync(archive, gunzipSync(readFileSync(join(fixtures, "images", file))));
      await compare(`docker-archive:${archive}`, folder);
    },
  );

test("stacks of layers that know nothing of each other", witness(), async (context) => {
  const folder = temporaryFolder(context);
  let refused = 0;
  for (let seed = 1; seed <= 25; seed++) {
    const place = join(folder, String(seed));
    mkdirSync(place);
    const name = await writeSampleImage(place, (store) =>
      Promise.all(
        randomLayers(seed).map((each) => writeLayer(writeTar(each.map(sampleItem)), store)),
      ),
    );
    const rootfs = await unpack(name, join(place, "witness"));
    const image = await openSampleImage(name);
    if (rootfs === undefined) {
      refused += 1;
      const isRefused = (error: unknown) => isBivyError(error, "image-invalid");
      await assert.rejects(readImageTree(image), isRefused, `seed ${seed}`);
    } else {
      const found = await listLayeredTree(await readImageTree(image));
      assert.deepEqual(found, await listUnpackedFolder(rootfs), `seed ${seed}`);
    }
  }
  assert.ok(refused < 15, `${refused} were refused, which leaves too few`);
});

/** Five gigabytes and a little, in whole pieces. */
const pieces = 75;
const pieceSize = 64 * 2 ** 20;
const large = pieces * pieceSize;

/** The diff id of the layer below, whose bytes never change. */
const fiveGigabytes: Digest =
  "sha256:59b277b76702b2b8cd7d45830c980213821c8e09d91454728ee61847b572055f";

test("a file of five gigabytes streams by", async () => {
  const zeros = Buffer.alloc(pieceSize);
  const content = {
    size: large,
    chunks: () => Array.from({ length: pieces }, () => zeros),
  };
  const items = [
    { header: tarHeader({ path: "large", type: "file", size: large }), content },
    { header: tarHeader({ path: "after", type: "directory" }) },
  ];
  // The tar in frames of zstd, of which the one for the zeros is made once.
  const frame = zstdCompressSync(zeros);
  const frames: Buffer[] = [];
  for await (const chunk of writeTar(items))
    frames.push(chunk === zeros ? frame : zstdCompressSync(chunk));
  const rootfs = { type: "layers", diff_ids: [fiveGigabytes] };
  const config = encodeText(JSON.stringify({ os: "linux", architecture: "amd64", rootfs }));
  const blobs = new Map<string, Uint8Array>();
  const put = (mediaType: string, bytes: Uint8Array) => {
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.byteLength };
  };
  const manifest = {
    schemaVersion: 2,
    config: put(mediaTypes.config, config),
    layers: [put(mediaTypes.layerZstd, Buffer.concat(frames))],
  };
  const source: BlobSource = { subject: "sample", read: ({ digest }) => [blobs.get(digest)!] };
  // So many zeros in so few bytes are what this limit is there for.
  const limits = { ...defaultLimits, ratio: 100_000 };
  const image = imageOf(encodeText(JSON.stringify(manifest)), source, { limits });
  assert.ok(image.kind === "image");
  const { top, layers } = await readImageTree(image, { limits });
  assert.deepEqual([...top.children.keys()], ["large", "after"]);
  assert.deepEqual(layers, [{ entries: 2, size: large + 2048, contentSize: large, changes: [] }]);
});

test("a sparse file of five gigabytes in a folder costs nothing until it is read", async (context) => {
  const folder = temporaryFolder(context);
  writeFileSync(join(folder, "large"), "");
  truncateSync(join(folder, "large"), large);
  const file = findNode((await readDirectoryTree(folder)).top, "large");
  assert.ok(file?.kind === "file");
  assert.equal(file.content.size, large);
  for await (const chunk of file.content.chunks()) {
    assert.ok(chunk.byteLength > 0 && chunk.every((byte) => byte === 0));
    break;
  }
});
