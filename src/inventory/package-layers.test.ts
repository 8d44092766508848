import assert from "node:assert/strict";
import { test } from "node:test";
import {
  databaseText,
  layerTar,
  samplePackages,
  type LayerFiles,
} from "../../test/layered-root.ts";
import { readLayers } from "../tree/index.ts";
import { packageLayers, readLowerDatabases } from "./package-layers.ts";

const database = "lib/apk/db/installed";

const treeOf = (...layers: readonly LayerFiles[]) =>
  readLayers(layers.map((files) => ({ subject: "layer", tar: () => layerTar(files) })));

const withPackages = (...names: readonly string[]): LayerFiles => ({
  [database]: databaseText(Object.fromEntries(names.map((name) => [name, {}]))),
});

async function lowerOf(
  tree: Awaited<ReturnType<typeof treeOf>>,
  path: string | undefined,
  most = 1e6,
) {
  const notes: string[] = [];
  const found = await readLowerDatabases(tree, path, most, (note) => notes.push(note));
  const databases = found.map(({ layer, packages }) => [
    layer,
    packages.map(({ name }) => name).join(" "),
  ]);
  return { databases, notes };
}

test("the databases of lower layers are found, also where they are not kept in memory", async () => {
  const tree = await treeOf(withPackages("a"), {}, withPackages("a", "b"), withPackages("b"));
  assert.deepEqual(await lowerOf(tree, database), {
    databases: [
      [0, "a"],
      [2, "a b"],
    ],
    notes: [],
  });
});

test("a layer that writes its database twice left the second", async () => {
  const twice = { [database]: databaseText({ a: {} }), [`./${database}`]: databaseText({ b: {} }) };
  const tree = await treeOf(withPackages("x"), twice, withPackages("c"));
  assert.deepEqual((await lowerOf(tree, database)).databases, [
    [0, "x"],
    [1, "b"],
  ]);
});

test("no more bytes are read than allowed, the lowest layers first", async () => {
  const tree = await treeOf(withPackages("a"), withPackages("b"), withPackages("c"));
  const { databases, notes } = await lowerOf(tree, database, databaseText({ a: {} }).length);
  assert.deepEqual(databases, [[0, "a"]]);
  assert.match(notes.join(), /some were not read/);
});

test("a root that lost its database had the packages until then", async () => {
  const tree = await treeOf(withPackages("a"), { ".wh.lib": "" }, { "etc/x": "" });
  assert.deepEqual((await lowerOf(tree, undefined)).databases, [
    [0, "a"],
    [1, ""],
  ]);
});

test("a package of the last database has the layer of its unbroken run", () => {
  const runs = ["a b", "a", "a b", "b c"].map((names, layer) => ({
    layer,
    packages: samplePackages(Object.fromEntries(names.split(" ").map((name) => [name, {}]))),
  }));
  const { packages, removedPackages } = packageLayers(runs);
  assert.deepEqual(
    packages.map(({ installed, layer }) => [installed.name, layer]),
    [
      ["b", 2],
      ["c", 3],
    ],
  );
  assert.deepEqual(
    removedPackages.map(({ installed, layer, removedIn }) => [installed.name, layer, removedIn]),
    [["a", 0, 3]],
  );
  assert.deepEqual(packageLayers([]), { packages: [], removedPackages: [] });
});

test("a package that is listed twice is there twice", () => {
  const [first] = samplePackages({ a: {} });
  const { packages } = packageLayers([{ layer: 0, packages: [first!, first!] }]);
  assert.deepEqual(
    packages.map(({ layer }) => layer),
    [0, 0],
  );
});
