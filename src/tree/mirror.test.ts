import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { bytesContent, defaultLimits, encodeText, readContent } from "../base/index.ts";
import { Mirror, TreeRoot, walkTree, type Attributes } from "./index.ts";

const old: Attributes = { mode: 0o755, uid: 12, gid: 34, mtime: 1000, mtimeNanoseconds: 7 };
const xattrs = new Map([["user.sample", Uint8Array.of(1)]]);

interface Sample {
  readonly root: TreeRoot;
  readonly mirror: Mirror;
  readonly top: string;
  readonly base: string;
}

/** A tree that is laid out; its owners are not set, as where no right to it is. */
async function sample(context: TestContext): Promise<Sample> {
  const base = mkdtempSync(join(tmpdir(), "bivy-tree-"));
  context.after(() => rmSync(base, { recursive: true, force: true }));
  const top = join(base, "mirror");
  mkdirSync(top);
  const root = new TreeRoot();
  for (const path of ["bin", "etc", "etc/d", "tmp", "var"]) root.makeDirectory(path, old);
  for (const path of ["bin/m", "etc/a", "etc/b", "etc/d/c"])
    await root.writeFile(path, { ...old, xattrs }, bytesContent(encodeText(path)));
  root.makeLink("bin/n", "bin/m");
  root.makeSymlink("etc/l", "a", old);
  const limits = { ...defaultLimits, "script-size": 1000 };
  const mirror = new Mirror(top, { owners: false, time: 5000, ignored: ["tmp"], limits });
  await mirror.lay(root.snapshot());
  return { root, mirror, top, base };
}

/** Each path with its attributes, target or text, and the first name of its file. */
async function describe(root: TreeRoot): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  const first = new Map<unknown, string>();
  for (const { path, node } of walkTree(root.snapshot())) {
    const { kind, mode, uid, gid, mtime, mtimeNanoseconds } = node;
    const words = [kind, mode.toString(8), `${uid}:${gid}`, `${mtime}.${mtimeNanoseconds ?? 0}`];
    if (node.xattrs !== undefined) words.push("xattrs");
    if (kind === "symlink") words.push(node.target);
    if (kind === "file") {
      const bytes = await readContent(node.content, defaultLimits, path);
      words.push(Buffer.from(bytes).toString());
      if (first.has(node)) words.push(`=> ${first.get(node)!}`);
      else first.set(node, path);
    }
    found[path] = words.join(" ");
  }
  return found;
}

/** Who owns what a command makes. */
const mine = `${process.getuid!()}:${process.getgid!()}`;

/** Node removes a socket of its own when it ends; this one stays. */
function makeSocket(path: string): void {
  const script =
    "require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 9))";
  spawnSync(process.execPath, ["-e", script, path]);
  assert.ok(lstatSync(path).isSocket());
}

/** What a command does in the directory, and what is different in the tree afterwards. */
const commands: Readonly<
  Record<
    string,
    { run: (top: string) => void; after: Readonly<Record<string, string | undefined>> }
  >
> = {
  nothing: { run: () => {}, after: {} },
  "a new file": {
    run: (top) => writeFileSync(join(top, "var/new"), "new", { mode: 0o640 }),
    after: { "var/new": `file 640 ${mine} 5000.0 new` },
  },
  "a changed file keeps its owner": {
    run: (top) => writeFileSync(join(top, "etc/a"), "changed"),
    after: { "etc/a": "file 755 12:34 5000.0 xattrs changed" },
  },
  "a file that is written as it was keeps its date": {
    run: (top) => writeFileSync(join(top, "etc/a"), "etc/a"),
    after: {},
  },
  "a changed mode": {
    run: (top) => chmodSync(join(top, "etc/a"), 0o600),
    after: { "etc/a": "file 600 12:34 1000.7 xattrs etc/a" },
  },
  "a changed mode of a directory": {
    run: (top) => chmodSync(join(top, "var"), 0o1777),
    after: { var: "directory 1777 12:34 1000.7" },
  },
  "a socket in place of a file": {
    run: (top) => {
      unlinkSync(join(top, "etc/a"));
      makeSocket(join(top, "etc/a"));
    },
    after: { "etc/a": undefined },
  },
  "a socket in place of a directory": {
    run: (top) => {
      rmSync(join(top, "etc/d"), { recursive: true });
      makeSocket(join(top, "etc/d"));
    },
    after: { "etc/d": undefined, "etc/d/c": undefined },
  },
  "a file that is gone": {
    run: (top) => unlinkSync(join(top, "etc/a")),
    after: { "etc/a": undefined },
  },
  "a tree that is gone": {
    run: (top) => rmSync(join(top, "etc"), { recursive: true }),
    after: Object.fromEntries(
      ["etc", "etc/a", "etc/b", "etc/d", "etc/d/c", "etc/l"].map((path) => [path, undefined]),
    ),
  },
  "a directory that became a link": {
    run: (top) => {
      renameSync(join(top, "etc/d"), join(top, "var/d"));
      symlinkSync("../var/d", join(top, "etc/d"));
    },
    after: {
      "etc/d": `symlink 777 ${mine} 5000.0 ../var/d`,
      "etc/d/c": undefined,
      "var/d": `directory 755 ${mine} 5000.0`,
      "var/d/c": `file 755 ${mine} 5000.0 etc/d/c`,
    },
  },
  "a directory that became a file": {
    run: (top) => {
      rmSync(join(top, "etc/d"), { recursive: true });
      writeFileSync(join(top, "etc/d"), "d", { mode: 0o644 });
    },
    after: { "etc/d": `file 644 ${mine} 5000.0 d`, "etc/d/c": undefined },
  },
  "a file that became a directory": {
    run: (top) => {
      unlinkSync(join(top, "etc/a"));
      mkdirSync(join(top, "etc/a"), { mode: 0o700 });
      writeFileSync(join(top, "etc/a/x"), "x", { mode: 0o600 });
    },
    after: {
      "etc/a": `directory 700 ${mine} 5000.0`,
      "etc/a/x": `file 600 ${mine} 5000.0 x`,
    },
  },
  "a link that says something else": {
    run: (top) => {
      unlinkSync(join(top, "etc/l"));
      symlinkSync("b", join(top, "etc/l"));
    },
    after: { "etc/l": "symlink 777 12:34 5000.0 b" },
  },
  "a hard link to a file, after it in order": {
    run: (top) => linkSync(join(top, "etc/a"), join(top, "var/z")),
    after: { "var/z": "file 755 12:34 1000.7 xattrs etc/a => etc/a" },
  },
  "a hard link to a file, before it in order": {
    run: (top) => linkSync(join(top, "etc/a"), join(top, "bin/a")),
    after: {
      "bin/a": "file 755 12:34 1000.7 xattrs etc/a",
      "etc/a": "file 755 12:34 1000.7 xattrs etc/a => bin/a",
    },
  },
  "a file with two names that is written to": {
    run: (top) => writeFileSync(join(top, "bin/n"), "other"),
    after: {
      "bin/m": "file 755 12:34 5000.0 xattrs other",
      "bin/n": "file 755 12:34 5000.0 xattrs other => bin/m",
    },
  },
  "one name of two that is made anew": {
    run: (top) => {
      unlinkSync(join(top, "bin/m"));
      writeFileSync(join(top, "bin/m"), "other", { mode: 0o755 });
      chmodSync(join(top, "bin/m"), 0o755);
    },
    after: {
      "bin/m": "file 755 12:34 5000.0 xattrs other",
      "bin/n": "file 755 12:34 1000.7 xattrs bin/m",
    },
  },
  "what is ignored": { run: (top) => writeFileSync(join(top, "tmp/x"), "x"), after: {} },
};

test("what a command changed is taken back, and nothing else", async (context) => {
  const umask = process.umask(0);
  context.after(() => process.umask(umask));
  for (const [name, { run, after }] of Object.entries(commands)) {
    const { root, mirror, top } = await sample(context);
    const before = await describe(root);
    run(top);
    await mirror.takeBack(root);
    const expected = Object.entries({ ...before, ...after }).filter(
      ([, said]) => said !== undefined,
    );
    assert.deepEqual(await describe(root), Object.fromEntries(expected), name);
    const again = await describe(root);
    await mirror.lay(root.snapshot());
    await mirror.takeBack(root);
    assert.deepEqual(await describe(root), again, `${name}, a second time`);
  }
});

test("what changes in the tree is laid anew, and only that", async (context) => {
  const { root, mirror, top } = await sample(context);
  const inode = (path: string) => lstatSync(join(top, path)).ino;
  const kept = inode("etc/a");
  await root.writeFile("etc/b", old, bytesContent(encodeText("new")));
  root.remove("etc/d/c");
  root.remove("etc/d");
  await root.writeFile("etc/d", old, bytesContent(encodeText("file")));
  root.makeDirectory("var/x", { ...old, mode: 0o700 });
  root.setAttributes("var", { ...old, mode: 0o711 });
  root.remove("etc/l");
  await mirror.lay(root.snapshot());
  assert.equal(inode("etc/a"), kept);
  assert.equal(readFileSync(join(top, "etc/b"), "utf8"), "new");
  assert.equal(readFileSync(join(top, "etc/d"), "utf8"), "file");
  assert.equal(lstatSync(join(top, "var/x")).mode & 0o7777, 0o700);
  assert.equal(lstatSync(join(top, "var")).mode & 0o7777, 0o711);
  assert.deepEqual(readdirSync(join(top, "etc")), ["a", "b", "d"]);
  const before = await describe(root);
  await mirror.takeBack(root);
  assert.deepEqual(await describe(root), before);
});

test("a new name of a laid file is one more name there, wherever it stands in order", async (context) => {
  const { root, mirror, top } = await sample(context);
  root.makeLink("bin/a", "bin/m");
  root.makeLink("var/z", "bin/m");
  await mirror.lay(root.snapshot());
  const inodes = ["bin/a", "bin/m", "bin/n", "var/z"].map((path) => lstatSync(join(top, path)).ino);
  assert.equal(new Set(inodes).size, 1);
  writeFileSync(join(top, "bin/n"), "other");
  await mirror.takeBack(root);
  assert.match((await describe(root))["var/z"]!, /other => bin\/a$/);
});

test("laying never removes or writes anything outside of its directory", async (context) => {
  const { root, mirror, top, base } = await sample(context);
  mkdirSync(join(base, "outside/d"), { recursive: true });
  for (const path of ["a", "b", "d/c"]) writeFileSync(join(base, "outside", path), "untouched");
  // A command that was stopped half-way, so that nothing is taken back.
  rmSync(join(top, "etc"), { recursive: true });
  symlinkSync("../outside", join(top, "etc"));
  root.remove("etc/a");
  root.remove("etc/d/c");
  root.remove("etc/d");
  await root.writeFile("etc/b", old, bytesContent(encodeText("hostile")));
  await assert.rejects(mirror.lay(root.snapshot()), { code: "symlink-parent" });
  for (const path of ["a", "b", "d/c"])
    assert.equal(readFileSync(join(base, "outside", path), "utf8"), "untouched");
});

test("what a command writes is bounded, whether it takes any room or not", async (context) => {
  const { root, mirror, top } = await sample(context);
  writeFileSync(join(top, "etc/a"), Buffer.alloc(600));
  chmodSync(join(top, "etc/b"), 0o600);
  await mirror.takeBack(root);
  writeFileSync(join(top, "var/more"), Buffer.alloc(400));
  await mirror.takeBack(root);
  writeFileSync(join(top, "var/sparse"), "");
  truncateSync(join(top, "var/sparse"), 2 ** 40);
  await assert.rejects(mirror.takeBack(root), {
    code: "limit-exceeded",
    message: "/var/sparse: exceeds the limit script-size of 1000",
  });
});
