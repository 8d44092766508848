import assert from "node:assert/strict";
import { test } from "node:test";
import { tarEntries, tarHeader, writeTar, type TarItem } from "../archive/index.ts";
import { bytesContent, defaultLimits, digestOf, encodeText, readContent } from "../base/index.ts";
import { findNode, walkTree, type LayeredTree } from "../tree/index.ts";
import { memoryBlobs, type BlobSource } from "./blobs.ts";
import { readImageTree } from "./image-tree.ts";
import {
  flattenImage,
  makeImage,
  openImage,
  describe,
  parsePlatform,
  putBlob,
  writeLayer,
  type Image,
  type LayerCompression,
} from "./index.ts";
import { collect, fails } from "./sample-images.test.ts";

function file(path: string, text: string, fields: object = {}): TarItem {
  const content = bytesContent(encodeText(text));
  return { header: tarHeader({ path, type: "file", size: content.size, ...fields }), content };
}
const folder = (path: string, mode = 0o755): TarItem => ({
  header: tarHeader({ path, type: "directory", mode }),
});
const link = (
  path: string,
  linkPath: string,
  type: "hardlink" | "symlink" = "hardlink",
): TarItem => ({
  header: tarHeader({ path, type, linkPath }),
});

const lower = [
  folder("etc"),
  file("etc/motd", "old\n"),
  file("etc/gone", "gone"),
  file("z", "z from below", { mode: 0o600, uid: 3_000_000 }),
  link("l", "etc", "symlink"),
];
const middle = [
  file("etc/.wh.gone", ""),
  file("l/motd", "new\n", { mtime: 7, mtimeNanoseconds: 5 }),
  link("b", "z"),
  link("m", "l"),
  { header: tarHeader({ path: "dev/null", type: "character", deviceMajor: 1, deviceMinor: 3 }) },
];
const upper = [folder("etc", 0o711), file("a", "a from above"), link("c", "b")];

/** An image of these layers, opened anew from the blobs that it was written to. */
async function sample(
  layers: readonly (readonly TarItem[])[],
  compression: LayerCompression = "gzip",
): Promise<{ image: Image; reads: string[] }> {
  const store = memoryBlobs();
  const written = [];
  for (const items of layers)
    written.push(await writeLayer(writeTar(items), store, { compression }));
  const made = makeImage({
    platform: parsePlatform("linux/amd64"),
    config: { Cmd: ["/bin/sh"], Labels: { a: "b" } },
    layers: written,
    history: layers.map((_, index) => ({ created_by: `step ${index}` })),
    annotations: { kept: "yes" },
    created: 1_700_000_000,
  });
  const documents = [
    [describe(made), await made.rawManifest()],
    [(await made.manifest()).config, await made.rawConfig()],
  ] as const;
  for (const [descriptor, bytes] of documents) await putBlob(store, descriptor, () => [bytes]);
  const reads: string[] = [];
  const counted: BlobSource = {
    subject: "counted",
    read(blob) {
      reads.push(blob.digest);
      return store.read(blob);
    },
  };
  const image = await openImage(describe(made), counted);
  assert.ok(image.kind === "image");
  return { image, reads };
}

async function list(tree: LayeredTree): Promise<readonly string[]> {
  const first = new Map<unknown, string>();
  const lines: string[] = [];
  for (const { path, node } of walkTree(tree.top)) {
    if (!first.has(node)) first.set(node, path);
    const what =
      node.kind === "file"
        ? Buffer.from(await readContent(node.content, defaultLimits, path)).toString()
        : node.kind === "symlink"
          ? node.target
          : node.kind === "character"
            ? `${node.major}:${node.minor}`
            : "";
    const { kind, mode, uid, mtime, mtimeNanoseconds } = node;
    lines.push(
      `${path} ${kind} ${mode.toString(8)} ${uid} ${mtime}.${mtimeNanoseconds} ${JSON.stringify(what)} =${first.get(node)}`,
    );
  }
  return lines;
}

test("the tree of an image, in every compression", async () => {
  for (const compression of ["none", "gzip", "zstd"] as const) {
    const { image } = await sample([lower, middle, upper], compression);
    const tree = await readImageTree(image, { checksums: ["sha256"] });
    assert.deepEqual(await list(tree), [
      'a file 644 0 0.0 "a from above" =a',
      'b file 600 3000000 0.0 "z from below" =b',
      'c file 600 3000000 0.0 "z from below" =b',
      'dev directory 755 0 0.0 "" =dev',
      'dev/null character 644 0 0.0 "1:3" =dev/null',
      'etc directory 711 0 0.0 "" =etc',
      'etc/motd file 644 0 7.5 "new\\n" =etc/motd',
      'l symlink 777 0 0.0 "etc" =l',
      'm symlink 777 0 0.0 "etc" =l',
      'z file 600 3000000 0.0 "z from below" =b',
    ]);
    assert.deepEqual(
      ["a", "b", "c", "dev", "dev/null", "etc", "etc/motd", "l", "m", "z"].map((path) =>
        tree.layerOf(path),
      ),
      [2, 1, 2, undefined, 1, 2, 1, 0, 1, 0],
    );
    const motd = findNode(tree.top, "etc/motd");
    assert.ok(motd?.kind === "file");
    assert.equal(`sha256:${tree.checksumOf(motd, "sha256")}`, digestOf(encodeText("new\n")));
  }
});

test("a layer that is damaged gives no tree, and is named", async () => {
  const { image } = await sample([lower]);
  const [layer] = await image.layers();
  const damaged: Image = {
    ...image,
    layers: async () => [
      {
        ...layer!,
        async *uncompressed() {
          yield* layer!.uncompressed();
          throw new Error("the digest differs");
        },
      },
    ],
  };
  await assert.rejects(readImageTree(damaged), /the digest differs/);
  const wrong = await sample([[link("a", "nowhere")]]);
  const { digest } = (await wrong.image.layers())[0]!;
  await fails(
    () => readImageTree(wrong.image),
    "image-invalid",
    new RegExp(`^counted: layer ${digest}: entry "a" is a hard link to "nowhere"`),
  );
});

test("a flattened image has the same tree in one layer", async () => {
  const { image, reads } = await sample([lower, middle, upper]);
  const store = memoryBlobs();
  const before = reads.length;
  const flat = await flattenImage(image, store);
  const layers = await image.layers();
  assert.deepEqual(
    layers.map(({ digest }) => reads.slice(before).filter((read) => read === digest).length),
    [2, 2, 2],
  );
  assert.deepEqual(await list(await readImageTree(flat)), await list(await readImageTree(image)));
  const [layer, ...others] = await flat.layers();
  assert.equal(others.length, 0);
  const config = await flat.config();
  const { rootfs, history, ...settings } = await image.config();
  assert.equal(rootfs.diff_ids.length, history?.length);
  assert.deepEqual(config, {
    ...settings,
    rootfs: { type: "layers", diff_ids: [layer!.diffId] },
    history: [
      { created: settings.created, created_by: "bivy image flatten", comment: "3 layers in one" },
    ],
  });
  assert.deepEqual((await flat.manifest()).annotations, { kept: "yes" });
  assert.equal((await flattenImage(image, memoryBlobs())).digest, flat.digest);
  const zstd = await flattenImage(image, memoryBlobs(), {
    compression: "zstd",
    history: { created_by: "another" },
  });
  assert.equal((await zstd.layers())[0]!.diffId, layer!.diffId);
  assert.match((await zstd.manifest()).layers[0]!.mediaType, /zstd$/);
  assert.deepEqual((await zstd.config()).history, [{ created_by: "another" }]);
});

test("a flattened layer has folders first, and hard links after their file", async () => {
  const { image } = await sample([lower, middle, [...upper, folder(".", 0o711)]]);
  const [layer] = await (await flattenImage(image, memoryBlobs())).layers();
  const tar = Buffer.from(await collect(layer!.uncompressed()));
  assert.deepEqual(
    [...tarEntries(tar, { subject: "flat" })].map(({ header: { path, type, linkPath } }) =>
      `${path} ${type} ${linkPath}`.trimEnd(),
    ),
    [
      ". directory",
      "dev directory",
      "etc directory",
      "dev/null character",
      "l symlink etc",
      "m hardlink l",
      "b file",
      "c hardlink b",
      "z hardlink b",
      "etc/motd file",
      "a file",
    ],
  );
});

test("an image without layers has an empty tree, and stays empty when it is flattened", async () => {
  const { image } = await sample([]);
  const tree = await readImageTree(image);
  assert.deepEqual([tree.top.children.size, tree.layers], [0, []]);
  const flat = await flattenImage(image, memoryBlobs());
  assert.equal((await readImageTree(flat)).top.children.size, 0);
});

test("nothing is left in the store when flattening fails", async () => {
  const { image } = await sample([[file("a", "text")]]);
  const layers = await image.layers();
  let passes = 0;
  const changing: Image = {
    ...image,
    layers: async () =>
      layers.map((layer) => ({
        ...layer,
        async *uncompressed() {
          passes += 1;
          yield* passes === 1 ? layer.uncompressed() : writeTar([file("a", "TEXT")]);
          if (passes > 1) throw new Error("the digest differs");
        },
      })),
  };
  let committed = 0;
  const store = memoryBlobs();
  const watched = {
    ...store,
    async begin() {
      const writer = await store.begin();
      return { ...writer, commit: async () => void committed++ };
    },
  };
  await assert.rejects(flattenImage(changing, watched), /the digest differs/);
  assert.equal(committed, 0);
});
