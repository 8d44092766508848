import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { databaseText, layeredImage } from "../../test/layered-root.ts";
import { readInventory } from "../inventory/index.ts";
import { measureSize } from "./index.ts";
import { bytes, reportOf } from "./sample-report.test.ts";

const noWaste = { removed: 0, changed: 0, metadata: 0, unchanged: 0, moved: 0 };

test("each layer says what it added, changed, removed and wasted", async () => {
  const report = await reportOf([
    {
      createdBy: "/bin/sh -c #(nop) ADD base",
      files: {
        "data/": "",
        "data/big": bytes(5000, "b"),
        "data/conf": bytes(100, "c"),
        "data/old": bytes(700, "o"),
        "data/tool": bytes(2000, "t"),
        "data/link": "-> tool",
      },
    },
    { createdBy: "ENV A=1" },
    {
      createdBy: "RUN edit",
      files: {
        "data/tool": { text: bytes(2000, "t"), mode: 0o755 },
        "data/conf": bytes(150, "c"),
        "data/new": bytes(40, "n"),
      },
    },
    {
      createdBy: "RUN clean",
      files: { "data/.wh.big": "", "data/.wh.old": "", "data/place": bytes(700, "o") },
    },
    {
      createdBy: "COPY conf",
      files: { "data/conf": { text: bytes(150, "c"), mtime: 1_700_000_000 } },
    },
  ]);
  const layers = report.layers.map(
    ({ instruction, unpacked, lost, added, changed, removed, wastedByFate }) => ({
      instruction,
      unpacked,
      lost,
      added: [added.files, added.bytes],
      changed: [changed.files, changed.bytes],
      removed: [removed.files, removed.bytes],
      wastedByFate,
    }),
  );
  assert.deepEqual(layers, [
    {
      instruction: "ADD base",
      unpacked: 7800,
      lost: 7800,
      added: [5, 7800],
      changed: [0, 0],
      removed: [0, 0],
      wastedByFate: noWaste,
    },
    {
      instruction: "RUN edit",
      unpacked: 2190,
      lost: 150,
      added: [1, 40],
      changed: [2, 2150],
      removed: [0, 0],
      wastedByFate: { ...noWaste, metadata: 2000, changed: 100 },
    },
    {
      instruction: "RUN clean",
      unpacked: 700,
      lost: 0,
      added: [1, 700],
      changed: [0, 0],
      removed: [2, 5700],
      wastedByFate: { ...noWaste, removed: 5000, moved: 700 },
    },
    {
      instruction: "COPY conf",
      unpacked: 150,
      lost: 0,
      added: [0, 0],
      changed: [1, 150],
      removed: [0, 0],
      wastedByFate: { ...noWaste, unchanged: 150 },
    },
  ]);
  assert.deepEqual(report.layers[1]!.changes, [
    { path: "data/tool", kind: "changed", from: 0, before: 2000, after: 2000 },
    { path: "data/conf", kind: "changed", from: 0, before: 100, after: 150 },
  ]);
  const { unpacked, visible, layers: count, files } = report.totals;
  assert.deepEqual([unpacked, visible, count, files], [10_840, 2890, 4, 4]);
  assert.equal(report.waste.bytes, 7950);
  assert.equal(report.waste.efficiency, 2890 / 10_840);
  assert.deepEqual(report.waste.files, [
    {
      path: "data/big",
      bytes: 5000,
      copies: [{ bytes: 5000, layer: 0, fate: "removed", by: 2 }],
    },
    {
      path: "data/tool",
      bytes: 2000,
      copies: [{ bytes: 2000, layer: 0, fate: "metadata", by: 1 }],
    },
    {
      path: "data/old",
      bytes: 700,
      copies: [{ bytes: 700, layer: 0, fate: "moved", by: 2, to: "data/place" }],
    },
    {
      path: "data/conf",
      bytes: 250,
      copies: [
        { bytes: 100, layer: 0, fate: "changed", by: 1 },
        { bytes: 150, layer: 1, fate: "unchanged", by: 3 },
      ],
    },
  ]);
  assert.equal(report.packages, undefined, "there is no apk database");
});

test("hard links count once, and a content is waste only when its last name is gone", async () => {
  const link = (linkPath: string) => ({ type: "hardlink", linkPath }) as const;
  const report = await reportOf([
    {
      createdBy: "one",
      files: {
        "a/x": bytes(1000),
        "a/y": link("a/x"),
        "a/z": link("a/x"),
        "b/p": bytes(300),
        "b/q": link("b/p"),
      },
    },
    { createdBy: "two", files: { "a/.wh.x": "", "b/.wh.p": "" } },
    { createdBy: "three", files: { "b/.wh.q": "", "c/y": link("a/y") } },
  ]);
  assert.deepEqual(
    report.files.map(({ path, bytes: size, layer, links }) => [path, size, layer, links]),
    [["a/y", 1000, 0, ["a/z", "c/y"]]],
  );
  assert.deepEqual([report.totals.unpacked, report.totals.visible], [1300, 1000]);
  assert.deepEqual(
    report.waste.files.flatMap(({ copies }) => copies),
    [{ bytes: 300, layer: 0, fate: "removed", by: 2 }],
  );
  assert.deepEqual(
    report.layers.map(({ added, removed }) => [added.files, removed.files]),
    [
      [5, 0],
      [0, 2],
      [1, 1],
    ],
  );
});

test("a layer that stands twice is downloaded once and unpacked twice", async () => {
  const files = { "etc/conf": bytes(400), "etc/more": bytes(600, "m") };
  const report = await reportOf([
    { createdBy: "COPY", files },
    { createdBy: "RUN", files: { "etc/other": bytes(10) } },
    { createdBy: "COPY", files },
  ]);
  const [first, second, third] = report.layers;
  assert.deepEqual(
    report.layers.map(({ repeats }) => repeats),
    [undefined, undefined, 0],
  );
  const { compressed, manifest, config, unpacked, visible } = report.totals;
  assert.equal(compressed, first!.compressed! + second!.compressed! + manifest! + config!);
  assert.deepEqual([unpacked, visible], [2010, 1010]);
  assert.deepEqual(third!.wastedByFate, { ...noWaste, unchanged: 1000 });
});

test("a folder that takes a file's place removes it, and a file a folder's all that is in it", async () => {
  const report = await reportOf([
    { createdBy: "one", files: { x: bytes(10), "y/a": bytes(20), "y/b/c": bytes(30) } },
    { createdBy: "two", files: { "x/": "", "x/in": bytes(1), y: bytes(2) } },
  ]);
  const { added, changed, removed } = report.layers[1]!;
  assert.deepEqual([added.files, changed.files, removed.files], [2, 0, 3]);
  assert.equal(report.waste.bytes, 60);
});

test("what a layer stores twice at one path it wastes itself", async () => {
  const report = await reportOf([
    { createdBy: "one", files: { a: bytes(5, "y") } },
    { createdBy: "two", files: { a: bytes(10), "./a": bytes(20) } },
  ]);
  const { added, changed, unpacked, wastedByFate, lost } = report.layers[1]!;
  assert.deepEqual([added.files, changed.files, changed.bytes], [0, 1, 20]);
  assert.deepEqual([unpacked, lost], [30, 10]);
  assert.deepEqual(wastedByFate, { ...noWaste, changed: 15 });
});

test("an opaque folder wastes what was in it", async () => {
  const report = await reportOf([
    { createdBy: "one", files: { "d/": "", "d/a": bytes(10), "d/e/f": bytes(20) } },
    { createdBy: "two", files: { "d/": "", "d/.wh..wh..opq": "", "d/a": bytes(10) } },
  ]);
  const { wastedByFate, changed, removed } = report.layers[1]!;
  assert.deepEqual(wastedByFate, { ...noWaste, unchanged: 10, removed: 20 });
  assert.deepEqual([changed.files, removed.files], [1, 1]);
});

test("without checksums what is stored again passes for changed", async () => {
  const files = { f: bytes(9) };
  const image = await layeredImage([
    { createdBy: "one", files },
    { createdBy: "two", files: { f: { text: bytes(9), mode: 0o600 } } },
  ]);
  const report = await measureSize(await readInventory({ kind: "image", image }));
  assert.deepEqual(report.waste.byFate, { ...noWaste, changed: 9 });
});

test("an image without files wastes nothing", async () => {
  const report = await reportOf([{ createdBy: "scratch", files: {} }]);
  assert.equal(report.waste.efficiency, 1);
  assert.deepEqual([report.files, report.folders, report.savings], [[], [], []]);
});

test("whatever layers do, all contents are useful or wasted, and by somebody", async () => {
  const path = fc.constantFrom("a", "b", "c/d", "c/e", "c/f/g");
  const entry = fc.oneof(
    fc.record({ path, size: fc.integer({ min: 1, max: 50 }), mode: fc.constantFrom(0o644, 0o755) }),
    fc.record({ whiteout: fc.constantFrom(".wh.a", ".wh.c", "c/.wh.d", "c/.wh..wh..opq") }),
  );
  const layer = fc.uniqueArray(entry, {
    maxLength: 5,
    selector: (each) => ("path" in each ? each.path : each.whiteout),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(layer, { minLength: 1, maxLength: 4 }), async (layers) => {
      const report = await reportOf(
        layers.map((entries) => ({
          createdBy: "x",
          files: Object.fromEntries(
            entries.map((each) =>
              "path" in each
                ? [each.path, { text: bytes(each.size), mode: each.mode }]
                : [each.whiteout, ""],
            ),
          ),
        })),
      );
      const { totals, waste } = report;
      const written = layers
        .flat()
        .reduce((sum, each) => sum + ("path" in each ? each.size : 0), 0);
      const sum = (numbers: readonly number[]) => numbers.reduce((all, each) => all + each, 0);
      assert.equal(totals.unpacked, written);
      assert.equal(totals.visible + waste.bytes, totals.unpacked);
      assert.equal(sum(Object.values(waste.byFate)), waste.bytes);
      assert.equal(sum(report.layers.map(({ wasted }) => wasted)), waste.bytes);
      assert.equal(sum(report.layers.map(({ lost }) => lost)), waste.bytes);
      assert.equal(sum(waste.files.map((file) => file.bytes)), waste.bytes);
      let standing = 0;
      for (const { added, removed, changed, unpacked } of report.layers) {
        standing += added.files - removed.files;
        assert.equal(added.bytes + changed.bytes, unpacked);
      }
      assert.equal(standing, totals.files);
    }),
    { numRuns: 60 },
  );
});

test("packages have the size of their files in the tree, and entries of world what goes with them", async () => {
  const report = await reportOf([
    {
      createdBy: "one",
      files: {
        "lib/apk/db/installed": databaseText({
          base: { files: "lib/base bin/sh" },
          ssl: { depends: "base", files: "lib/ssl lib/ssl-link lib/gone" },
          web: { depends: "ssl", files: "usr/bin/web" },
          shell: { depends: "base", files: "usr/bin/shell" },
          stray: { files: "usr/stray" },
        }),
        "etc/apk/world": "web\nshell\n",
        "lib/base": bytes(100),
        "bin/sh": "-> /lib/base",
        "lib/ssl": bytes(50),
        "lib/ssl-link": { type: "hardlink", linkPath: "lib/ssl" },
        "usr/bin/web": bytes(7),
        "usr/bin/shell": bytes(3),
        "usr/stray": bytes(9),
      },
    },
    {
      createdBy: "two",
      files: {
        "opt/app/a": bytes(20),
        "opt/app/b/c": bytes(22),
        "lib/loose": bytes(5),
        "usr/bin/web": bytes(8),
      },
    },
  ]);
  const { packages, world, unneeded, unowned } = report.packages!;
  assert.deepEqual(
    packages.map(({ name, bytes: size, files, claimed }) => [name, size, files, claimed]),
    [
      ["base", 100, 2, 4096],
      ["ssl", 50, 2, 4096],
      ["stray", 9, 1, 4096],
      ["web", 8, 1, 4096],
      ["shell", 3, 1, 4096],
    ],
  );
  assert.deepEqual(world, [
    {
      entry: "web",
      exclusive: { packages: ["ssl", "web"], bytes: 58 },
      shared: { packages: ["base"], bytes: 100 },
    },
    {
      entry: "shell",
      exclusive: { packages: ["shell"], bytes: 3 },
      shared: { packages: ["base"], bytes: 100 },
    },
  ]);
  assert.deepEqual(unneeded, { packages: ["stray"], bytes: 9 });
  const folders = new Map(unowned.folders.map(({ path, bytes: size }) => [path, size]));
  assert.equal(folders.get("opt"), 42);
  assert.equal(folders.get("lib"), 5);
  assert.equal(folders.has("lib/apk"), true);
  const owned = packages.reduce((sum, each) => sum + each.bytes, 0);
  assert.equal(owned + unowned.bytes, report.totals.visible);
  assert.equal(report.files.find(({ path }) => path === "usr/bin/web")!.package, "web");
});

test("folders sum up what is below them, and the largest stand first", async () => {
  const report = await reportOf([
    { createdBy: "one", files: { "a/b/x": bytes(10), "a/y": bytes(5), z: bytes(1), empty: "" } },
  ]);
  assert.deepEqual(report.folders, [
    { path: "", bytes: 16, files: 4 },
    { path: "a", bytes: 15, files: 2 },
    { path: "a/b", bytes: 10, files: 1 },
  ]);
  assert.deepEqual(
    report.files.map(({ path }) => path),
    ["a/b/x", "a/y", "z", "empty"],
  );
});
