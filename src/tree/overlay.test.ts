import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { tarHeader, writeTar } from "../archive/index.ts";
import { bytesContent, defaultLimits, encodeText } from "../base/index.ts";
import { unpackWithExtendedAttributes } from "./extended-attributes.ts";
import { findNode, layerDiff, takeUpper, TreeRoot, walkTree, type DirectoryNode } from "./index.ts";

/** Whiteouts are device nodes. */
const skip = process.geteuid?.() === 0 ? false : "only root can make an upper folder by hand";

const plain = { mode: 0o644, uid: 0, gid: 0, mtime: 100 };
const folder = { ...plain, mode: 0o755 };

async function sampleTree(): Promise<DirectoryNode> {
  const root = new TreeRoot({ rootAttributes: folder });
  for (const path of ["etc", "etc/conf.d", "usr", "usr/bin"]) root.makeDirectory(path, folder);
  for (const path of ["etc/passwd", "etc/conf.d/a", "etc/conf.d/b", "usr/bin/tool"])
    await root.writeFile(path, plain, bytesContent(encodeText(path)));
  root.makeLink("usr/bin/tool2", "usr/bin/tool");
  return root.snapshot();
}

interface Upper {
  readonly path: string;
  folder(name: string, time?: number): void;
  file(name: string, text: string, time?: number): void;
  whiteout(name: string): void;
}

function makeUpper(context: TestContext): Upper {
  const path = mkdtempSync(join(tmpdir(), "bivy-test-"));
  context.after(() => rmSync(path, { recursive: true }));
  const host = (name: string) => join(path, name);
  const date = (name: string, time: number) => lutimesSync(host(name), time, time);
  return {
    path,
    folder(name, time = 100) {
      mkdirSync(host(name), { recursive: true });
      chmodSync(host(name), 0o755);
      date(name, time);
    },
    file(name, text, time = 200) {
      mkdirSync(dirname(host(name)), { recursive: true });
      writeFileSync(host(name), text);
      chmodSync(host(name), 0o644);
      date(name, time);
    },
    whiteout(name) {
      execFileSync("mknod", [host(name), "c", "0", "0"]);
    },
  };
}

async function taken(
  upper: Upper,
  tree: DirectoryNode,
  options: {
    readonly stubs?: readonly string[];
    readonly newest?: number;
    readonly owners?: boolean;
  } = {},
): Promise<{ readonly after: DirectoryNode; readonly layer: readonly string[] }> {
  const root = TreeRoot.of(tree);
  const { stubs = [], newest = 1000, owners = true } = options;
  await takeUpper(upper.path, root, { stubs, newest, owners, limits: defaultLimits });
  const after = root.snapshot();
  return { after, layer: [...layerDiff(tree, after)].map(({ header }) => header.path) };
}

test("what was made, changed and removed becomes a layer", { skip }, async (context) => {
  const upper = makeUpper(context);
  upper.folder("etc");
  upper.file("etc/passwd", "changed");
  upper.folder("etc/conf.d");
  upper.whiteout("etc/conf.d/a");
  upper.file("new", "file");
  symlinkSync("new", join(upper.path, "link"));
  linkSync(join(upper.path, "new"), join(upper.path, "new2"));
  upper.folder("etc/conf.d", 300);
  upper.folder("etc");
  const { after, layer } = await taken(upper, await sampleTree());
  assert.deepEqual(layer, ["etc/conf.d", "etc/conf.d/.wh.a", "etc/passwd", "link", "new", "new2"]);
  assert.equal(findNode(after, "new"), findNode(after, "new2"));
  assert.equal(findNode(after, "etc/conf.d/b")?.kind, "file");
});

test("an opaque folder hides what was in it", { skip }, async (context) => {
  const upper = makeUpper(context);
  const opaque = new Map([["trusted.overlay.opaque", encodeText("y")]]);
  const header = tarHeader({ ...folder, path: "etc", type: "directory", xattrs: opaque });
  await unpackWithExtendedAttributes(upper.path, writeTar([{ header }]));
  upper.file("etc/only", "this");
  const { after, layer } = await taken(upper, await sampleTree());
  assert.deepEqual(
    [...walkTree(findNode(after, "etc") as DirectoryNode)].map(({ path }) => path),
    ["only"],
  );
  assert.deepEqual(
    layer.filter((path) => path.startsWith("etc/")),
    ["etc/.wh.conf.d", "etc/.wh.passwd", "etc/only"],
  );
  assert.equal(findNode(after, "etc")?.xattrs, undefined);
});

test(
  "stubs vanish, and a folder whose time alone changed is as it was",
  { skip },
  async (context) => {
    const upper = makeUpper(context);
    upper.folder("etc", 500);
    upper.file("etc/resolv.conf", "");
    upper.folder("run/secrets", 500);
    upper.folder("mnt/data");
    upper.file("mnt/kept", "by the command");
    const stubs = ["etc/resolv.conf", "run", "run/secrets", "mnt", "mnt/data"];
    const { layer } = await taken(upper, await sampleTree(), { stubs });
    assert.deepEqual(layer, ["mnt", "mnt/kept"]);
  },
);

test(
  "a file that was only opened for writing is no change; one with other bytes is",
  { skip },
  async (context) => {
    const upper = makeUpper(context);
    upper.file("etc/passwd", "etc/passwd", 100);
    upper.file("etc/conf.d/a", "etc/conf.d/x", 100);
    upper.folder("etc/conf.d");
    upper.folder("etc");
    const { layer } = await taken(upper, await sampleTree());
    assert.deepEqual(layer, ["etc/conf.d/a"]);
  },
);

test(
  "of a file with two names that were copied up by one, the other stays",
  { skip },
  async (context) => {
    const upper = makeUpper(context);
    upper.file("usr/bin/tool", "new");
    upper.folder("usr/bin");
    upper.folder("usr");
    const { after, layer } = await taken(upper, await sampleTree());
    assert.deepEqual(layer, ["usr/bin/tool"]);
    assert.notEqual(findNode(after, "usr/bin/tool"), findNode(after, "usr/bin/tool2"));
  },
);

test(
  "what is later than the time of the build is dated back, on disk too",
  { skip },
  async (context) => {
    const upper = makeUpper(context);
    upper.file("late", "x", 5000);
    upper.file("early", "x", 50);
    const { after } = await taken(upper, await sampleTree(), { newest: 1000 });
    assert.equal(findNode(after, "late")?.mtime, 1000);
    assert.equal(findNode(after, "early")?.mtime, 50);
    assert.equal(lstatSync(join(upper.path, "late")).mtimeMs, 1_000_000);
  },
);

test("a file in place of a folder, and a folder in place of a file", { skip }, async (context) => {
  const upper = makeUpper(context);
  upper.file("usr", "a file now");
  upper.folder("etc/passwd");
  upper.folder("etc");
  const { after, layer } = await taken(upper, await sampleTree());
  assert.deepEqual(layer, ["etc/passwd", "usr"]);
  assert.equal(findNode(after, "etc/passwd")?.kind, "directory");
});

test(
  "file capabilities are taken along, the books of overlay are not",
  { skip },
  async (context) => {
    const upper = makeUpper(context);
    const capability = new Uint8Array(
      Buffer.from("0100000200040000000000000000000000000000", "hex"),
    );
    const xattrs = new Map([
      ["security.capability", capability],
      ["trusted.overlay.origin", encodeText("x")],
    ]);
    const header = tarHeader({ ...plain, mode: 0o755, path: "server", type: "file", xattrs });
    await unpackWithExtendedAttributes(
      upper.path,
      writeTar([{ header, content: bytesContent(encodeText("")) }]),
    );
    const { after } = await taken(upper, await sampleTree());
    assert.deepEqual(
      [...(findNode(after, "server")?.xattrs ?? [])].map(([name]) => name),
      ["security.capability"],
    );
    assert.deepEqual(
      Buffer.from(findNode(after, "server")!.xattrs!.get("security.capability")!),
      Buffer.from(capability),
    );
  },
);

test("without owners on disk, those of the tree stay", { skip }, async (context) => {
  const root = TreeRoot.of(await sampleTree());
  root.setAttributes("etc/passwd", { ...plain, uid: 5, gid: 6 });
  const upper = makeUpper(context);
  upper.file("etc/passwd", "changed");
  const { after } = await taken(upper, root.snapshot(), { owners: false });
  assert.deepEqual(
    [findNode(after, "etc/passwd")?.uid, findNode(after, "etc/passwd")?.gid],
    [5, 6],
  );
});
