import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { lstatSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openRealAlpine, skipUnless, withRealApk } from "../../test/alpine-fixtures.ts";
import {
  assemblePackage,
  file,
  folder,
  hardlink,
  symlink,
  type PartFile,
} from "../../test/package-parts.ts";
import {
  emptyRoots,
  install,
  installParts,
  listRoot,
  temporaryFolder,
  textAt,
} from "../../test/root-installation.ts";
import { packSample, sampleKey } from "../../test/signed-repository.ts";
import { bytesContent, defaultLimits as limits, encodeText } from "../base/index.ts";
import { DirectoryRoot, TreeRoot } from "../tree/index.ts";
import { createIndexFile } from "./create.ts";
import { readDatabase } from "./database.ts";

test("files of every kind, folders that are not listed, and names of every sort", async (context) => {
  const names = [
    "plain",
    ".hidden",
    "with space",
    "ünïcode",
    "-dash",
    "carriage\rreturn",
    "a".repeat(255),
    "\udcff\udcfe",
    "~",
    "*",
  ];
  for (const [kind, root] of emptyRoots(context)) {
    await installParts(root, {
      files: [
        ...names.map((name) => file(`not/listed/${name}`, { mode: 0o600 })),
        hardlink("not/listed/second", "not/listed/plain"),
        hardlink("third", "not/listed/second"),
        symlink("link", "not/listed/plain"),
        file("./dotted//path/x"),
        { path: "pipe", type: "fifo", mode: 0o622 },
      ],
    });
    for (const name of names)
      assert.equal(await textAt(root, `not/listed/${name}`), "text", `${kind} ${name}`);
    const lines = new Set((await listRoot(root)).map((line) => line.split(" ", 3).join(" ")));
    for (const line of [
      "not directory 755",
      "dotted/path/x file 644",
      "third file 600",
      "pipe fifo 622",
    ])
      assert.ok(lines.has(line), `${kind} ${line}`);
    const { installed } = await readDatabase(root, limits);
    const [record] = installed;
    assert.deepEqual(
      record?.directories.map(({ path, files }) => `${path}: ${files.length}`),
      [": 3", "dotted/path: 1", "not/listed: 11"],
      kind,
    );
    const listed = record!.directories[2]!.files;
    assert.equal(
      listed.find(({ name }) => name === "second")?.checksum,
      listed.find(({ name }) => name === "plain")?.checksum,
    );
  }
});

test("hard links share one file", async (context) => {
  const parts = { files: [file("a", { mode: 0o755 }), hardlink("b", "a"), hardlink("d/c", "b")] };
  const directory = temporaryFolder(context);
  await installParts(new DirectoryRoot(directory, { owners: false }), parts);
  const inodes = ["a", "b", "d/c"].map((path) => lstatSync(join(directory, path)).ino);
  assert.equal(new Set(inodes).size, 1);
  const tree = new TreeRoot();
  await installParts(tree, parts);
  assert.equal(tree.lookup("a"), tree.lookup("d/c"));
});

test("owners are those that the root's accounts name, else the numbers", async () => {
  const root = new TreeRoot();
  const attributes = { mode: 0o644, uid: 0, gid: 0, mtime: 0 };
  root.makeDirectory("etc", { ...attributes, mode: 0o755 });
  await root.writeFile("etc/passwd", attributes, bytesContent(encodeText("daemon:x:77:78:::\n")));
  await root.writeFile("etc/group", attributes, bytesContent(encodeText("wheel:x:88:\n")));
  await installParts(root, {
    files: [
      { ...folder("d"), uid: 5, gid: 6, userName: "daemon", groupName: "wheel", mode: 0o2750 },
      file("d/named", { uid: 5, gid: 6, userName: "daemon", groupName: "wheel" }),
      file("d/unknown", { uid: 5, gid: 6, userName: "nobody", groupName: "daemon" }),
      file("d/numbers", { uid: 4_000_000_000, gid: 6 }),
    ],
  });
  const lines = (await listRoot(root, "d")).concat(
    (await listRoot(root)).filter((line) => line.startsWith("d ")),
  );
  assert.deepEqual(
    lines.map((line) => line.split(" ", 4).join(" ")),
    [
      "d/named file 644 77:88",
      "d/numbers file 644 4000000000:6",
      "d/unknown file 644 5:6",
      "d directory 2750 77:88",
    ],
  );
  assert.match(
    await textAt(root, "lib/apk/db/installed"),
    /F:d\nM:77:88:2750\nR:named\na:77:88:644\nZ:/,
  );
});

const asRoot = skipUnless(process.getuid?.() === 0, "setting owners needs root");

test("set-user-id survives the change of owner", asRoot, async (context) => {
  const directory = temporaryFolder(context);
  const files = [
    file("su", { mode: 0o4755, uid: 12, gid: 13 }),
    file("sg", { mode: 0o2711, uid: 12, gid: 13 }),
    { ...folder("d"), mode: 0o3777, uid: 12, gid: 13 },
  ];
  await installParts(new DirectoryRoot(directory, { owners: true }), { files });
  for (const [path, mode] of [
    ["su", 0o4755],
    ["sg", 0o2711],
    ["d", 0o3777],
  ] as const) {
    const stats = lstatSync(join(directory, path));
    assert.deepEqual([stats.mode & 0o7777, stats.uid, stats.gid], [mode, 12, 13], path);
  }
});

const devices =
  spawnSync("sh", ["-c", "d=$(mktemp -d) && mknod $d/x c 1 3; r=$?; rm -r $d; exit $r"]).status ===
  0;

test(
  "device nodes, in a tree and where the kernel allows them",
  skipUnless(devices, "mknod is not allowed here"),
  async (context) => {
    const files: PartFile[] = [
      { path: "dev/one", type: "character", deviceMajor: 1, deviceMinor: 3, mode: 0o666 },
      {
        path: "dev/two",
        type: "block",
        deviceMajor: 259,
        deviceMinor: 70_000,
        mode: 0o660,
        gid: 6,
      },
    ];
    for (const [kind, root] of emptyRoots(context)) {
      await installParts(root, { files });
      const lines = (await listRoot(root, "dev")).filter((line) => /^dev\/(one|two)/.test(line));
      assert.deepEqual(
        lines,
        ["dev/one character 666 0:0 1:3", "dev/two block 660 0:6 259:70000"],
        kind,
      );
    }
  },
);

test("directories that exist keep what an administrator changed", async (context) => {
  for (const [kind, root] of emptyRoots(context)) {
    // Where owners cannot be set, every directory looks changed.
    if (root instanceof DirectoryRoot && process.getuid?.() !== 0) continue;
    await installParts(root, {
      files: [
        { ...folder("d"), mode: 0o700 },
        { ...folder("e"), mode: 0o700 },
      ],
    });
    root.setAttributes("e", { ...root.lookup("e")!, mode: 0o711 });
    const second = assemblePackage({
      name: "another",
      files: [
        { ...folder("d"), mode: 0o750 },
        { ...folder("e"), mode: 0o750 },
      ],
    });
    await install(root, [{ ...second, trust: { by: "nothing" } }]);
    // "another" comes before "sample"; nobody touched d, somebody touched e.
    assert.deepEqual([root.lookup("d")?.mode, root.lookup("e")?.mode], [0o750, 0o711], kind);
  }
});

test(
  "extended attributes are kept, and their hash is what the real apk writes",
  withRealApk,
  async (context) => {
    const alpine = openRealAlpine(context);
    const key = sampleKey();
    const created = packSample(
      {
        name: "attributes",
        files: {
          "opt/one": {
            text: "1",
            xattrs: new Map([
              ["user.z", encodeText("last")],
              ["user.a", encodeText("first\0")],
            ]),
          },
          "opt/capable": {
            text: "2",
            mode: 0o755,
            xattrs: new Map([
              [
                "security.capability",
                Buffer.from("0100000200200000000000000000000000000000", "hex"),
              ],
            ]),
          },
          "opt/empty": { text: "3", xattrs: new Map([["user.empty", new Uint8Array(0)]]) },
        },
      },
      key,
    );
    const arch = join(alpine.folder, "x86_64");
    mkdirSync(arch);
    writeFileSync(join(arch, "attributes-1.0-r0.apk"), created.bytes);
    writeFileSync(
      join(arch, "APKINDEX.tar.gz"),
      createIndexFile([created.package], "", [{ key: key.key, algorithm: "RSA" }]),
    );
    const words = [
      "add",
      "--root",
      "/out",
      "--initdb",
      "--arch",
      "x86_64",
      "--allow-untrusted",
      "--no-network",
      "--no-cache",
      "-X",
      "/",
      "attributes",
    ];
    const added = alpine.run("apk", ...words);
    assert.equal(added.status, 0, added.output);
    const real = await textAt(
      new DirectoryRoot(alpine.folder, { owners: false }),
      "out/lib/apk/db/installed",
    );
    const tree = new TreeRoot();
    await install(tree, [created], { world: [] });
    assert.equal(await textAt(tree, "lib/apk/db/installed"), real);
    const entry = tree.lookup("opt/one");
    assert.ok(entry?.kind === "file" && entry.xattrs?.size === 2);
  },
);
