import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { defaultLimits, readContent } from "../base/index.ts";
import { findNode, readDirectoryTree, walkTree, type FileNode, type LayeredTree } from "./index.ts";

function folder(context: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), "bivy-tree-"));
  context.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

function fileAt(tree: LayeredTree, path: string): FileNode {
  const node = findNode(tree.top, path);
  assert.ok(node?.kind === "file", path);
  return node;
}

const textAt = async (tree: LayeredTree, path: string) =>
  Buffer.from(await readContent(fileAt(tree, path).content, defaultLimits, path)).toString();

test("a folder on disk is a tree of one layer, as it stands there", async (context) => {
  const root = folder(context);
  mkdirSync(join(root, "d"));
  chmodSync(join(root, "d"), 0o1777);
  writeFileSync(join(root, "d/f"), "text");
  chmodSync(join(root, "d/f"), 0o4711);
  lutimesSync(join(root, "d/f"), 1_700_000_000.25, 1_700_000_000.25);
  writeFileSync(join(root, "empty"), "");
  symlinkSync("/d/f", join(root, "l"));
  symlinkSync("nowhere", join(root, "d/broken"));
  execFileSync("mkfifo", [join(root, "p")]);
  const tree = await readDirectoryTree(root);
  assert.deepEqual(
    [...walkTree(tree.top)].map(
      ({ path, node }) => `${path} ${node.kind} ${node.mode.toString(8)}`,
    ),
    [
      "d directory 1777",
      "d/broken symlink 777",
      "d/f file 4711",
      "empty file 644",
      "l symlink 777",
      "p fifo 644",
    ],
  );
  const { uid, gid, mtime, mtimeNanoseconds } = fileAt(tree, "d/f");
  assert.deepEqual([uid, gid], [process.getuid!(), process.getgid!()]);
  assert.deepEqual([mtime, mtimeNanoseconds], [1_700_000_000, 250_000_000]);
  const link = findNode(tree.top, "l");
  assert.ok(link?.kind === "symlink" && link.target === "/d/f");
  assert.equal(await textAt(tree, "d/f"), "text");
  assert.equal(await textAt(tree, "empty"), "");
  assert.deepEqual(["d/f", "d", "", "no"].map(tree.layerOf), [0, 0, 0, undefined]);
  assert.deepEqual(tree.layers, [{ entries: 6, size: 0, contentSize: 4, changes: [] }]);
});

test("times before 1970 are kept", async (context) => {
  const root = folder(context);
  writeFileSync(join(root, "f"), "");
  execFileSync("touch", ["-d", "1969-12-31T23:59:58.25Z", join(root, "f")]);
  const { mtime, mtimeNanoseconds } = fileAt(await readDirectoryTree(root), "f");
  assert.deepEqual([mtime, mtimeNanoseconds], [-2, 250_000_000]);
});

test("names of one file are one node", async (context) => {
  const root = folder(context);
  mkdirSync(join(root, "d"));
  writeFileSync(join(root, "a"), "x");
  linkSync(join(root, "a"), join(root, "d/b"));
  writeFileSync(join(root, "c"), "x");
  const tree = await readDirectoryTree(root);
  assert.equal(fileAt(tree, "a"), fileAt(tree, "d/b"));
  assert.notEqual(fileAt(tree, "a"), fileAt(tree, "c"));
  assert.equal(tree.layers[0]!.contentSize, 2);
});

test("names that are not UTF-8 are read as bytes", async (context) => {
  const root = folder(context);
  const name = Buffer.concat([Buffer.from(`${root}/m`), Buffer.of(0xfc), Buffer.from("ller")]);
  writeFileSync(name, "x");
  const tree = await readDirectoryTree(root);
  assert.deepEqual([...tree.top.children.keys()], ["m\udcfcller"]);
  assert.equal(await textAt(tree, "m\udcfcller"), "x");
});

test("a socket is left out", async (context) => {
  const root = folder(context);
  const server = createServer().listen(join(root, "socket"));
  await new Promise((resolve) => server.once("listening", resolve));
  context.after(() => void server.close());
  writeFileSync(join(root, "f"), "x");
  assert.deepEqual([...(await readDirectoryTree(root)).top.children.keys()], ["f"]);
});

test("what is mounted in the root is not entered", async (context) => {
  const isMounted = statSync("/dev").dev !== statSync("/dev/shm").dev;
  if (!isMounted) return context.skip("needs a file system that is mounted at /dev/shm");
  const inside = mkdtempSync("/dev/shm/bivy-tree-");
  context.after(() => rmSync(inside, { recursive: true }));
  const shm = findNode((await readDirectoryTree("/dev")).top, "shm");
  assert.ok(shm?.kind === "directory" && shm.children.size === 0);
});

test("checksums are computed, and what is to be kept is there when the file is gone", async (context) => {
  const root = folder(context);
  const large = "0123456789".repeat(100_000);
  writeFileSync(join(root, "a"), "x");
  writeFileSync(join(root, "large"), large);
  writeFileSync(join(root, "empty"), "");
  const keeps = (path: string, size: number) => path === "large" && size === large.length;
  const tree = await readDirectoryTree(root, { checksums: ["sha1", "sha256"], keeps });
  for (const [path, text] of Object.entries({ a: "x", large, empty: "" }))
    for (const algorithm of ["sha1", "sha256"] as const)
      assert.equal(
        tree.checksumOf(fileAt(tree, path), algorithm),
        createHash(algorithm).update(text).digest("hex"),
      );
  rmSync(join(root, "large"));
  rmSync(join(root, "a"));
  assert.equal(await textAt(tree, "large"), large);
  await assert.rejects(textAt(tree, "a"), { code: "file-not-found" });
  const plain = await readDirectoryTree(root);
  assert.equal(plain.checksumOf(fileAt(plain, "empty"), "sha1"), undefined);
});

test("what only root can read is an error that says so", async (context) => {
  const root = folder(context);
  chmodSync(root, 0o755);
  mkdirSync(join(root, "d"));
  writeFileSync(join(root, "f"), "x");
  chmodSync(join(root, "f"), 0);
  const isRoot = process.getuid!() === 0;
  if (isRoot) process.seteuid!(65_534);
  try {
    const denied = { code: "file-denied", hint: /run it as root/ };
    const tree = await readDirectoryTree(root);
    await assert.rejects(textAt(tree, "f"), denied);
    await assert.rejects(readDirectoryTree(root, { checksums: ["sha1"] }), {
      ...denied,
      message: `${root}/f: reading failed: permission denied`,
    });
    if (isRoot) process.seteuid!(0);
    chmodSync(join(root, "d"), 0);
    if (isRoot) process.seteuid!(65_534);
    await assert.rejects(readDirectoryTree(root), denied);
  } finally {
    if (isRoot) process.seteuid!(0);
    chmodSync(join(root, "d"), 0o755);
  }
});

test("what is no folder, too much, or no longer wanted is refused", async (context) => {
  const root = folder(context);
  for (const name of ["a", "b", "c"]) writeFileSync(join(root, name), "x");
  await assert.rejects(readDirectoryTree(join(root, "a")), { code: "file-not-found" });
  await assert.rejects(readDirectoryTree(join(root, "no")), { code: "file-not-found" });
  const limits = { ...defaultLimits, entries: 2 };
  await assert.rejects(readDirectoryTree(root, { limits }), { code: "limit-exceeded" });
  await assert.rejects(readDirectoryTree(root, { signal: AbortSignal.abort() }), {
    code: "aborted",
  });
  // The root itself may be named by a link.
  symlinkSync(root, join(root, "self"));
  assert.equal((await readDirectoryTree(join(root, "self"))).top.children.size, 4);
});
