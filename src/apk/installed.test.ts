import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import * as fc from "fast-check";
import { tarEntries } from "../archive/index.ts";
import { decodeName, defaultLimits, encodeName, isBivyError, plainPath } from "../base/index.ts";
import {
  changeInstalled,
  createInstalled,
  formatInstalled,
  noInstalledFlags,
  parseInstalled,
  sortInstalled,
} from "./installed.ts";
import { createPackage } from "./package.ts";

const options = { subject: "installed" };
const fixtures = new URL("../../../shared/fixtures/", import.meta.url);
const skip =
  existsSync(fixtures) || process.env["CI"] !== undefined
    ? false
    : "../shared/fixtures is not there";

const record = `C:Q1EyN5AdpAOBJWKMR89pp/C66o+OE=
P:a
V:1
S:1
I:1
T:
U:
L:
r:b
q:5
s:edge
f:fs
F:
R:top
F:etc
M:0:42:1777:Q1xattr
R:conf
a:1:2:600
Z:Q1sum=

`;

test("directories, files, and what the database adds to a package", () => {
  const [a] = parseInstalled(record, options);
  assert.equal(a!.tag, "edge");
  assert.deepEqual(a!.flags, { ...noInstalledFlags, brokenFiles: true, brokenScript: true });
  assert.equal(a!.replacesPriority, 5);
  const [root, etc] = a!.directories;
  assert.deepEqual(root!.files, [{ name: "top", mode: 0o644, uid: 0, gid: 0 }]);
  assert.deepEqual(
    [etc!.path, etc!.mode, etc!.gid, etc!.xattrHash],
    ["etc", 0o1777, 42, "Q1xattr"],
  );
  assert.deepEqual(etc!.files, [{ name: "conf", mode: 0o600, uid: 1, gid: 2, checksum: "Q1sum=" }]);
});

test("a changed copy is written anew, in apk's form", () => {
  const [a] = parseInstalled(record, options);
  assert.equal(formatInstalled([changeInstalled(a!, {})]), record);
  const moved = changeInstalled(a!, { flags: noInstalledFlags, tags: ["x", "y"] });
  assert.equal(
    formatInstalled([moved]),
    record.replace("r:b\n", "g:x y\nr:b\n").replace("f:fs\n", ""),
  );
});

test("packages stand by name without regard to case", () => {
  const packages = ["b", "B", "a-z", "a"].map((name) =>
    createInstalled(createPackage({ name, version: "1" })),
  );
  assert.deepEqual(
    sortInstalled(packages).map(({ name }) => name),
    ["a", "a-z", "B", "b"],
  );
});

test("damaged databases are refused", () => {
  for (const body of ["F:etc\nR:x\nQ:1", "F:etc\nM:0:0", "F:etc\nZ:Q1x", "F:etc\nR:x\na:0:0:999"])
    assert.throws(
      () => parseInstalled(`P:a\nV:1\n${body}\n\n`, options)[0]!.directories,
      (error) =>
        isBivyError(error, "database-invalid") && error.message.startsWith("installed: a: "),
      body,
    );
  assert.throws(
    () => parseInstalled("nonsense\n", options),
    (error) => isBivyError(error, "database-invalid"),
  );
});

const fileName = fc
  .array(fc.constantFrom(0x61, 0x2e, 0x20, 0xc3, 0xff, 0x7a), { minLength: 1, maxLength: 4 })
  .map((bytes) => decodeName(Uint8Array.from(bytes)));
const permissions = {
  mode: fc.constantFrom(0o644, 0o755, 0o4755, 0),
  uid: fc.constantFrom(0, 1000),
  gid: fc.constantFrom(0, 42),
};

test("what is written is read back, whatever the bytes of its names", () => {
  const files = fc.array(
    fc.record(
      { name: fileName, ...permissions, checksum: fc.constant("Q1sum=") },
      { requiredKeys: ["name", "mode", "uid", "gid"] },
    ),
    { maxLength: 3 },
  );
  const directories = fc.array(fc.record({ path: fileName, ...permissions, files }), {
    maxLength: 3,
  });
  fc.assert(
    fc.property(directories, (tree) => {
      const subject = createInstalled(createPackage({ name: "a", version: "1" }), {
        directories: tree,
      });
      const text = formatInstalled([subject]);
      const read = parseInstalled(encodeName(text), options);
      assert.equal(formatInstalled(read), text);
      assert.equal(formatInstalled(read.map((item) => changeInstalled(item, {}))), text);
      assert.equal(read[0]!.directories.length, tree.length);
    }),
  );
});

test("databases of real roots come back byte for byte", { skip }, () => {
  const databases = new URL("apk/installed/", fixtures);
  // One fixture lacks the empty line after its last record.
  for (const name of readdirSync(databases)) {
    const text = readFileSync(new URL(name, databases), "utf8");
    const written = formatInstalled(parseInstalled(text, { subject: name }));
    assert.equal(written, text.endsWith("\n\n") ? text : `${text.trimEnd()}\n\n`, name);
  }
  for (const name of readdirSync(new URL("minirootfs/", fixtures))) {
    const text = databaseOf(new URL(`minirootfs/${name}`, fixtures));
    assert.equal(formatInstalled(parseInstalled(text, { subject: name })), text, name);
  }
});

test(
  "the records of a root that apk 2.14 made are written anew as apk wrote them",
  { skip },
  () => {
    const text = databaseOf(new URL("minirootfs/alpine-minirootfs-3.19.4-x86_64.tar.gz", fixtures));
    const packages = parseInstalled(text, options);
    assert.equal(formatInstalled(packages.map((subject) => changeInstalled(subject, {}))), text);
  },
);

function databaseOf(archive: URL): string {
  const reading = { subject: archive.pathname, limits: defaultLimits };
  for (const { header, content } of tarEntries(gunzipSync(readFileSync(archive)), reading))
    if (plainPath(header.path) === "lib/apk/db/installed") return decodeName(content);
  throw new Error(`${archive.pathname} has no installed database`);
}
