import assert from "node:assert/strict";
import { lstatSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { bytesContent, encodeText } from "../base/index.ts";
import {
  exportTree,
  layOut,
  readDirectoryTree,
  readLayers,
  spoolContents,
  TreeRoot,
  walkTree,
  type DirectoryNode,
  type FileNode,
} from "./index.ts";
import { writeTar } from "../archive/index.ts";
import { layerItems } from "./file-tree.ts";

const plain = { mode: 0o640, uid: 0, gid: 0, mtime: 100 };
const isRoot = process.geteuid?.() === 0;

function makeFolder(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "bivy-test-"));
  context.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function sampleTree(): Promise<DirectoryNode> {
  const owner = isRoot ? { uid: 7, gid: 8 } : { uid: process.getuid!(), gid: process.getgid!() };
  const root = new TreeRoot({ rootAttributes: { mode: 0o755, ...owner, mtime: 90 } });
  root.makeDirectory("a", { ...plain, ...owner, mode: 0o1777 });
  root.makeDirectory("a/closed", { ...plain, ...owner, mode: 0o500 });
  await root.writeFile(
    "a/closed/f",
    { ...plain, ...owner, mode: 0o4755 },
    bytesContent(encodeText("text")),
  );
  root.makeLink("a/g", "a/closed/f");
  root.makeSymlink("l", "/etc/../a", { ...plain, ...owner });
  root.makeSpecial("pipe", { ...plain, ...owner, kind: "fifo" });
  await root.writeFile("empty", { ...plain, ...owner }, bytesContent(encodeText("")));
  return root.snapshot();
}

/** All that can be told of a tree, with the first name for files that have several. */
function listing(tree: DirectoryNode): readonly string[] {
  const first = new Map<unknown, string>();
  return [...walkTree(tree)].map(({ path, node }) => {
    if (!first.has(node)) first.set(node, path);
    const { kind, mode, uid, gid, mtime } = node;
    const detail =
      node.kind === "symlink" ? node.target : node.kind === "file" ? node.content.size : "";
    return [
      path,
      kind,
      kind === "symlink" ? 0 : mode.toString(8),
      uid,
      gid,
      mtime,
      detail,
      first.get(node),
    ].join(" ");
  });
}

test("a tree that is laid out is read back the same", async (context) => {
  const folder = makeFolder(context);
  const tree = await sampleTree();
  await layOut(tree, folder, { owners: isRoot });
  const { top } = await readDirectoryTree(folder);
  assert.deepEqual(listing(top), listing(tree));
  assert.equal(readFileSync(join(folder, "a/g"), "utf8"), "text");
});

test(
  "only what differs is laid over another tree",
  { skip: !isRoot && "whiteouts take root" },
  async (context) => {
    const tree = await sampleTree();
    const root = TreeRoot.of(tree);
    await root.writeFile("a/new", plain, bytesContent(encodeText("new")));
    root.remove("empty");
    root.remove("a/g");
    const folder = makeFolder(context);
    await layOut(root.snapshot(), folder, { owners: true, below: tree });
    const { top } = await readDirectoryTree(folder);
    assert.deepEqual(
      [...walkTree(top)].map(({ path, node }) => `${path} ${node.kind}`),
      ["a directory", "a/g character", "a/new file", "empty character"],
    );
    assert.equal(lstatSync(join(folder, "a")).mode & 0o7777, 0o1777);
    assert.equal(lstatSync(join(folder, "empty")).rdev, 0);
  },
);

test("contents that stand in layers are spooled in one pass over each", async (context) => {
  const folder = makeFolder(context);
  const root = new TreeRoot();
  for (let index = 0; index < 50; index += 1)
    await root.writeFile(
      `f${String(index).padStart(2, "0")}`,
      plain,
      bytesContent(encodeText(`content ${index}`)),
    );
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeTar(layerItems(root.snapshot(), { newest: 1000 })))
    chunks.push(chunk);
  let passes = 0;
  const tar = () => {
    passes += 1;
    return chunks;
  };
  const { top } = await readLayers([{ subject: "layer", tar }]);
  const files = [...walkTree(top)].map(({ node }) => node as FileNode).reverse();
  passes = 0;
  const spool = await spoolContents(
    files.map(({ content }) => content),
    join(folder, "spool"),
  );
  assert.equal(passes, 1);
  for (const [index, file] of files.entries()) {
    const parts: Uint8Array[] = [];
    for await (const chunk of spool.get(file.content)!.chunks()) parts.push(chunk);
    assert.equal(Buffer.concat(parts).toString(), `content ${49 - index}`);
  }
});

test("an export goes into a folder that has other files, and through no link", async (context) => {
  const outside = makeFolder(context);
  const folder = makeFolder(context);
  await layOutSome(folder, outside);
  const tree = await sampleTree();
  await exportTree(tree, folder);
  assert.equal(readFileSync(join(folder, "a/closed/f"), "utf8"), "text");
  assert.equal(lstatSync(join(folder, "a")).isDirectory(), true);
  assert.equal(readFileSync(join(folder, "stays"), "utf8"), "x");
  const { top } = await readDirectoryTree(outside);
  assert.equal(top.children.size, 0);
});

async function layOutSome(folder: string, outside: string): Promise<void> {
  const root = new TreeRoot({ rootAttributes: { ...plain, mode: 0o755 } });
  root.makeSymlink("a", outside, plain);
  root.putFile("stays", plain, bytesContent(encodeText("x")));
  await layOut(root.snapshot(), folder, { owners: false });
}
