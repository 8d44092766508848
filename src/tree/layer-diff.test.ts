import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { bytesContent, encodeText, isBivyError, type Content } from "../base/index.ts";
import {
  findNode,
  layerDiff,
  layerItems,
  readLayers,
  TreeRoot,
  type Attributes,
  type DirectoryNode,
  type FileNode,
} from "./index.ts";
import { layerOfItems, listTree, readSample, type SampleEntry } from "../../test/sample-layers.ts";

/** Contents of the same text are one object, as they are where a step leaves a file alone. */
const contents = new Map<string, Content>();
function contentOf(text: string): Content {
  if (!contents.has(text)) contents.set(text, bytesContent(encodeText(text)));
  return contents.get(text)!;
}

/** The tree of one layer, whose files of the same size have the same content. */
async function treeOf(...entries: readonly SampleEntry[]): Promise<DirectoryNode> {
  return (await readSample([entries])).top;
}

const sameContent = (a: FileNode, b: FileNode) => a.content.size === b.content.size;

function itemsOf(before: DirectoryNode, after: DirectoryNode): readonly string[] {
  return [...layerDiff(before, after, { sameContent })].map(({ header, content }) => {
    assert.equal(content?.size ?? 0, header.size);
    assert.equal(
      content !== undefined,
      header.type === "file" && !/(^|\/)\.wh\./.test(header.path),
    );
    if (header.type === "directory") return `${header.path}/`;
    if (header.type === "symlink") return `${header.path} -> ${header.linkPath}`;
    if (header.type === "hardlink") return `${header.path} => ${header.linkPath}`;
    return header.type === "file" ? header.path : `${header.path} ${header.type}`;
  });
}

const mode = (bits: number) => ({ mode: bits });
const xattr = (...bytes: number[]) => ({ xattrs: new Map([["user.a", Uint8Array.from(bytes)]]) });

const cases: readonly {
  readonly name: string;
  readonly before: readonly SampleEntry[];
  readonly after: readonly SampleEntry[];
  readonly items: readonly string[];
}[] = [
  { name: "nothing", before: ["a/b", "l -> x"], after: ["a/b", "l -> x"], items: [] },
  {
    name: "what is new or changed, in byte order",
    before: ["a=1", "b/", "b/c", "l -> x", ["p", { type: "fifo" }]],
    after: [
      "a=22",
      "a.b",
      "a-b",
      ["b/", mode(0o700)],
      "b/c",
      "l -> y",
      ["p", { type: "fifo", uid: 1 }],
    ],
    items: ["a", "a-b", "a.b", "b/", "l -> y", "p fifo"],
  },
  {
    name: "any attribute is a change",
    before: ["mode", "uid", "time", ["attribute", xattr(1)], ["none", xattr()]],
    after: [
      ["mode", mode(0o600)],
      ["uid", { gid: 1 }],
      ["time", { mtimeNanoseconds: 1 }],
      ["attribute", xattr(2)],
      ["none", xattr()],
    ],
    items: ["attribute", "mode", "time", "uid"],
  },
  {
    name: "what is gone comes before its siblings, a folder with all that was in it",
    before: ["a", "b/c/d", "b/e", "f/g/h", "z"],
    after: ["0", "b/0", "b/e", "f/g/i"],
    items: [".wh.a", ".wh.z", "0", "b/.wh.c", "b/0", "f/g/.wh.h", "f/g/i"],
  },
  {
    name: "what is of another kind needs no whiteout",
    before: ["a/b", "c", "d -> a", "e/f/g"],
    after: ["a", "c/", "c/x", "d/", "d/y", "e -> a"],
    items: ["a", "c/", "c/x", "d/", "d/y", "e -> a"],
  },
  {
    name: "device numbers",
    before: [
      ["a", { type: "block", deviceMinor: 1 }],
      ["b", { type: "character" }],
    ],
    after: [
      ["a", { type: "block", deviceMinor: 2 }],
      ["b", { type: "block" }],
    ],
    items: ["a block", "b block"],
  },
  { name: "the root", before: ["a"], after: [["./", mode(0o711)], "a"], items: ["./"] },
  {
    name: "a new name brings the file it is of",
    before: ["b/a"],
    after: ["b/a", "a/z => b/a", "c => b/a"],
    items: ["a/", "a/z", "b/a => a/z", "c => a/z"],
  },
  {
    name: "a changed file brings all its names",
    before: ["a=1", "b => a", "c => a"],
    after: ["a=22", "b => a", "c => a"],
    items: ["a", "b => a", "c => a"],
  },
  {
    name: "a name that is gone leaves the others where they are",
    before: ["a=1", "b => a", "c => a"],
    after: ["a=1", "b => a"],
    items: [".wh.c"],
  },
  {
    name: "one file that became two is new where it comes second",
    before: ["a=1", "b => a", "c => a", "d => a"],
    after: ["a=1", "b => a", "c=1", "d => c"],
    items: ["c", "d => c"],
  },
  {
    name: "two files that became one are brought together",
    before: ["a=1", "b=1"],
    after: ["a=1", "b => a"],
    items: ["a", "b => a"],
  },
];

for (const { name, before, after, items } of cases)
  test(name, async () => {
    assert.deepEqual(itemsOf(await treeOf(...before), await treeOf(...after)), items);
  });

test("contents are compared as objects, unless the caller knows better", async () => {
  const before = await treeOf("a=1", "b=1");
  const other = await treeOf("a=1", "b=1");
  assert.deepEqual([...layerDiff(before, before)], []);
  assert.deepEqual(
    [...layerDiff(before, other)].map(({ header }) => header.path),
    ["a", "b"],
  );
  const asked: string[] = [];
  const items = layerDiff(before, other, {
    sameContent(a, b) {
      const path = ["a", "b"].find((name) => findNode(before, name) === a)!;
      assert.equal(findNode(other, path), b);
      asked.push(path);
      return path === "a";
    },
  });
  assert.deepEqual(
    Array.from(items, ({ header }) => header.path),
    ["b"],
  );
  assert.deepEqual(asked, ["a", "b"]);
});

test("no entry is dated later than it may be", async () => {
  const after = await treeOf(["a", { mtime: 50 }], ["b", { mtime: 5 }]);
  const items = [...layerDiff(await treeOf(), after, { newest: 10 })];
  assert.deepEqual(
    items.map(({ header }) => header.mtime),
    [10, 5],
  );
});

test("a name that means something else in a layer is refused", async () => {
  const root = new TreeRoot();
  root.makeDirectory("d", { mode: 0o755, uid: 0, gid: 0, mtime: 0 });
  const before = root.snapshot();
  root.makeSymlink("d/.wh.a", "x", { mode: 0o777, uid: 0, gid: 0, mtime: 0 });
  assert.throws(() => [...layerDiff(before, root.snapshot())], {
    code: "path-unsafe",
    message: /^\/d\/\.wh\.a: /,
  });
});

type Step =
  | { readonly do: "makeDirectory" | "setAttributes"; readonly path: string; readonly mode: number }
  | {
      readonly do: "writeFile";
      readonly path: string;
      readonly mode: number;
      readonly text: string;
    }
  | { readonly do: "makeLink" | "rename"; readonly path: string; readonly other: string }
  | { readonly do: "makeSymlink" | "makeSpecial" | "remove"; readonly path: string };

const path = fc.constantFrom("a", "b", "c", "a/a", "a/b", "b/a", "a/a/b", "c/c");
const bits = fc.constantFrom(0o755, 0o700);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constantFrom("makeDirectory", "setAttributes"), path, mode: bits }),
  fc.record({
    do: fc.constant("writeFile" as const),
    path,
    mode: bits,
    text: fc.constantFrom("", "x", "y", "longer"),
  }),
  fc.record({ do: fc.constantFrom("makeLink", "rename"), path, other: path }),
  fc.record({ do: fc.constantFrom("makeSymlink", "makeSpecial", "remove"), path }),
);
const steps = fc.array(step, { maxLength: 25 });

async function carryOut(root: TreeRoot, each: Step): Promise<void> {
  const attributes = (modeBits: number): Attributes => ({
    mode: modeBits,
    uid: 0,
    gid: 0,
    mtime: 0,
  });
  try {
    switch (each.do) {
      case "makeDirectory":
      case "setAttributes":
        return root[each.do](each.path, attributes(each.mode));
      case "writeFile":
        return await root.writeFile(each.path, attributes(each.mode), contentOf(each.text));
      case "makeLink":
        return root.makeLink(each.path, each.other);
      case "rename":
        return root.rename(each.other, each.path);
      case "makeSymlink":
        return root.makeSymlink(each.path, "a", attributes(0o777));
      case "makeSpecial":
        return root.makeSpecial(each.path, { ...attributes(0o644), kind: "fifo" });
      case "remove":
        return void root.remove(each.path);
    }
  } catch (error) {
    if (!isBivyError(error)) throw error;
  }
}

const textOf = ({ content }: FileNode) =>
  Buffer.concat([...(content.chunks() as Iterable<Uint8Array>)]);

test("a layer diff on top of what was before gives what is after", async () => {
  await fc.assert(
    fc.asyncProperty(steps, steps, async (first, second) => {
      const root = new TreeRoot();
      for (const each of first) await carryOut(root, each);
      const before = root.snapshot();
      for (const each of second) await carryOut(root, each);
      const after = root.snapshot();
      const items = [
        ...layerDiff(before, after, { sameContent: (a, b) => textOf(a).equals(textOf(b)) }),
      ];
      const lower = layerOfItems([...layerItems(before, { newest: 1 })]);
      const applied = await readLayers([lower, layerOfItems(items)]);
      const expected = await readLayers([layerOfItems([...layerItems(after, { newest: 1 })])]);
      const list = async (tree: typeof applied) =>
        (await listTree(tree)).map((line) => line.replace(/ @\d+$/, ""));
      assert.deepEqual(await list(applied), await list(expected));
      // Every link has its target in the layer itself, which therefore stands on its own.
      await readLayers([layerOfItems(items)]);
      const again = layerDiff(applied.top, expected.top, {
        sameContent: (a, b) => a.content.size === b.content.size,
      });
      assert.deepEqual(
        [...again].filter(({ header }) => header.path !== "."),
        [],
      );
    }),
    { numRuns: 400 },
  );
});
