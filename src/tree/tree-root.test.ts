import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesContent, encodeText, type Content } from "../base/index.ts";
import { findNode, TreeRoot, walkTree, type Attributes } from "./index.ts";

const plain: Attributes = { mode: 0o644, uid: 1, gid: 2, mtime: 3 };

function text(said: string): Content {
  return bytesContent(encodeText(said));
}

test("a snapshot does not change with what is written later", async () => {
  const root = new TreeRoot();
  root.makeDirectory("a", plain);
  await root.writeFile("a/f", plain, text("one"));
  root.makeLink("a/g", "a/f");
  const before = root.snapshot();
  const paths = () =>
    [...walkTree(before)].map(({ path, node }) => `${path} ${node.kind} ${node.mode}`);
  const said = paths();
  await root.writeFile("a/f", plain, text("two"));
  root.setAttributes("a", { ...plain, mode: 0o700 });
  root.setAttributes("a/g", { ...plain, mode: 0o600 });
  root.makeDirectory("a/new", plain);
  root.remove("a/g");
  assert.deepEqual(paths(), said);
  assert.equal(findNode(before, "a/f"), findNode(before, "a/g"));
  assert.notEqual(findNode(before, "a/f"), findNode(root.snapshot(), "a/f"));
});

test("attributes are those of all names of a file, and of no other file", async () => {
  const root = new TreeRoot();
  await root.writeFile("a", plain, text("x"));
  root.makeLink("b", "a");
  root.makeLink("c", "b");
  await root.writeFile("other", plain, text("x"));
  root.setAttributes("b", { ...plain, mode: 0o600 });
  assert.equal(root.lookup("a"), root.lookup("c"));
  assert.equal(root.lookup("a")?.mode, 0o600);
  assert.equal(root.lookup("other")?.mode, 0o644);
  // A name that was given to another file does not follow any more; one that was renamed does.
  await root.writeFile("b", plain, text("y"));
  root.rename("c", "d");
  root.setAttributes("a", { ...plain, mode: 0o640 });
  assert.equal(root.lookup("b")?.mode, 0o644);
  assert.equal(root.lookup("d")?.mode, 0o640);
  root.remove("d");
  root.setAttributes("a", { ...plain, mode: 0o400 });
  assert.equal(root.lookup("d"), undefined);
});

test("extended attributes and nanoseconds are kept; empty ones are left out", () => {
  const root = new TreeRoot();
  const xattrs = new Map([["security.capability", Uint8Array.of(1)]]);
  root.makeDirectory("d", { ...plain, mtimeNanoseconds: 5, xattrs });
  assert.equal(root.lookup("d")?.mtimeNanoseconds, 5);
  assert.equal(root.lookup("d")?.xattrs, xattrs);
  root.setAttributes("d", { ...plain, xattrs: new Map() });
  assert.deepEqual(root.lookup("d"), { ...plain, kind: "directory", children: new Map() });
});

test("contents beyond the memory are read again from where they came", async () => {
  let reads = 0;
  const counted = (said: string): Content => ({
    size: said.length,
    chunks: () => {
      reads += 1;
      return [encodeText(said)];
    },
  });
  const root = new TreeRoot({ memory: 5 });
  await root.writeFile("kept", plain, counted("1234"));
  await root.writeFile("large", plain, counted("12"));
  await root.writeFile("small", plain, counted("1"));
  assert.equal(reads, 3, "each is read once, which verifies it");
  for (const path of ["kept", "large", "small"]) {
    const entry = root.lookup(path);
    assert.ok(entry?.kind === "file");
    assert.ok([...(entry.content.chunks() as Iterable<Uint8Array>)].length > 0);
  }
  assert.equal(reads, 4, "only the one that did not fit is read again");
});

test("a small window onto a large buffer does not keep the buffer", async () => {
  const root = new TreeRoot();
  const large = new Uint8Array(100_000).fill(7);
  await root.writeFile("f", plain, { size: 3, chunks: () => [large.subarray(5, 8)] });
  large.fill(0);
  const entry = root.lookup("f");
  assert.ok(entry?.kind === "file");
  const [chunk] = [...(entry.content.chunks() as Iterable<Uint8Array>)];
  assert.deepEqual([...chunk!], [7, 7, 7]);
  assert.ok(chunk!.buffer.byteLength < 1000);
});

test("nothing is placed where a directory stands, the root least of all", async () => {
  const root = new TreeRoot();
  root.makeDirectory("d", plain);
  await root.writeFile("f", plain, text("x"));
  const refused = { code: "file-exists" };
  for (const path of ["", "d"]) {
    await assert.rejects(root.writeFile(path, plain, text("x")), refused);
    assert.throws(() => root.makeSymlink(path, "x", plain), refused);
    assert.throws(() => root.makeLink(path, "f"), refused);
    assert.throws(() => root.makeSpecial(path, { ...plain, kind: "fifo" }), refused);
    assert.throws(() => root.rename("f", path), refused);
  }
  assert.throws(() => root.remove(""), refused);
  assert.throws(() => root.makeDirectory("f", plain), refused);
  assert.deepEqual(root.list(""), ["d", "f"]);
});

test("a path that is not plain is refused", async () => {
  const root = new TreeRoot();
  root.makeDirectory("a", plain);
  for (const path of ["..", "a/..", "../a", "a/../b", "./a", "a//b", "/a", "a/", ".", "a\0b"]) {
    await assert.rejects(root.writeFile(path, plain, text("x")), { code: "path-unsafe" }, path);
    assert.throws(() => root.makeDirectory(path, plain), { code: "path-unsafe" }, path);
  }
  root.makeDirectory("a/...", plain);
  root.makeDirectory("a/..b", plain);
  root.makeDirectory("a/.c", plain);
});

test("names are listed in byte order", () => {
  const root = new TreeRoot();
  for (const name of ["é", "z", "B", "a", "😀", "￿"]) root.makeDirectory(name, plain);
  assert.deepEqual(root.list(""), ["B", "a", "z", "é", "￿", "😀"]);
});

test("a root of a tree begins with its files, and leaves the tree as it is", async () => {
  const first = new TreeRoot({ rootAttributes: { ...plain, mode: 0o711 } });
  first.makeDirectory("a", plain);
  await first.writeFile("a/f", plain, text("one"));
  first.makeLink("g", "a/f");
  first.makeSymlink("l", "g", plain);
  const before = first.snapshot();
  const root = TreeRoot.of(before);
  assert.deepEqual(root.snapshot(), before);
  root.setAttributes("g", { ...plain, mode: 0o600 });
  assert.equal(root.lookup("a/f")?.mode, 0o600);
  assert.equal(findNode(before, "a/f")?.mode, 0o644);
  root.putFile("a/h", plain, text("two"));
  assert.equal(findNode(before, "a/h"), undefined);
});
