import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import * as fc from "fast-check";
import { fixtures, needs } from "../../test/requirements.ts";
import {
  databaseText,
  layeredImage,
  layerTar,
  type LayerFiles,
  type SampleStep,
} from "../../test/layered-root.ts";
import { formatRepository } from "../apk/index.ts";
import { gzip, zstd } from "../archive/index.ts";
import { collectBytes, defaultLimits, encodeText, hashHex, isBivyError } from "../base/index.ts";
import { openArchive, parsePlatform } from "../oci/index.ts";
import type { Inventory } from "./inventory.ts";
import { readInventory, takeInventory, type InventoryOptions } from "./read-inventory.ts";

const database = "lib/apk/db/installed";

async function inventoryOf(
  steps: readonly SampleStep[],
  options: InventoryOptions = {},
): Promise<Inventory> {
  return readInventory({ kind: "image", image: await layeredImage(steps) }, options);
}

const rootOf = (files: LayerFiles): Promise<Inventory> =>
  inventoryOf([{ createdBy: "COPY", files }]);

const labels = (inventory: Inventory) =>
  inventory.packages.map(
    ({ installed, layer }) => `${installed.name}-${installed.version} ${layer}`,
  );

test("packages come from the layer since whose database they are installed", async () => {
  const steps = [
    { createdBy: "ADD", files: { [database]: databaseText({ base: {}, tool: {}, old: {} }) } },
    { createdBy: "ENV" },
    { createdBy: "COPY", files: { "etc/motd": "hello" } },
    {
      createdBy: "RUN upgrade",
      files: { [database]: databaseText({ base: {}, tool: { version: "2-r0" }, app: {} }) },
    },
    {
      createdBy: "RUN again",
      files: {
        [database]: databaseText({ base: {}, tool: { version: "2-r0" }, app: {}, old: {} }),
      },
    },
  ];
  const inventory = await inventoryOf(steps);
  assert.deepEqual(labels(inventory), ["base-1-r0 0", "tool-2-r0 2", "app-1-r0 2", "old-1-r0 3"]);
  assert.deepEqual(
    inventory.removedPackages.map(({ installed, layer, removedIn }) => [
      `${installed.name}-${installed.version}`,
      layer,
      removedIn,
    ]),
    [["tool-1-r0", 0, 2]],
  );
  assert.deepEqual(
    inventory.layers.map(({ createdBy }) => createdBy),
    ["ADD", "COPY", "RUN upgrade", "RUN again"],
  );
  assert.deepEqual(inventory.problems, []);
});

test("a rebuilt package of the same version is another package", async () => {
  const first = databaseText({ tool: { identity: "Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=" } });
  const second = databaseText({ tool: { identity: "Q1BBBBBBBBBBBBBBBBBBBBBBBBBBA=" } });
  const inventory = await inventoryOf([
    { createdBy: "one", files: { [database]: first } },
    { createdBy: "two", files: { [database]: second } },
  ]);
  assert.deepEqual(labels(inventory), ["tool-1-r0 1"]);
  assert.equal(inventory.removedPackages.length, 1);
});

test("a database that moves with its folder stays one history", async () => {
  const inventory = await inventoryOf([
    { createdBy: "one", files: { [database]: databaseText({ base: {}, gone: {} }) } },
    {
      createdBy: "merge",
      files: {
        ".wh.lib": "",
        lib: "-> usr/lib",
        [`usr/${database}`]: databaseText({ base: {}, next: {} }),
      },
    },
  ]);
  assert.equal(inventory.databasePath, "usr/lib/apk/db");
  assert.deepEqual(labels(inventory), ["base-1-r0 0", "next-1-r0 1"]);
  assert.deepEqual(inventory.removedPackages[0]?.installed.name, "gone");
});

test("packages that a layer removed with the database are new when they come again", async () => {
  const text = databaseText({ base: {} });
  const inventory = await inventoryOf([
    { createdBy: "one", files: { [database]: text } },
    { createdBy: "two", files: { "lib/.wh.apk": "" } },
    { createdBy: "three", files: { [database]: text } },
  ]);
  assert.deepEqual(labels(inventory), ["base-1-r0 2"]);
  assert.deepEqual(inventory.removedPackages, []);
});

test("packages are known to have been there when the database is removed", async () => {
  const inventory = await inventoryOf([
    { createdBy: "one", files: { [database]: databaseText({ base: {} }) } },
    { createdBy: "two", files: { "lib/apk/.wh.db": "" } },
  ]);
  assert.equal(inventory.hasDatabase, false);
  assert.deepEqual(inventory.packages, []);
  assert.deepEqual(
    inventory.removedPackages.map(({ installed, removedIn }) => [installed.name, removedIn]),
    [["base", 1]],
  );
});

test("a damaged database of a lower layer is noted, that of the image is an error", async () => {
  const good = databaseText({ base: {} });
  const steps = (...texts: string[]) =>
    texts.map((text) => ({ createdBy: "x", files: { [database]: text } }));
  const inventory = await inventoryOf(steps("junk", good));
  assert.deepEqual(labels(inventory), ["base-1-r0 1"]);
  assert.match(inventory.problems.join(), /database of layer 1: expected/);
  await assert.rejects(inventoryOf(steps(good, "junk")), { code: "database-invalid" });
});

test("a database is found behind links, also one of its own", async () => {
  const text = databaseText({ base: {} });
  const places: readonly LayerFiles[] = [
    { "usr/lib/apk/db/installed": text },
    { lib: "-> usr/lib", "usr/lib/apk/db/installed": text },
    { "lib/apk": "-> /opt/./apk", "opt/apk/db/installed": text },
    { "lib/apk/db/installed": "-> ../../../srv/list", "srv/list": text },
  ];
  for (const files of places) assert.deepEqual(labels(await rootOf(files)), ["base-1-r0 0"]);
});

test("a root without a database is none without packages", async () => {
  const inventory = await rootOf({ "etc/os-release": "ID=debian\nVERSION_ID=12\n" });
  assert.equal(inventory.hasDatabase, false);
  assert.equal(inventory.databasePath, undefined);
  assert.equal(inventory.distribution?.id, "debian");
  const empty = await rootOf({ [database]: "" });
  assert.equal(empty.hasDatabase, true);
  assert.deepEqual(empty.packages, []);
});

test("a database over the limit is an error, not an empty root", async () => {
  const files = { [database]: databaseText({ base: {} }) };
  const limits = { ...defaultLimits, "index-size": 10 };
  await assert.rejects(inventoryOf([{ createdBy: "x", files }], { limits }), {
    code: "limit-exceeded",
  });
});

test("settings are read, and what is wrong in them is noted", async () => {
  const inventory = await rootOf({
    [database]: "",
    "etc/apk/world": "curl>8 !libressl\nbusybox@edge a=b=c\n",
    "etc/apk/arch": "x86_64\naarch64\n",
    "etc/apk/repositories":
      "# comment\nhttps://host/v3.19 main community\n@edge https://host/edge/main\nftp://x/y\nv3 https://host/three\nset a=b\n",
    "etc/apk/repositories.d/b.list": "/srv/b\n",
    "etc/apk/repositories.d/a.list": "/srv/a\n",
    "etc/apk/repositories.d/ignored.txt": "/srv/no\n",
    "lib/apk/repositories.d/a.list": "/srv/hidden\n",
    "lib/apk/repositories.d/c.list": "/srv/c\n",
  });
  assert.deepEqual(
    inventory.world.map(({ name, operator, tag, conflict }) => [name, operator, tag, conflict]),
    [
      ["curl", ">", undefined, false],
      ["libressl", "any", undefined, true],
      ["busybox", "any", "edge", false],
    ],
  );
  assert.deepEqual(inventory.archs, ["x86_64", "aarch64"]);
  assert.deepEqual(inventory.repositories.map(formatRepository), [
    "https://host/v3.19/main",
    "https://host/v3.19/community",
    "@edge https://host/edge/main",
    "https://host/three",
    "/srv/a",
    "/srv/b",
    "/srv/c",
  ]);
  assert.equal(inventory.problems.length, 3);
  assert.match(inventory.problems[0]!, /etc\/apk\/world: "a=b=c"/);
  assert.match(inventory.problems[1]!, /etc\/apk\/repositories:4: ftp/);
  assert.match(inventory.problems[2]!, /etc\/apk\/repositories:6: .*not understood/);
});

test("keys are listed with their layer and whether apk trusts them", async () => {
  const inventory = await inventoryOf([
    {
      createdBy: "base",
      files: {
        "usr/share/apk/keys/alpine.rsa.pub": "A",
        "usr/share/apk/keys/other.rsa.pub": "O",
        "usr/share/apk/keys/x86_64/alpine.rsa.pub": "-> ../alpine.rsa.pub",
        "etc/apk/keys/alpine.rsa.pub": "A",
        "etc/apk/keys/.hidden.rsa.pub": "H",
        "etc/apk/keys/folder/x.rsa.pub": "F",
      },
    },
    {
      createdBy: "third party",
      files: {
        "etc/apk/keys/me@example.org.rsa.pub": "M",
        "etc/apk/keys/linked.rsa.pub": "-> ../../../usr/share/apk/keys/other.rsa.pub",
        "lib/apk/keys/three.rsa.pub": "T",
        "etc/apk/keys/huge.rsa.pub": "x".repeat(70_000),
      },
    },
  ]);
  assert.deepEqual(
    inventory.keys.map(({ path, name, bytes, layer, trusted }) => [
      path,
      name,
      Buffer.from(bytes).toString(),
      layer,
      trusted,
    ]),
    [
      ["etc/apk/keys/alpine.rsa.pub", "alpine.rsa.pub", "A", 0, true],
      ["etc/apk/keys/linked.rsa.pub", "linked.rsa.pub", "O", 1, true],
      ["etc/apk/keys/me@example.org.rsa.pub", "me@example.org.rsa.pub", "M", 1, true],
      ["lib/apk/keys/three.rsa.pub", "three.rsa.pub", "T", 1, true],
      ["usr/share/apk/keys/alpine.rsa.pub", "alpine.rsa.pub", "A", 0, false],
      ["usr/share/apk/keys/other.rsa.pub", "other.rsa.pub", "O", 0, false],
    ],
  );
  assert.match(inventory.problems.join(), /huge\.rsa\.pub: expected at most 65536 bytes/);
});

test("links that lead in a circle are noted", async () => {
  const inventory = await rootOf({
    [database]: "",
    "etc/os-release": "-> os-release",
    "etc/apk/keys": "-> keys",
  });
  assert.equal(inventory.distribution, undefined);
  assert.deepEqual(inventory.keys, []);
  assert.match(inventory.problems.join(), /etc\/os-release: leads through more than 40 symlinks/);
});

test("a folder and an archive are read as one layer", async (context) => {
  const folder = temporaryFolder(context);
  const files = {
    [database]: databaseText({ base: { files: "etc/base" } }),
    "etc/base": "base",
    "etc/alpine-release": "3.19.4\n",
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, "root", path, ".."), { recursive: true });
    writeFileSync(join(folder, "root", path), text);
  }
  symlinkSync("base", join(folder, "root/etc/link"));
  const tar = await collectBytes(layerTar({ ...files, "etc/link": "-> base" }), 1e6, fail);
  const archives = {
    "root.tar": tar,
    "root.tar.gz": await collectBytes(gzip([tar]), 1e6, fail),
    "root.tar.zst": await collectBytes(zstd([tar]), 1e6, fail),
  };
  for (const [name, bytes] of Object.entries(archives)) writeFileSync(join(folder, name), bytes);
  const places = [
    { kind: "root", path: join(folder, "root") },
    ...Object.keys(archives).map((name) => ({ kind: "root-archive", path: join(folder, name) })),
  ] as const;
  for (const located of places) {
    const inventory = await readInventory(located as Parameters<typeof readInventory>[0], {
      checksums: ["sha1"],
    });
    assert.equal(inventory.subject, located.path);
    assert.deepEqual(labels(inventory), ["base-1-r0 0"]);
    assert.equal(inventory.layers.length, 1);
    assert.equal(inventory.image, undefined);
    assert.equal(inventory.distribution?.branch, "v3.19");
    assert.equal(inventory.owners.get("etc/base")?.package.name, "base");
    const node = inventory.tree.top.children.get("etc");
    const base = node?.kind === "directory" ? node.children.get("base") : undefined;
    assert.equal(base?.kind, "file");
    if (base?.kind !== "file") return;
    assert.equal(await collectText(base.content.chunks()), "base");
    assert.equal(inventory.tree.checksumOf(base, "sha1"), hashHex("sha1", encodeText("base")));
  }
});

test("the platform of an index is chosen, and one that is not there is an error", async () => {
  const image = await layeredImage([{ createdBy: "x", files: { [database]: "" } }]);
  const located = { kind: "image", image } as const;
  await readInventory(located, { platform: parsePlatform("linux/amd64") });
  await assert.rejects(readInventory(located, { platform: parsePlatform("linux/s390x") }), {
    code: "platform-not-found",
  });
});

test("an interrupted inventory ends", async () => {
  const stop = new AbortController();
  stop.abort(new Error("stop"));
  await assert.rejects(rootWith(stop.signal), /stop|interrupted|abort/);
});

const rootWith = (signal: AbortSignal) =>
  inventoryOf([{ createdBy: "x", files: { [database]: "" } }], { signal });

const hostileText = fc.oneof(
  fc.string(),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
  fc
    .array(
      fc.constantFrom(
        "P:a",
        "V:1",
        "C:Q1x",
        "F:etc",
        "F:../..",
        "F:/",
        "R:../x",
        "R:a/b",
        "R:",
        "R:ok",
        "Z:Q1",
        "a:0:0:644",
        "M:0:0:9",
        "",
        "D:a !b c>",
        "p:x=1 y=..",
        "i:a",
        "\0",
      ),
      { maxLength: 20 },
    )
    .map((lines) => lines.join("\n")),
);

test("property: whatever a root says, it is read or refused with a code", async () => {
  await fc.assert(
    fc.asyncProperty(
      hostileText,
      hostileText,
      hostileText,
      fc.constantFrom("etc/apk/world", "etc/apk/repositories", "etc/os-release"),
      async (installed, lower, setting, path) => {
        const steps = [
          { createdBy: "a", files: { [database]: lower } },
          { createdBy: "b", files: { [database]: installed, [path]: setting } },
        ];
        try {
          const inventory = await inventoryOf(steps);
          for (const owned of inventory.owners.keys())
            assert.ok(!owned.startsWith("/") && !owned.split("/").includes(".."));
        } catch (error) {
          if (!isBivyError(error, "database-invalid")) throw error;
        }
      },
    ),
    { numRuns: 150 },
  );
});

test("an Alpine image is read", needs({ fixtures: true }), async () => {
  const archive = await openArchive(join(fixtures, "images/alpine-310.tar.gz"));
  const inventory = await readInventory({ kind: "image", image: await archive.open() });
  assert.equal(inventory.packages.length, 14);
  assert.deepEqual(inventory.distribution, {
    id: "alpine",
    name: "Alpine Linux",
    version: "3.10.4",
    branch: "v3.10",
    path: "etc/os-release",
  });
  assert.equal(inventory.keys.filter(({ trusted }) => trusted).length, 3);
  assert.equal(inventory.owners.get("bin/busybox")?.package.name, "busybox");
  assert.match(inventory.layers[0]?.createdBy ?? "", /ADD file:/);
  assert.deepEqual(inventory.problems, []);
});

test("a tree of other origin has an inventory too", async () => {
  const { tree } = await rootOf({ [database]: databaseText({ base: {} }) });
  const inventory = await takeInventory({ subject: "a tree", layers: [{}], tree }, defaultLimits);
  assert.deepEqual(labels(inventory), ["base-1-r0 0"]);
});

const fail = () => new Error("too large");

async function collectText(chunks: Parameters<typeof collectBytes>[0]): Promise<string> {
  return Buffer.from(await collectBytes(chunks, 1e6, fail)).toString();
}

function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "bivy-inventory-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
