import assert from "node:assert/strict";
import {
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { BivyError, bytesContent, encodeText, readContent, defaultLimits } from "../base/index.ts";
import { DirectoryRoot, type Attributes } from "./index.ts";

const owner = { uid: process.getuid!(), gid: process.getgid!() };
const plain: Attributes = { mode: 0o644, ...owner, mtime: 1000 };
const folder: Attributes = { ...plain, mode: 0o755 };
const x = bytesContent(encodeText("x"));

/** A root, and beside it a folder that nothing may be written to. */
function sample(context: TestContext): { root: DirectoryRoot; top: string; outside: string } {
  const base = mkdtempSync(join(tmpdir(), "bivy-tree-"));
  context.after(() => rmSync(base, { recursive: true, force: true }));
  const top = join(base, "root");
  const outside = join(base, "outside");
  mkdirSync(top);
  mkdirSync(join(outside, "below"), { recursive: true });
  writeFileSync(join(outside, "file"), "untouched");
  return { root: new DirectoryRoot(top, { owners: false }), top, outside };
}

test("no operation passes through a symlink, wherever it leads", async (context) => {
  const { root, top, outside } = sample(context);
  mkdirSync(join(top, "inside"));
  await root.writeFile("f", plain, x);
  for (const target of [outside, "../outside", "/", "..", "inside", "nowhere"]) {
    symlinkSync(target, join(top, "link"));
    for (const path of ["link/file", "link/below/file", "link/inside/file", "link/new"]) {
      const refused = { code: "symlink-parent" };
      const said = `${target}: ${path}`;
      assert.equal(root.lookup(path), undefined, said);
      assert.deepEqual(root.list(path), [], said);
      assert.equal(root.remove(path), false, said);
      await assert.rejects(root.writeFile(path, plain, x), refused, said);
      assert.throws(() => root.makeDirectory(path, folder), refused, said);
      assert.throws(() => root.makeSymlink(path, "x", plain), refused, said);
      assert.throws(() => root.makeLink(path, "f"), refused, said);
      assert.throws(() => root.makeLink("g", path), { code: "file-not-found" }, said);
      assert.throws(() => root.makeSpecial(path, { ...plain, kind: "fifo" }), refused, said);
      assert.throws(() => root.setAttributes(path, plain), refused, said);
      assert.throws(() => root.rename("f", path), refused, said);
      assert.throws(() => root.rename(path, "g"), refused, said);
    }
    // The link itself is a link, and what is done to it is not done to its target.
    assert.deepEqual(root.list("link"), []);
    assert.throws(() => root.makeDirectory("link", folder), { code: "file-exists" });
    root.setAttributes("link", { ...plain, mode: 0o600 });
    assert.throws(() => root.makeLink("g", "link"), { code: "file-not-found" });
    assert.equal(root.lookup("link")?.kind, "symlink");
    await root.writeFile("link", plain, x);
    assert.equal(root.lookup("link")?.kind, "file");
    assert.equal(root.remove("link"), true);
  }
  assert.deepEqual(readdirSync(outside), ["below", "file"]);
  assert.deepEqual(readdirSync(join(outside, "below")), []);
  assert.deepEqual(readdirSync(join(top, "inside")), []);
  assert.equal(readFileSync(join(outside, "file"), "utf8"), "untouched");
  assert.deepEqual(readdirSync(top).sort(), ["f", "inside"]);
});

test("a file takes the place of a link and of one name of a linked file only", async (context) => {
  const { root, top, outside } = sample(context);
  symlinkSync(join(outside, "file"), join(top, "link"));
  linkSync(join(outside, "file"), join(top, "hard"));
  await root.writeFile("link", plain, x);
  await root.writeFile("hard", plain, x);
  assert.equal(readFileSync(join(outside, "file"), "utf8"), "untouched");
});

test("a path that is not plain is refused", async (context) => {
  const { root, outside } = sample(context);
  for (const path of [
    "..",
    "../outside/new",
    "a/../../outside/new",
    "./a",
    "/a",
    "a//b",
    "a/",
    "a\0b",
  ]) {
    const refused = { code: "path-unsafe" };
    assert.equal(root.lookup(path), undefined);
    assert.deepEqual(root.list(path), []);
    assert.equal(root.remove(path), false);
    await assert.rejects(root.writeFile(path, plain, x), refused, path);
    assert.throws(() => root.makeDirectory(path, folder), refused, path);
    assert.throws(() => root.makeSymlink(path, "x", plain), refused, path);
    assert.throws(() => root.setAttributes(path, plain), refused, path);
  }
  assert.deepEqual(readdirSync(outside), ["below", "file"]);
});

test("a content that fails leaves what was there, and nothing beside it", async (context) => {
  const { root, top } = sample(context);
  await root.writeFile("f", plain, x);
  const failing = {
    size: 2,
    async *chunks() {
      yield encodeText("y");
      throw new BivyError("checksum-mismatch", "it failed");
    },
  };
  await assert.rejects(root.writeFile("f", plain, failing), { code: "checksum-mismatch" });
  await assert.rejects(root.writeFile("new", plain, failing), { code: "checksum-mismatch" });
  assert.deepEqual(readdirSync(top), ["f"]);
  assert.equal(readFileSync(join(top, "f"), "utf8"), "x");
});

test("what cannot be made leaves what was there", async (context) => {
  const { root, top } = sample(context);
  await root.writeFile("f", plain, x);
  assert.throws(() => root.makeSymlink("f", "t".repeat(5000), plain), { code: "path-unsafe" });
  assert.deepEqual(readdirSync(top), ["f"]);
  assert.equal(root.lookup("f")?.kind, "file");
});

test("attributes are set whatever the umask is, also those of directories that exist", async (context) => {
  const { root } = sample(context);
  const before = process.umask(0o077);
  context.after(() => process.umask(before));
  root.makeDirectory("d", { ...folder, mode: 0o1777 });
  await root.writeFile("d/f", { ...plain, mode: 0o4755, mtime: -5 }, x);
  root.makeSymlink("d/l", "../nowhere", { ...plain, mtime: 7 });
  assert.equal(root.lookup("d")?.mode, 0o1777);
  assert.equal(root.lookup("d/f")?.mode, 0o4755);
  assert.equal(root.lookup("d/f")?.mtime, -5);
  assert.equal(root.lookup("d/l")?.mtime, 7);
  root.makeDirectory("d", folder);
  assert.equal(root.lookup("d")?.mode, 0o755);
  assert.deepEqual(root.list("d"), ["f", "l"]);
});

test("a name of two hard links is moved onto the other", async (context) => {
  const { root, top } = sample(context);
  await root.writeFile("a", plain, x);
  root.makeLink("b", "a");
  root.makeLink("b", "a");
  root.makeLink("a", "a");
  assert.equal(lstatSync(join(top, "a")).nlink, 2);
  root.rename("a", "b");
  assert.deepEqual(readdirSync(top), ["b"]);
});

test("names that are not UTF-8 are bytes on disk", async (context) => {
  const { root, top } = sample(context);
  const name = "m\udcfcller";
  root.makeDirectory(name, folder);
  await root.writeFile(`${name}/${name}`, plain, x);
  root.makeSymlink("l", name, plain);
  assert.deepEqual(readdirSync(top, { encoding: "buffer" })[1], Buffer.from("m\xfcller", "latin1"));
  assert.deepEqual(root.list(""), ["l", name]);
  const file = root.lookup(`${name}/${name}`);
  assert.ok(file?.kind === "file");
  assert.deepEqual(await readContent(file.content, defaultLimits, "file"), Buffer.from("x"));
  const link = root.lookup("l");
  assert.ok(link?.kind === "symlink" && link.target === name);
});

test("a name of the greatest length can be written", async (context) => {
  const { root } = sample(context);
  const name = "n".repeat(255);
  await root.writeFile(name, plain, x);
  root.makeSymlink(`${"l".repeat(255)}`, "x", plain);
  assert.equal(root.list("").length, 2);
});

test("pipes are made, and devices where the right is there", async (context) => {
  const { root } = sample(context);
  root.makeSpecial("p", { ...plain, kind: "fifo" });
  assert.deepEqual(root.lookup("p"), { ...plain, kind: "fifo" });
  const device = { ...plain, kind: "character", major: 259, minor: 70_000 } as const;
  try {
    root.makeSpecial("d", device);
  } catch (error) {
    assert.ok(error instanceof BivyError && error.code === "file-denied");
    assert.deepEqual(root.list(""), ["p"]);
    return;
  }
  assert.deepEqual(root.lookup("d"), device);
});

test("the root itself can get attributes, but not be replaced or removed", async (context) => {
  const { root, top } = sample(context);
  root.makeDirectory("", { ...folder, mode: 0o711 });
  root.setAttributes("", { ...folder, mode: 0o700 });
  assert.equal(root.lookup("")?.mode, 0o700);
  assert.throws(() => root.remove(""), { code: "file-exists" });
  assert.throws(() => root.makeSymlink("", "x", plain), { code: "file-exists" });
  await assert.rejects(root.writeFile("", plain, x), { code: "file-exists" });
  assert.deepEqual(readdirSync(top), []);
});
