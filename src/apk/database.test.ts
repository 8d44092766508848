import assert from "node:assert/strict";
import { test } from "node:test";
import { readFixture, readMinirootfs, withFixtures } from "../../test/alpine-fixtures.ts";
import { packEntries } from "../../test/package-parts.ts";
import { refuses } from "../../test/refusals.ts";
import { emptyRoots, install, listRoot, textAt } from "../../test/root-installation.ts";
import { packSample, sampleKey } from "../../test/signed-repository.ts";
import { gzipBytes } from "../archive/index.ts";
import { bytesContent, defaultLimits as limits, encodeText } from "../base/index.ts";
import { TreeRoot, type Root } from "../tree/index.ts";
import { parseAtom } from "./atom.ts";
import {
  findDatabase,
  initializeRoot,
  makeParents,
  readDatabase,
  writeDatabase,
} from "./database.ts";
import { formatInstalled } from "./installed.ts";

const attributes = { mode: 0o755, uid: 0, gid: 0, mtime: 0 };

async function write(root: Root, path: string, content: string | Uint8Array): Promise<void> {
  makeParents(root, path, 0);
  const bytes = typeof content === "string" ? encodeText(content) : content;
  await root.writeFile(path, { ...attributes, mode: 0o644 }, bytesContent(bytes));
}

const packages = [
  {
    name: "zoo",
    scripts: { trigger: "#!/bin/sh\n" },
    triggers: ["/bin", "+/usr/*"],
    files: { "bin/zoo": "z" },
  },
  { name: "Able", scripts: { "post-install": "echo\n" }, files: { "usr/bin/able": "a", top: "t" } },
].map((sample) => packSample(sample, sampleKey()));

test("an empty root has an empty database", async (context) => {
  for (const [, root] of emptyRoots(context)) {
    assert.equal(findDatabase(root), undefined);
    const database = await readDatabase(root, limits);
    assert.deepEqual(database, {
      installed: [],
      scripts: new Map(),
      triggers: new Map(),
      world: [],
      archs: [],
    });
  }
});

test("what is written is read again, and written again to the same bytes", async (context) => {
  for (const [kind, root] of emptyRoots(context)) {
    const world = ["zoo", "Able>1"].map(parseAtom);
    await install(root, packages, { world, archs: ["x86_64", "aarch64"] });
    const names = ["lib/apk/db/installed", "etc/apk/world", "etc/apk/arch"];
    const read = () => Promise.all(names.map((name) => textAt(root, name)));
    const before = await read();
    // Sorted by name without regard to case; what was installed first stands first elsewhere.
    const installed = [...before[0]!.matchAll(/^P:(.*)$/gm)].map(([, name]) => name);
    assert.deepEqual(installed, ["Able", "zoo"]);
    assert.deepEqual(before.slice(1), ["Able>1\nzoo\n", "x86_64\naarch64\n"]);
    assert.match(await textAt(root, "lib/apk/db/triggers"), /^Q1\S+ \/bin \+\/usr\/\*\n$/);
    assert.match(await textAt(root, "lib/apk/db/scripts.tar"), /^zoo-[^]*Able-/);
    const database = await readDatabase(root, limits);
    assert.equal(database.scripts.size, 2);
    await writeDatabase(root, database, 0);
    assert.deepEqual(await read(), before, kind);
    // The order of installation is not kept in the database; from now on it is that of names.
    assert.match(await textAt(root, "lib/apk/db/scripts.tar"), /^Able-[^]*zoo-/);
    const again = await readDatabase(root, limits);
    assert.deepEqual(
      { ...again, installed: formatInstalled(again.installed) },
      { ...database, installed: formatInstalled(database.installed) },
    );
  }
});

test("what `apk add --initdb` makes", async () => {
  const root = new TreeRoot();
  initializeRoot(root, 5);
  assert.deepEqual(await listRoot(root), [
    "dev directory 755 0:0",
    "dev/console character 600 0:0 5:1",
    "dev/null character 666 0:0 1:3",
    "dev/random character 666 0:0 1:8",
    "dev/urandom character 666 0:0 1:9",
    "dev/zero character 666 0:0 1:5",
    "etc directory 755 0:0",
    "etc/apk directory 755 0:0",
    "lib directory 755 0:0",
    "lib/apk directory 755 0:0",
    "lib/apk/db directory 755 0:0",
    "proc directory 555 0:0",
    "tmp directory 1777 0:0",
    "var directory 755 0:0",
    "var/cache directory 755 0:0",
    "var/cache/apk directory 755 0:0",
    "var/cache/misc directory 755 0:0",
  ]);
  // What is there stays as it is.
  root.setAttributes("tmp", { ...attributes, mode: 0o700 });
  initializeRoot(root, 6);
  assert.equal(root.lookup("tmp")?.mode, 0o700);
});

test("a root whose lib is a link to usr/lib", async (context) => {
  for (const [kind, root] of emptyRoots(context)) {
    makeParents(root, "usr/lib/x", 0);
    root.makeSymlink("lib", "usr/lib", attributes);
    await install(root, packages);
    assert.equal(findDatabase(root), "usr/lib/apk/db", kind);
    assert.deepEqual(root.list("usr/lib/apk/db"), ["installed", "lock", "scripts.tar", "triggers"]);
    assert.equal(root.lookup("lib")?.kind, "symlink");
    assert.equal((await readDatabase(root, limits)).installed.length, 2);
  }
});

test("a database below usr/lib is found and kept there", async () => {
  const root = new TreeRoot();
  await write(root, "usr/lib/apk/db/installed", "C:Q1x\nP:old\nV:1\n\n");
  await write(root, "etc/apk/arch", "x86_64\n");
  await install(root, packages);
  assert.equal(root.lookup("lib"), undefined);
  const { installed } = await readDatabase(root, limits);
  assert.deepEqual(
    installed.map(({ name }) => name),
    ["Able", "old", "zoo"],
  );
});

test("a link that leads out of the root leads nowhere", async (context) => {
  for (const [kind, root] of emptyRoots(context)) {
    root.makeSymlink("lib", "../../../../../../usr/lib", attributes);
    root.makeSymlink("etc", "/../../system", attributes);
    await install(root, packages);
    // `..` at the top stays there, as after a chroot.
    assert.equal(findDatabase(root), "usr/lib/apk/db", kind);
    assert.deepEqual(root.list("system/apk"), ["arch", "world"]);
  }
});

test("packed scripts are read, and written plain in their stead", async () => {
  const root = new TreeRoot();
  const identity = `Q1${"a".repeat(26)}A=`;
  const scripts = packEntries([{ path: `old-1.${identity}.trigger`, text: "#!" }]);
  await write(root, "lib/apk/db/installed", `C:${identity}\nP:old\nV:1\n\n`);
  await write(root, "lib/apk/db/scripts.tar.gz", gzipBytes(scripts));
  const database = await readDatabase(root, limits);
  assert.deepEqual([...database.scripts.keys()], [identity]);
  await writeDatabase(root, database, 0);
  assert.deepEqual(root.list("lib/apk/db"), ["installed", "lock", "scripts.tar", "triggers"]);
  assert.deepEqual([...(await readDatabase(root, limits)).scripts.keys()], [identity]);
});

test("a damaged database is refused by name", async () => {
  for (const [text, message] of [
    ["garbage\n", 'lib/apk/db/installed: expected lines such as "P:name", found "garbage"'],
    ["P:a\n\n", "lib/apk/db/installed: expected a name (P:) and a version (V:) in every record"],
  ] as const) {
    const root = new TreeRoot();
    await write(root, "lib/apk/db/installed", text);
    await refuses(() => readDatabase(root, limits), {
      code: "database-invalid",
      message,
      hint: "The installed database is damaged.",
    });
  }
  const root = new TreeRoot();
  await write(root, "etc/apk/world", "a=b=c\n");
  await refuses(() => readDatabase(root, limits), {
    code: "atom-invalid",
    message: "a=b=c",
    hint: "",
  });
});

test("the databases of real roots are written as they were", withFixtures, async () => {
  for (const version of ["3.10.9", "3.19.4"] as const) {
    const root = await readMinirootfs(version);
    const names = ["installed", "triggers", "lock"].map((name) => `lib/apk/db/${name}`);
    names.push("etc/apk/world", "etc/apk/arch");
    // In 2019 apk did not sort packages yet.
    const records = (text: string) => text.split("\n\n").sort();
    const read = async () =>
      Promise.all(names.map(async (name) => records(await textAt(root, name))));
    const before = await read();
    const textBefore = await textAt(root, names[0]!);
    const database = await readDatabase(root, limits);
    assert.ok(database.installed.length >= 14, `${database.installed.length} packages`);
    await writeDatabase(root, database, 0);
    assert.deepEqual(await read(), before, version);
    assert.equal((await textAt(root, names[0]!)) === textBefore, version === "3.19.4");
    assert.deepEqual((await readDatabase(root, limits)).scripts, database.scripts);
  }
});

test("a real database below usr/lib", withFixtures, async () => {
  const root = new TreeRoot();
  const folder = "usr/lib/apk/db";
  for (const name of ["installed", "scripts.tar", "triggers"])
    await write(root, `${folder}/${name}`, readFixture(`apk/root/${folder}/${name}`));
  const database = await readDatabase(root, limits);
  assert.equal(
    formatInstalled(database.installed),
    readFixture(`apk/root/${folder}/installed`).toString(),
  );
  assert.equal(database.triggers.size, 1);
  await writeDatabase(root, database, 0);
  assert.equal(
    await textAt(root, `${folder}/triggers`),
    readFixture(`apk/root/${folder}/triggers`).toString(),
  );
});
