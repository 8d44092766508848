import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { databaseText, layeredImage, type SampleStep } from "../../test/layered-root.ts";
import { sampleElf } from "../../test/sample-elf.ts";
import { fixtures, needs } from "../../test/requirements.ts";
import { openArchive } from "../oci/index.ts";
import { readInventory, unownedFiles, type Inventory } from "./index.ts";

const database = "lib/apk/db/installed";

async function inventoryOf(steps: readonly SampleStep[], inspects = true): Promise<Inventory> {
  return readInventory({ kind: "image", image: await layeredImage(steps) }, { inspects });
}

const npm = (name: string, version: string) => JSON.stringify({ name, version });
const metadata = (name: string, version: string) => `Name: ${name}\nVersion: ${version}\n`;

const base: SampleStep = {
  createdBy: "base",
  files: {
    [database]: databaseText({
      "py3-six": { files: "usr/lib/python3.11/site-packages/six-1.dist-info/METADATA bin/static" },
    }),
    "usr/lib/python3.11/site-packages/six-1.dist-info/METADATA": metadata("six", "1.16.0"),
    "bin/static": sampleElf({}),
    "app/node_modules/gone/package.json": npm("gone", "1.0.0"),
    "app/node_modules/kept/package.json": npm("kept", "1.0.0"),
    "opt/tool": sampleElf({}),
  },
};

test("packages of the final tree count, with their layer and owner, in order", async () => {
  const inventory = await inventoryOf([
    base,
    {
      createdBy: "npm install",
      files: {
        "app/node_modules/.wh.gone": "",
        "app/node_modules/kept/package.json": npm("kept", "2.0.0"),
        "app/node_modules/@a/b/package.json": npm("@a/b", "1.0.0"),
        "opt/.wh.tool": "",
        "usr/local/bin/tool": sampleElf({}),
      },
    },
  ]);
  assert.deepEqual(inventory.languages, [
    {
      ecosystem: "npm",
      name: "@a/b",
      version: "1.0.0",
      purl: "pkg:npm/%40a/b@1.0.0",
      path: "app/node_modules/@a/b/package.json",
      layer: 1,
    },
    {
      ecosystem: "npm",
      name: "kept",
      version: "2.0.0",
      purl: "pkg:npm/kept@2.0.0",
      path: "app/node_modules/kept/package.json",
      layer: 1,
    },
    {
      ecosystem: "pypi",
      name: "six",
      version: "1.16.0",
      purl: "pkg:pypi/six@1.16.0",
      path: "usr/lib/python3.11/site-packages/six-1.dist-info/METADATA",
      layer: 0,
      owner: "py3-six",
    },
  ]);
  assert.deepEqual(inventory.staticBinaries, [
    { path: "bin/static", layer: 0, owner: "py3-six" },
    { path: "usr/local/bin/tool", layer: 1 },
  ]);
  assert.deepEqual(inventory.problems, []);
});

test("problems of files that are gone are none", async () => {
  const broken = { "node_modules/a/package.json": "{", "node_modules/b/package.json": "{" };
  const inventory = await inventoryOf([
    { createdBy: "one", files: broken },
    { createdBy: "two", files: { "node_modules/.wh.a": "" } },
  ]);
  assert.deepEqual(inventory.problems, ["node_modules/b/package.json: states no package"]);
  assert.deepEqual(inventory.languages, []);
});

test("what was not inspected is undefined, not empty", async () => {
  const inventory = await inventoryOf([base], false);
  assert.equal(inventory.languages, undefined);
  assert.equal(inventory.staticBinaries, undefined);
  assert.deepEqual(inventory.problems, []);
});

test("a folder on disk is inspected as an image is", async (t) => {
  const root = mkdtempSync(join(tmpdir(), "bivy-inspect-"));
  t.after(() => rmSync(root, { recursive: true }));
  for (const [path, bytes] of [
    ["srv/node_modules/a/package.json", npm("a", "1.0.0")],
    ["bin/a", sampleElf({})],
    ["bin/large", Buffer.concat([sampleElf({}), Buffer.alloc(700_000)])],
    ["bin/script", "#!/bin/sh\n".repeat(20_000)],
  ] as const) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), bytes);
  }
  for (const checksums of [[], ["sha256"]] as const) {
    const options = { inspects: true, checksums };
    const inventory = await readInventory({ kind: "root", path: root }, options);
    assert.deepEqual(
      inventory.languages?.map(({ purl }) => purl),
      ["pkg:npm/a@1.0.0"],
    );
    assert.deepEqual(
      inventory.staticBinaries?.map(({ path }) => path),
      ["bin/a", "bin/large"],
    );
  }
});

test("a file with several names is found once, and owned by the owner of its first name", async () => {
  const inventory = await inventoryOf([
    base,
    {
      createdBy: "link",
      files: { "bin/another": { type: "hardlink", linkPath: "opt/tool" }, "bin/link": "-> static" },
    },
  ]);
  assert.deepEqual(inventory.staticBinaries, [
    { path: "bin/another", layer: 1 },
    { path: "bin/static", layer: 0, owner: "py3-six" },
  ]);
});

test("unowned files are those of no package, without what every root has", async () => {
  const kept = {
    "lib/apk/db/lock": "",
    "etc/apk/world": "",
    "etc/apk/repositories": "",
    "etc/apk/keys/a.rsa.pub": "",
    "var/cache/apk/APKINDEX.0.tar.gz": "x",
    "dev/console": "",
    "run/a.pid": "1",
    ".dockerenv": "",
    "etc/passwd-": "",
    "etc/ssl/certs/ca-certificates.crt": "x",
  };
  const inventory = await inventoryOf(
    [
      base,
      {
        createdBy: "copy",
        files: {
          ...kept,
          "srv/b": "12345",
          "srv/a": "1",
          "srv/owned": { type: "hardlink", linkPath: "bin/static" },
          "srv/link": "-> a",
          "etc/apk/other": "1",
        },
      },
    ],
    false,
  );
  const sizes = [npm("gone", "1.0.0"), npm("kept", "1.0.0")].map((each) => each.length);
  const tool = sampleElf({}).byteLength;
  const found = unownedFiles(inventory);
  assert.deepEqual(found.files, [
    { path: "app/node_modules/gone/package.json", size: sizes[0], layer: 0 },
    { path: "app/node_modules/kept/package.json", size: sizes[1], layer: 0 },
    { path: "etc/apk/other", size: 1, layer: 1 },
    { path: "opt/tool", size: tool, layer: 0 },
    { path: "srv/a", size: 1, layer: 1 },
    { path: "srv/b", size: 5, layer: 1 },
  ]);
  assert.equal(found.count, 6);
  assert.equal(found.bytes, sizes[0]! + sizes[1]! + tool + 7);
  const few = unownedFiles(inventory, 2);
  assert.deepEqual([few.count, few.files.length, few.bytes], [6, 2, found.bytes]);
});

test(
  "Alpine's image has no language packages, nothing static, and three files of no package",
  needs({ fixtures: true }),
  async () => {
    const archive = await openArchive(join(fixtures, "images/alpine-310.tar.gz"));
    const image = await archive.open();
    const inventory = await readInventory({ kind: "image", image }, { inspects: true });
    assert.deepEqual(inventory.languages, []);
    assert.deepEqual(inventory.staticBinaries, []);
    assert.deepEqual(inventory.problems, []);
    assert.deepEqual(
      unownedFiles(inventory).files.map(({ path }) => path),
      ["etc/alpine-release", "etc/issue", "etc/os-release"],
    );
  },
);
