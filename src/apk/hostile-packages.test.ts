import assert from "node:assert/strict";
import { readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  file,
  folder,
  hardlink,
  packEntries,
  symlink,
  type PackageParts,
} from "../../test/package-parts.ts";
import { refuses, type Refusal } from "../../test/refusals.ts";
import {
  emptyRoots,
  install,
  installParts,
  listRoot,
  temporaryFolder,
  textAt,
} from "../../test/root-installation.ts";
import { packSample, sampleKey } from "../../test/signed-repository.ts";
import { encodeText } from "../base/index.ts";
import { DirectoryRoot } from "../tree/index.ts";

const owner = packSample(
  {
    name: "owner",
    files: {
      "bin/tool": { mode: 0o755, text: "tool" },
      "lib/deep/file": "deep",
      shortcut: { type: "symlink", linkPath: "lib" },
      top: { type: "symlink", linkPath: "/" },
      up: { type: "symlink", linkPath: "../../../../../../tmp" },
      "lib/inner": { type: "symlink", linkPath: "deep" },
    },
  },
  sampleKey(),
);

/** An entry whose name holds a NUL, as only a PAX record can. */
function nulEntry(): Uint8Array {
  const path = `evil/${"x".repeat(150)}#`;
  const bytes = Buffer.from(packEntries([{ path, checksum: "" }]));
  bytes[bytes.indexOf(encodeText(`${path}\n`)) + path.length - 1] = 0;
  return bytes;
}

const hostile = "damaged or hostile";
const throughLink = "Files are never written through another package's link";
const leaveOut = "Leave out one of the two packages";

type Case = readonly [string, PackageParts, Refusal["code"], string | RegExp, string];

const cases: readonly Case[] = [
  // Paths
  [
    "../",
    { files: [file("a"), file("../evil")] },
    "path-unsafe",
    'sample-1.0-r0: entry "../evil" climbs out of the root with `..`',
    hostile,
  ],
  ["a/../../", { files: [file("a/../../evil")] }, "path-unsafe", "climbs out of the root", hostile],
  ["folder ..", { files: [folder("lib/..")] }, "path-unsafe", "climbs out of the root", hostile],
  [
    "absolute",
    { files: [file("/etc/evil")] },
    "path-unsafe",
    'entry "/etc/evil" is an absolute path; expected one below the root',
    hostile,
  ],
  ["absolute folder", { files: [folder("/evil")] }, "path-unsafe", "is an absolute path", hostile],
  [
    "long name",
    { files: [file("a".repeat(256))] },
    "path-unsafe",
    "has a part longer than 255 bytes",
    hostile,
  ],
  [
    "long path",
    { files: [file("a/".repeat(2100) + "b")] },
    "path-unsafe",
    "is longer than 4095 bytes",
    hostile,
  ],
  ["NUL", { dataTar: nulEntry() }, "tar-invalid", "NUL byte", ""],
  [
    "root as a file",
    { files: [file("./.")] },
    "package-invalid",
    "an entry stands for the root itself but is a file",
    hostile,
  ],
  [
    "temporary name",
    { files: [file(`bin/.apk.${"0".repeat(24)}`)] },
    "package-invalid",
    `bin/.apk.${"0".repeat(24)} has a name that is kept for files on their way`,
    hostile,
  ],
  [
    "line end",
    { files: [file("a\nF:etc\nR:passwd")] },
    "package-invalid",
    '"a\\nF:etc\\nR:passwd" has a line end in its name',
    hostile,
  ],
  [
    "line end in a folder",
    { files: [folder("a\nP:musl")] },
    "package-invalid",
    '"a\\nP:musl" has a line end in its name',
    hostile,
  ],
  // Hard links
  [
    "hard link outside",
    { files: [hardlink("a", "../../etc/passwd")] },
    "path-unsafe",
    'entry "../../etc/passwd" climbs out',
    hostile,
  ],
  [
    "hard link absolute",
    { files: [hardlink("a", "/etc/passwd")] },
    "path-unsafe",
    'entry "/etc/passwd" is an absolute path',
    hostile,
  ],
  [
    "hard link to nothing",
    { files: [hardlink("a", "nowhere")] },
    "package-invalid",
    "a is a hard link to nowhere, which is not an earlier file of the package",
    hostile,
  ],
  [
    "hard link to another's file",
    { files: [hardlink("a", "bin/tool")] },
    "package-invalid",
    "a is a hard link to bin/tool, which is not an earlier file",
    hostile,
  ],
  [
    "hard link forwards",
    { files: [hardlink("a", "b"), file("b")] },
    "package-invalid",
    "a is a hard link to b, which is not an earlier file",
    hostile,
  ],
  [
    "hard link to itself",
    { files: [file("a"), hardlink("a", "a")] },
    "package-invalid",
    "a is a hard link to a, which is not an earlier file",
    hostile,
  ],
  [
    "hard link to a symlink",
    { files: [symlink("l", "bin/tool"), hardlink("a", "l")] },
    "package-invalid",
    "a is a hard link to l, which is not an earlier file",
    hostile,
  ],
  // Other packages' links
  [
    "file through a link",
    { files: [file("shortcut/new")] },
    "symlink-parent",
    "sample-1.0-r0: shortcut is a directory in the package, and a symlink to lib in the root",
    throughLink,
  ],
  [
    "file through an absolute link",
    { files: [file("top/etc/evil")] },
    "symlink-parent",
    "top is a directory in the package, and a symlink to / in the root",
    throughLink,
  ],
  [
    "file through a climbing link",
    { files: [file("up/evil")] },
    "symlink-parent",
    "up is a directory in the package, and a symlink to ../../../../../../tmp in the root",
    throughLink,
  ],
  [
    "file through a link far down",
    { files: [file("lib/inner/a/b/c")] },
    "symlink-parent",
    "lib/inner is a directory in the package",
    throughLink,
  ],
  [
    "folder on a link",
    { files: [folder("shortcut"), file("shortcut/new")] },
    "symlink-parent",
    "shortcut is a directory in the package",
    throughLink,
  ],
  [
    "folder through a link",
    { files: [folder("top/new")] },
    "symlink-parent",
    "top is a directory in the package",
    throughLink,
  ],
  [
    "link through a link",
    { files: [symlink("shortcut/new", "x")] },
    "symlink-parent",
    "shortcut is a directory",
    throughLink,
  ],
  [
    "hard link through a link",
    { files: [file("a"), hardlink("up/new", "a")] },
    "symlink-parent",
    "up is a directory",
    throughLink,
  ],
  [
    "same file in a linked folder",
    { files: [file("lib/inner/file")] },
    "symlink-parent",
    "lib/inner is a directory",
    throughLink,
  ],
  // Its own link, then a file through it
  [
    "through its own link",
    { files: [symlink("mine", "/tmp"), file("mine/evil")] },
    "package-invalid",
    "mine is a symlink and a directory in it",
    hostile,
  ],
  [
    "folder on its own link",
    { files: [symlink("mine", "/tmp"), folder("mine")] },
    "package-invalid",
    "mine is a symlink and a directory in it",
    hostile,
  ],
  [
    "file, then a folder of its name",
    { files: [file("x"), file("mine"), file("mine/a")] },
    "package-invalid",
    "mine is a file and a directory in it",
    hostile,
  ],
  [
    "folder, then a file of its name",
    { files: [file("mine/a"), file("mine")] },
    "file-conflict",
    "mine is a directory in the root, and a file in the package",
    leaveOut,
  ],
  // Kinds and owners
  [
    "file where a folder is",
    { files: [file("lib")] },
    "file-conflict",
    "lib is a directory in the root, and a file in the package",
    leaveOut,
  ],
  [
    "link where a folder is",
    { files: [symlink("lib", "usr/lib")] },
    "file-conflict",
    "lib is a directory in the root, and a symlink in the package",
    leaveOut,
  ],
  [
    "folder where a file is",
    { files: [folder("bin/tool")] },
    "file-conflict",
    "bin/tool is a directory in the package, and a file in the root",
    leaveOut,
  ],
  [
    "file below a file",
    { files: [file("bin/tool/a")] },
    "file-conflict",
    "bin/tool is a directory in the package, and a file in the root",
    leaveOut,
  ],
  [
    "another's file",
    { files: [file("new"), file("bin/tool")] },
    "file-conflict",
    "sample-1.0-r0: its file bin/tool belongs to owner-1.0-r0",
    "have one of them declare that it replaces the other",
  ],
  [
    "another's link",
    { files: [symlink("shortcut", "bin")] },
    "file-conflict",
    "its file shortcut belongs to owner-1.0-r0",
    "replaces the other",
  ],
  [
    "device for another's file",
    { files: [{ path: "bin/tool", type: "fifo" }] },
    "file-conflict",
    "its file bin/tool belongs to owner-1.0-r0",
    "replaces the other",
  ],
  // Checksums
  [
    "no checksum",
    { files: [file("a"), file("b", { checksum: "" })] },
    "package-invalid",
    "sample-1.0-r0: b has no checksum",
    "current abuild or melange",
  ],
  [
    "checksum of another kind",
    { files: [file("a", { checksum: "Q1abc" })] },
    "package-invalid",
    'the checksum of a: expected 40 hex digits, found "Q1abc"',
    "current abuild or melange",
  ],
  [
    "wrong checksum",
    { files: [file("a"), file("b", { checksum: "0".repeat(40) })] },
    "checksum-mismatch",
    "sample.apk: b: its content does not have the SHA-1 that the package states",
    "The package is damaged",
  ],
  [
    "wrong checksum of an empty file",
    { files: [file("b", { text: "", checksum: "0".repeat(40) })] },
    "checksum-mismatch",
    "b: its content does not have the SHA-1",
    "The package is damaged",
  ],
  [
    "wrong checksum of a link",
    { files: [{ ...symlink("l", "x"), checksum: "0".repeat(40) }] },
    "checksum-mismatch",
    "sample-1.0-r0: the target of l does not have the SHA-1",
    "The package is damaged",
  ],
  [
    "wrong data hash",
    {
      files: [file("a"), file("new/deep/er", { text: "x".repeat(9000) })],
      dataHash: "0".repeat(64),
    },
    "datahash-mismatch",
    /expected data with SHA-256 0{64}/,
    "changed or damaged",
  ],
];

test("whatever a package tries, nothing of it is left in the root", async (context) => {
  for (const [kind, root] of emptyRoots(context)) {
    await install(root, [owner]);
    const before = await listRoot(root);
    for (const [what, parts, code, message, hint] of cases) {
      await refuses(() => installParts(root, parts), { code, message, hint }).catch(
        (error: Error) => {
          throw new Error(`${kind}, ${what}: ${error.message}`, { cause: error });
        },
      );
      assert.deepEqual(await listRoot(root), before, `${kind}, ${what}`);
    }
  }
});

test("a link to a folder of this machine is never followed", async (context) => {
  const outside = temporaryFolder(context);
  writeFileSync(join(outside, "file"), "precious");
  for (const [kind, root] of emptyRoots(context)) {
    const away = packSample(
      {
        name: "away",
        files: {
          away: { type: "symlink", linkPath: outside },
          "a/b/away": { type: "symlink", linkPath: outside },
        },
      },
      sampleKey(),
    );
    await install(root, [away]);
    for (const path of ["away/evil", "away/file", "a/b/away/evil", "a/b/away/deep/evil"])
      await refuses(() => installParts(root, { files: [file(path)] }), {
        code: "symlink-parent",
        message: `is a directory in the package, and a symlink to ${outside} in the root`,
        hint: throughLink,
      });
    assert.deepEqual(readdirSync(outside), ["file"], kind);
    // Replacing the link itself is another matter: it belongs to a package.
    await installParts(root, { info: "replaces = away\n", files: [file("away")] });
    assert.equal(await textAt(root, "away"), "text");
    assert.deepEqual(readdirSync(outside), ["file"], kind);
  }
});

test("the links of the root's own folders above it do not matter", async (context) => {
  const outside = temporaryFolder(context);
  symlinkSync(outside, join(outside, "alias"));
  const root = new DirectoryRoot(join(outside, "alias"), { owners: false });
  await installParts(root, { files: [file("a/b")] });
  assert.equal(await textAt(root, "a/b"), "text");
});
