import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { bytesContent, encodeText } from "../base/index.ts";
import {
  findNode,
  layerItems,
  TreeRoot,
  walkTree,
  type Attributes,
  type DirectoryNode,
  type LayerOptions,
} from "./index.ts";

const plain: Attributes = { mode: 0o755, uid: 1, gid: 2, mtime: 100 };

async function sampleTree(): Promise<DirectoryNode> {
  const root = new TreeRoot();
  for (const path of ["a", "a.b", "a/c", "a/c/d", "a/e"]) root.makeDirectory(path, plain);
  for (const path of ["a-b", "a.b/f", "a/c/d/g", "a/c/h", "z"])
    await root.writeFile(path, plain, bytesContent(encodeText(path)));
  root.makeLink("a/c/y", "z");
  root.makeLink("a/x", "z");
  root.makeSymlink("l", "a/c", plain);
  return root.snapshot();
}

/** The entries in short: directories with a slash, links with what they lead to. */
function entries(tree: DirectoryNode, options: Partial<LayerOptions> = {}): readonly string[] {
  return [...layerItems(tree, { newest: 1000, ...options })].map(({ header, content }) => {
    assert.equal(content !== undefined, header.type === "file");
    if (header.type === "directory") return `${header.path}/`;
    if (header.type === "symlink") return `${header.path} -> ${header.linkPath}`;
    return header.type === "hardlink" ? `${header.path} => ${header.linkPath}` : header.path;
  });
}

test("entries are in byte order, a directory before what it holds", async () => {
  const tree = await sampleTree();
  assert.deepEqual(entries(tree), [
    "a/",
    "a/c/",
    "a/c/d/",
    "a/c/d/g",
    "a/c/h",
    "a/c/y",
    "a/e/",
    "a/x => a/c/y",
    "a-b",
    "a.b/",
    "a.b/f",
    "l -> a/c",
    "z => a/c/y",
  ]);
});

const parts: readonly (readonly [included: readonly string[], expected: readonly string[]])[] = [
  [[], []],
  [["a/c/d/g"], ["a/", "a/c/", "a/c/d/", "a/c/d/g"]],
  // Parents stand once, and those of the next path follow.
  [
    ["a/c/d/g", "a/c/h", "a.b/f"],
    ["a/", "a/c/", "a/c/d/", "a/c/d/g", "a/c/h", "a.b/", "a.b/f"],
  ],
  [
    ["a/e", "a-b"],
    ["a/", "a/e/", "a-b"],
  ],
  [
    ["a/c", "a/c/h"],
    ["a/", "a/c/", "a/c/h"],
  ],
  [
    ["a", "a/c/d/g"],
    ["a/", "a/c/", "a/c/d/", "a/c/d/g"],
  ],
  // The first name that is included carries the content.
  [
    ["a/x", "z"],
    ["a/", "a/x", "z => a/x"],
  ],
  [["z"], ["z"]],
];

test("a part of a tree has the parents that it needs, and no link out of it", async () => {
  const tree = await sampleTree();
  for (const [included, expected] of parts)
    assert.deepEqual(entries(tree, { includes: (path) => included.includes(path) }), expected);
});

test("no entry is dated later than allowed", async () => {
  const root = new TreeRoot();
  const times = [
    ["older", 99, 5, 99, 5],
    ["same", 100, 5, 100, 0],
    ["newer", 101, 0, 100, 0],
    ["before 1970", -3, 1, -3, 1],
  ] as const;
  for (const [path, mtime, mtimeNanoseconds] of times)
    root.makeDirectory(path, { ...plain, mtime, mtimeNanoseconds });
  const headers = [...layerItems(root.snapshot(), { newest: 100 })].map(({ header }) => header);
  for (const [path, , , mtime, mtimeNanoseconds] of times) {
    const header = headers.find((each) => each.path === path)!;
    assert.deepEqual([header.mtime, header.mtimeNanoseconds], [mtime, mtimeNanoseconds], path);
  }
});

test("every kind of node has its header", async () => {
  const root = new TreeRoot();
  const xattrs = new Map([["security.capability", Uint8Array.of(1)]]);
  await root.writeFile(
    "file",
    { ...plain, mode: 0o4755, xattrs },
    bytesContent(encodeText("12345")),
  );
  root.makeSpecial("device", { ...plain, kind: "block", major: 8, minor: 1 });
  root.makeSpecial("pipe", { ...plain, kind: "fifo" });
  root.makeSymlink("link", "/x", plain);
  const [device, file, link, pipe] = [...layerItems(root.snapshot(), { newest: 1000 })].map(
    ({ header }) => header,
  );
  assert.deepEqual([device!.type, device!.deviceMajor, device!.deviceMinor], ["block", 8, 1]);
  assert.deepEqual(
    [file!.type, file!.mode, file!.size, file!.uid, file!.gid],
    ["file", 0o4755, 5, 1, 2],
  );
  assert.equal(file!.xattrs, xattrs);
  assert.deepEqual([link!.type, link!.mode, link!.linkPath], ["symlink", 0o777, "/x"]);
  assert.equal(pipe!.type, "fifo");
});

test("a node is found by its path, and not through a file or link", async () => {
  const tree = await sampleTree();
  assert.equal(findNode(tree, ""), tree);
  assert.equal(findNode(tree, "a/c/d/g")?.kind, "file");
  for (const path of ["b", "a/c/h/x", "l/h", "a/c/d/g/"])
    assert.equal(findNode(tree, path), undefined);
});

test("parts that share no path hold all of the tree together", async () => {
  const tree = await sampleTree();
  const paths = [...walkTree(tree)].map(({ path }) => path);
  // All names of one file go into one part.
  const sameFile = new Set(["a/c/y", "a/x", "z"]);
  fc.assert(
    fc.property(
      fc.array(fc.nat(2), { minLength: paths.length, maxLength: paths.length }),
      (choice) => {
        const partOf = (path: string) => choice[paths.indexOf(sameFile.has(path) ? "z" : path)];
        const found = [0, 1, 2].flatMap((part) =>
          entries(tree, { includes: (path) => partOf(path) === part }),
        );
        const files = (list: readonly string[]) =>
          list.filter((path) => !path.endsWith("/")).toSorted();
        assert.deepEqual(files(found), files(entries(tree)));
        for (const path of entries(tree)) assert.ok(found.includes(path), path);
      },
    ),
  );
});
