import assert from "node:assert/strict";
import { test } from "node:test";
import { refuses } from "../../test/refusals.ts";
import { parseAtoms } from "./atom.ts";
import { FileOwners } from "./file-owners.ts";
import {
  createInstalled,
  formatInstalled,
  parseInstalled,
  type InstalledPackage,
} from "./installed.ts";
import { createPackage } from "./package.ts";

const plain = { mode: 0o755, uid: 0, gid: 0 };
const text = `C:Q1old
P:old
V:1

F:
R:top
Z:Q1top
F:bin
M:0:0:700
R:a
Z:Q1a
R:b
Z:Q1b
F:empty

`.replace("V:1\n\n", "V:1\n");

function installed(): InstalledPackage[] {
  return parseInstalled(text, { subject: "installed" });
}

function newcomer(
  name: string,
  replaces = "",
  extras: Partial<InstalledPackage> = {},
): InstalledPackage {
  return createInstalled(createPackage({ name, version: "2" }), {
    replaces: parseAtoms(replaces),
    ...extras,
  });
}

const file = (name: string) => ({ name, mode: 0o644, uid: 0, gid: 0, checksum: `Q1${name}` });

test("files belong to those who have them in the database", async () => {
  const [old] = installed();
  const owners = new FileOwners([old!]);
  assert.equal(owners.fileOf(old!, "bin/a")?.checksum, "Q1a");
  assert.equal(owners.fileOf(old!, "bin/c"), undefined);
  assert.equal(owners.fileOf(old!, "top")?.checksum, "Q1top");
  assert.deepEqual([...owners.directories()], ["", "bin", "empty"]);
  assert.equal(owners.decide("bin/c", newcomer("new")), "take");
  await refuses(() => owners.decide("bin/a", newcomer("new")), {
    code: "file-conflict",
    message: "new-2: its file bin/a belongs to old-1",
    hint: "have one of them declare that it replaces the other",
  });
  assert.equal(owners.decide("bin/a", newcomer("new", "old")), "take");
});

test("a record that nothing was changed in is the very same", () => {
  const packages = installed();
  const owners = new FileOwners(packages);
  assert.equal(owners.withFiles(packages[0]!), packages[0]);
  assert.equal(formatInstalled(packages.map((each) => owners.withFiles(each))), text);
});

test("a file that is taken over leaves the record of its owner", () => {
  const [old] = installed();
  const owners = new FileOwners([old!]);
  const taker = newcomer("new", "old");
  owners.addDirectory(taker, "bin", plain);
  owners.addFile(taker, "bin/a", file("a"));
  const files = (subject: InstalledPackage) =>
    owners
      .withFiles(subject)
      .directories.map(
        ({ path, files: all }) => `${path}: ${all.map(({ name }) => name).join(" ")}`,
      );
  assert.deepEqual(files(old!), [": top", "bin: b", "empty: "]);
  assert.deepEqual(files(taker), ["bin: a"]);
  // From now on it is the taker's.
  assert.equal(owners.decide("bin/a", taker), "take");
});

test("the root is listed for the sake of its files only", () => {
  const owners = new FileOwners([]);
  const subject = newcomer("new");
  owners.addDirectory(subject, "", plain);
  assert.deepEqual(owners.withFiles(subject).directories, []);
  owners.addFile(subject, "z", file("z"));
  owners.addFile(subject, "a", file("a"));
  assert.deepEqual(
    owners
      .withFiles(subject)
      .directories.map(({ path, files }) => [path, files.map(({ name }) => name)]),
    [["", ["a", "z"]]],
  );
});

test("directories and files are listed in the order of their bytes", () => {
  const owners = new FileOwners([]);
  const subject = newcomer("new");
  for (const path of ["b", "a/b", "a", "a.b", "ä", "Z"]) owners.addDirectory(subject, path, plain);
  for (const name of ["b", "a", "ä", "B", "a.b"]) owners.addFile(subject, `a/${name}`, file(name));
  const { directories } = owners.withFiles(subject);
  assert.deepEqual(
    directories.map(({ path }) => path),
    ["Z", "a", "a.b", "a/b", "b", "ä"],
  );
  assert.deepEqual(
    directories[1]!.files.map(({ name }) => name),
    ["B", "a", "a.b", "b", "ä"],
  );
});

test("a directory has the attributes of the package that comes first", () => {
  const owners = new FileOwners([]);
  const [a, b, first] = [newcomer("a"), newcomer("b"), newcomer("z", "", { replacesPriority: 5 })];
  assert.equal(owners.directoryAttributes("d"), undefined);
  assert.equal(owners.addDirectory(b, "d", { ...plain, mode: 0o700 }).mode, 0o700);
  assert.equal(owners.addDirectory(a, "d", { ...plain, mode: 0o711 }).mode, 0o711);
  assert.equal(
    owners.addDirectory(first, "d", { ...plain, mode: 0o722, xattrHash: "Q1x" }).mode,
    0o722,
  );
  assert.equal(owners.addDirectory(newcomer("c"), "d", plain).mode, 0o722);
  assert.deepEqual(owners.directoryAttributes("d"), { ...plain, mode: 0o722, xattrHash: "Q1x" });
  // Each record keeps what its own package says.
  assert.deepEqual(
    [a, b, first].map((each) => owners.withFiles(each).directories[0]!.mode),
    [0o711, 0o700, 0o722],
  );
});
