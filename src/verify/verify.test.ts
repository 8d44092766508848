import assert from "node:assert/strict";
import { test } from "node:test";
import type { SamplePackage } from "../../test/signed-repository.ts";
import { refuses } from "../../test/refusals.ts";
import { layeredImage } from "../../test/layered-root.ts";
import { hashBytes } from "../base/index.ts";
import { readInventory } from "../inventory/index.ts";
import { TreeRoot, walkTree } from "../tree/index.ts";
import { noEvidence } from "./evidence.ts";
import {
  editDatabase,
  findingsOf,
  installedRoot,
  inventoryOf,
  plainFile,
  readText,
  verifyRoot,
  writeText,
} from "./sample-inventory.test.ts";
import { verifyInventory } from "./verify.ts";

const capability = new Map([["security.capability", new Uint8Array(20)]]);

const world: readonly SamplePackage[] = [
  {
    name: "base",
    files: {
      "etc/base.conf": "base\n",
      "etc/init.d/base": { mode: 0o755, text: "#!/sbin/openrc-run\n" },
      "bin/tool": { mode: 0o755, text: "#!/bin/sh\n" },
      "var/spool": { type: "directory", mode: 0o1777 },
    },
  },
  {
    name: "library",
    depends: ["base"],
    files: {
      "usr/lib/library.so.1": "library\n".repeat(500),
      "usr/lib/library.so": { type: "symlink", linkPath: "library.so.1" },
      "usr/lib/same.so": { type: "hardlink", linkPath: "usr/lib/library.so.1" },
    },
  },
  {
    name: "app",
    files: {
      "usr/bin/app": { mode: 0o4755, text: "application\n" },
      "usr/bin/server": { mode: 0o755, text: "server\n", xattrs: capability },
    },
  },
];

/** What a set-id program and one with capabilities of a package give anyway. */
const usual = ["setuid usr/bin/app", "capabilities usr/bin/server"];

/** What is done to the root, and all that is found then. */
const cases: Readonly<
  Record<string, readonly [(root: TreeRoot) => void | Promise<void>, readonly string[]]>
> = {
  "nothing is done": [() => {}, []],
  "content changes": [
    (root) => writeText(root, "bin/tool", "#!/bin/bash\n"),
    ["changed bin/tool: of base: content"],
  ],
  "content of a configuration file": [
    (root) => writeText(root, "etc/base.conf", "other\n"),
    ["changed etc/base.conf: of base: content (configuration)"],
  ],
  "lines are added to a configuration file": [
    (root) => writeText(root, "etc/base.conf", "base\nmore\nand more\n"),
    ["changed etc/base.conf: of base: content: 2 lines were added at the end (configuration)"],
  ],
  "a program in etc is no configuration": [
    (root) => writeText(root, "etc/init.d/base", "#!/sbin/openrc-run\nrm -r /\n"),
    ["changed etc/init.d/base: of base: content: 1 line was added at the end"],
  ],
  "both names of one file": [
    (root) => writeText(root, "usr/lib/library.so.1", "other"),
    ["changed usr/lib/library.so.1: of library: content"],
  ],
  "the target of a link": [
    (root) => root.makeSymlink("usr/lib/library.so", "/tmp/library.so", plainFile),
    ["changed usr/lib/library.so: of library: target"],
  ],
  "the mode": [
    (root) => root.setAttributes("bin/tool", { ...plainFile, mode: 0o700 }),
    ["changed bin/tool: of base: mode 0700 instead of 0755"],
  ],
  "the owner": [
    (root) => root.setAttributes("bin/tool", { mode: 0o755, uid: 7, gid: 8, mtime: 0 }),
    ["changed bin/tool: of base: owner 7:8 instead of 0:0"],
  ],
  "the mode of a folder": [
    (root) => root.setAttributes("var/spool", { ...plainFile, mode: 0o777 }),
    [
      "changed var/spool: of base: mode 0777 instead of 1777",
      "world-writable var/spool: of base, changed, mode 0777, owner 0:0",
    ],
  ],
  "a set-id bit and capabilities are lost": [
    (root) => {
      root.setAttributes("usr/bin/app", { ...plainFile, mode: 0o755 });
      root.setAttributes("usr/bin/server", { ...plainFile, mode: 0o755 });
      root.setAttributes("bin/tool", { ...plainFile, mode: 0o755, xattrs: capability });
    },
    [
      "changed bin/tool: of base: xattrs",
      "changed usr/bin/app: of app: mode 0755 instead of 4755",
      "changed usr/bin/server: of app: xattrs",
      "-setuid usr/bin/app",
      "-capabilities usr/bin/server",
      "capabilities bin/tool: of base, changed, mode 0755, owner 0:0",
    ],
  ],
  "a file becomes a link, a folder and a device": [
    (root) => {
      root.makeSymlink("bin/tool", "/tmp/tool", plainFile);
      root.remove("usr/lib/same.so");
      root.makeDirectory("usr/lib/same.so", { ...plainFile, mode: 0o755 });
      const device = { ...plainFile, kind: "block", major: 8, minor: 0 } as const;
      root.makeSpecial("etc/base.conf", device);
    },
    [
      "changed bin/tool: of base: target",
      "changed etc/base.conf: of base: kind block instead of file (configuration)",
      "changed usr/lib/same.so: of library: kind directory instead of file",
      "device etc/base.conf: of base, changed, mode 0644, owner 0:0",
    ],
  ],
  "a folder becomes a link": [
    (root) => {
      root.remove("var/spool");
      root.makeSymlink("var/spool", "/tmp", plainFile);
    },
    ["unowned var/spool"],
  ],
  "a file and a folder go": [
    (root) => {
      for (const path of ["bin/tool", "bin", "etc/base.conf"]) root.remove(path);
    },
    [
      "missing bin: of base",
      "missing bin/tool: of base",
      "missing etc/base.conf: of base (configuration)",
    ],
  ],
  "things are added": [
    async (root) => {
      await writeText(root, "usr/bin/evil", "x");
      root.setAttributes("usr/bin/evil", { ...plainFile, mode: 0o2755 });
      root.makeDirectory("opt", { ...plainFile, mode: 0o755 });
      root.makeSymlink("opt/link", "/bin/tool", plainFile);
      root.makeDirectory("shared", { ...plainFile, mode: 0o1777 });
      root.makeDirectory("open", { ...plainFile, mode: 0o777 });
      const device = { ...plainFile, kind: "character", major: 1, minor: 1 } as const;
      root.makeSpecial("dev/mem", device);
      root.makeSpecial("opt/pipe", { ...plainFile, kind: "fifo", mode: 0o666 });
    },
    [
      "unowned dev/mem",
      "unowned open",
      "unowned opt",
      "unowned opt/link",
      "unowned opt/pipe",
      "unowned shared",
      "unowned usr/bin/evil",
      "setuid usr/bin/evil: of no package, mode 2755, owner 0:0",
      "device dev/mem: of no package, mode 0644, owner 0:0",
      "world-writable open: of no package, mode 0777, owner 0:0",
      "world-writable opt/pipe: of no package, mode 0666, owner 0:0",
    ],
  ],
  "a device that apk makes gets more rights": [
    (root) => root.setAttributes("dev/console", { ...plainFile, mode: 0o666 }),
    [
      "unowned dev/console",
      "device dev/console: of no package, mode 0666, owner 0:0",
      "world-writable dev/console: of no package, mode 0666, owner 0:0",
    ],
  ],
  "apk's own files are not what they are": [
    async (root) => {
      await writeText(root, "lib/apk/db/lock", "something");
      await writeText(root, "lib/apk/db/other", "something");
      await writeText(root, "etc/apk/arch", "armv7\n");
    },
    ["unowned etc/apk/arch", "unowned lib/apk/db/lock", "unowned lib/apk/db/other"],
  ],
};

for (const [name, [change, expected]] of Object.entries(cases))
  test(`what is found when ${name}`, async () => {
    const root = await installedRoot(world);
    await change(root);
    const report = await verifyRoot(root);
    const found = report.findings
      .filter(({ kind }) => kind !== "unproven")
      .map(({ kind, subject, text, configuration }) => {
        const more = text === "" ? "" : `: ${text}`;
        return `${kind} ${subject}${more}${configuration === true ? " (configuration)" : ""}`;
      });
    const gone = new Set(
      expected.filter((line) => line.startsWith("-")).map((line) => line.slice(1)),
    );
    const isUsual = (line: string) =>
      usual.some((each) => !gone.has(each) && line.startsWith(`${each}:`));
    assert.deepEqual(
      found.filter((line) => !isUsual(line)),
      expected.filter((line) => !line.startsWith("-")),
    );
  });

/** A database of hand-made records: the lines of each behind its name and version. */
function database(records: Readonly<Record<string, string>>): string {
  return Object.entries(records)
    .map(
      ([name, lines]) => `C:${checksum("sha1", name)}\nP:${name}\nV:1-r0\nA:x86_64\n${lines}\n\n`,
    )
    .join("");
}

function checksum(algorithm: "sha1" | "sha256", text: string, length = 32): string {
  const bytes = hashBytes(algorithm, Buffer.from(text)).subarray(0, length);
  return `Q1${Buffer.from(bytes).toString("base64")}`;
}

/** `state path` of the files whose paths are asked for. */
async function statesIn(
  layers: readonly Parameters<typeof layeredImage>[0][number][],
  paths: readonly string[],
  checksums: readonly ("sha1" | "sha256")[] = ["sha1", "sha256"],
) {
  const located = { kind: "image", image: await layeredImage(layers) } as const;
  const inventory = await readInventory(located, { checksums });
  const { files } = verifyInventory(inventory, noEvidence);
  return Object.fromEntries(paths.map((path) => [path, files.find((file) => file.path === path)]));
}

test("a package's lib is found where a link of another leads", async () => {
  const records = database({
    layout: `F:\nR:lib\na:0:0:777\nZ:${checksum("sha1", "usr/lib")}\nF:usr\nF:usr/lib`,
    library: `F:lib\nR:x.so\nZ:${checksum("sha1", "x")}\nR:gone.so\nZ:${checksum("sha1", "gone")}`,
  });
  const files = {
    lib: "-> usr/lib",
    "usr/": "",
    "usr/lib/": "",
    "usr/lib/x.so": "x",
    "usr/lib/apk/db/installed": records,
  };
  const found = await statesIn(
    [{ createdBy: "ADD", files }],
    ["lib", "usr/lib", "usr/lib/x.so", "usr/lib/gone.so", "usr/lib/apk/db/installed"],
  );
  assert.deepEqual(
    Object.entries(found).map(([path, file]) => [path, file?.state, file?.package ?? file?.maker]),
    [
      ["lib", "packaged", "layout"],
      ["usr/lib", "packaged", "layout"],
      ["usr/lib/x.so", "packaged", "library"],
      ["usr/lib/gone.so", "missing", "library"],
      ["usr/lib/apk/db/installed", "generated", "apk"],
    ],
  );
});

test("of several packages that list a file the one that fits has it", async () => {
  const records = database({
    old: `F:etc\nR:shared\nZ:${checksum("sha1", "old")}\nR:other\nZ:${checksum("sha1", "o")}`,
    new: `F:etc\nR:shared\nZ:${checksum("sha1", "new")}\nR:other\nZ:${checksum("sha1", "p")}`,
  });
  const files = { "lib/apk/db/installed": records, "etc/shared": "new", "etc/other": "neither" };
  const found = await statesIn([{ createdBy: "ADD", files }], ["etc/shared", "etc/other"]);
  assert.deepEqual(
    Object.values(found).map((file) => [file?.state, file?.package]),
    [
      ["packaged", "new"],
      ["changed", "old"],
    ],
  );
});

test("checksums of every kind are compared, and where there is none nothing is claimed", async () => {
  const long = checksum("sha256", "long");
  const records = database({
    short: `f:S\nF:etc\nR:short\nZ:${checksum("sha256", "short", 20)}\nR:bad\nZ:${checksum("sha1", "bad")}`,
    mixed: `F:etc\nR:long\nZ:${long}\nR:hex\nZ:X1${Buffer.from(hashBytes("sha1", Buffer.from("hex"))).toString("hex")}\nR:none\nR:wrong\nZ:${long}\nR:link`,
  });
  const files = {
    "lib/apk/db/installed": records,
    "etc/short": "short",
    "etc/bad": "bad",
    "etc/long": "long",
    "etc/hex": "hex",
    "etc/none": "none",
    "etc/wrong": "not long",
    "etc/link": "-> target",
  };
  const layers = [{ createdBy: "ADD", files }];
  const paths = Object.keys(files).slice(1);
  const states = async (checksums: readonly ("sha1" | "sha256")[]) =>
    Object.fromEntries(
      Object.entries(await statesIn(layers, paths, checksums)).map(([path, file]) => [
        path,
        file?.state,
      ]),
    );
  const expected = {
    "etc/short": "packaged",
    "etc/bad": "changed",
    "etc/long": "packaged",
    "etc/hex": "packaged",
    "etc/none": "unprovable",
    "etc/wrong": "changed",
    "etc/link": "unprovable",
  };
  assert.deepEqual(await states(["sha1", "sha256"]), expected);
  // What was not computed is not taken for right.
  assert.deepEqual(await states(["sha1"]), {
    ...expected,
    "etc/short": "unprovable",
    "etc/bad": "unprovable",
    "etc/long": "unprovable",
    "etc/wrong": "unprovable",
  });
});

test("the layer that brought, changed or removed a file is named", async () => {
  const records = database({
    base: `F:etc\nR:kept\nZ:${checksum("sha1", "a")}\nR:changed\nZ:${checksum("sha1", "a")}\nR:removed\nZ:${checksum("sha1", "a")}\nR:never\nZ:${checksum("sha1", "a")}`,
  });
  const base = { "etc/kept": "a", "etc/changed": "a", "etc/removed": "a" };
  const found = await statesIn(
    [
      { createdBy: "ADD base", files: { "lib/apk/db/installed": records, ...base } },
      { createdBy: "ENV A=b" },
      { createdBy: "RUN sed", files: { "etc/changed": "b", "opt/app": "x" } },
      { createdBy: "RUN rm", files: { "etc/.wh.removed": "" } },
    ],
    ["etc/kept", "etc/changed", "etc/removed", "etc/never", "opt/app"],
  );
  assert.deepEqual(
    Object.values(found).map((file) => [file?.state, file?.layer]),
    [
      ["packaged", 0],
      ["changed", 1],
      ["missing", 2],
      ["missing", undefined],
      ["unowned", 1],
    ],
  );
});

test("owners are not compared where a plain user unpacked the root", async () => {
  const installed = await installedRoot(world);
  const mine = new TreeRoot({ rootAttributes: { mode: 0o755, uid: 1000, gid: 1000, mtime: 0 } });
  for (const { path, node } of walkTree(installed.snapshot())) {
    const attributes = { ...node, uid: 1000, gid: 1000 };
    if (node.kind === "directory") mine.makeDirectory(path, attributes);
    else if (node.kind === "file") await mine.writeFile(path, attributes, node.content);
    else if (node.kind === "symlink") mine.makeSymlink(path, node.target, attributes);
  }
  const report = await verifyRoot(mine);
  assert.deepEqual(
    findingsOf(report).filter((line) => !usual.includes(line)),
    [],
  );
  assert.match(report.notes.join(), /Owners were not compared/);
  mine.setAttributes("bin/tool", { mode: 0o700, uid: 1000, gid: 1000, mtime: 0 });
  assert.ok(findingsOf(await verifyRoot(mine)).includes("changed bin/tool"));
});

test("extended attributes are not compared where all of them were lost", async () => {
  const root = await installedRoot(world);
  root.setAttributes("usr/bin/server", { ...plainFile, mode: 0o755 });
  const report = await verifyRoot(root);
  assert.deepEqual(findingsOf(report), ["setuid usr/bin/app"]);
  assert.match(report.notes.join(), /Extended attributes were not compared/);
});

test("what apk never installed into cannot be verified", async () => {
  const root = new TreeRoot();
  root.makeDirectory("etc", { ...plainFile, mode: 0o755 });
  await writeText(root, "etc/os-release", 'ID=debian\nNAME="Debian GNU/Linux"\n');
  const inventory = await inventoryOf(root);
  await refuses(() => verifyInventory(inventory), {
    code: "database-missing",
    message: /expected an apk database .* it is Debian GNU\/Linux/,
    hint: /Alpine, Wolfi/,
  });
});

test("a folder that nobody lists is apk's where packages have files below it", async () => {
  const root = await installedRoot(world);
  await editDatabase(root, (text) => text.replace(/^F:usr\n(?:M:.*\n)?/gm, ""));
  const report = await verifyRoot(root);
  const usr = report.files.find(({ path }) => path === "usr");
  assert.deepEqual([usr?.state, usr?.maker], ["generated", "apk"]);
  assert.match(await readText(root, "lib/apk/db/installed"), /^F:usr\/bin$/m);
});
