import assert from "node:assert/strict";
import { test } from "node:test";
import { tarHeader } from "../archive/index.ts";
import { defaultLimits, type ErrorCode } from "../base/index.ts";
import { findNode, readLayers, type LayerChange, type TreeLayer } from "./index.ts";
import {
  layerOfItems,
  listTree,
  readSample,
  sampleLayer,
  type SampleEntry,
} from "../../test/sample-layers.ts";

const device = (path: string, major: number, minor: number): SampleEntry => [
  path,
  { type: "character", deviceMajor: major, deviceMinor: minor },
];

/** What layers give together. */
const cases: readonly {
  readonly name: string;
  readonly layers: readonly (readonly SampleEntry[])[];
  readonly tree: readonly string[];
}[] = [
  {
    name: "names are made plain",
    layers: [["./a/", "./a//b=1", "/c/", "c/d=2"]],
    tree: ["a/ @0", "a/b=1 @0", "c/ @0", "c/d=2 @0"],
  },
  {
    name: "what a file, a link, a device or a pipe carries is kept",
    layers: [
      [
        [
          "f=x",
          {
            mode: 0o6755,
            uid: 3_000_000,
            gid: 4_294_967_294,
            mtime: -5,
            xattrs: new Map([["user.a", Uint8Array.of(0, 255)]]),
          },
        ],
        ["l -> ../nowhere", { uid: 7, mode: 0o644 }],
        device("c", 259, 70_000),
        ["p", { type: "fifo", mode: 0o600 }],
      ],
    ],
    tree: [
      "c character 259:70000 @0",
      "f=x 6755 3000000:4294967294 -5s user.a=00ff @0",
      "l -> ../nowhere 7:0 @0",
      "p fifo 600 @0",
    ],
  },
  {
    name: "a folder that has no entry is implied",
    layers: [["a/b/f"], [["a/", { mode: 0o700 }]]],
    tree: ["a/ 700 @1", "a/b/", "a/b/f @0"],
  },
  {
    name: "the later of two entries wins",
    layers: [["a=1", ["a=22", { mode: 0o600 }], "b/f", "b=3"]],
    tree: ["a=22 600 @0", "b=3 @0"],
  },
  {
    name: "a folder over a folder gives it its attributes",
    layers: [
      [["d/", { mode: 0o700, uid: 5, xattrs: new Map([["user.a", Uint8Array.of(1)]]) }], "d/f"],
      [["d/", { mtime: 9 }]],
    ],
    tree: ["d/ 9s @1", "d/f @0"],
  },
  {
    name: "a folder whose attributes are only repeated stays that of the lower layer",
    layers: [
      ["d/", "d/f"],
      ["d/", "d/g"],
    ],
    tree: ["d/ @0", "d/f @0", "d/g @1"],
  },
  {
    name: "what is of another kind takes the whole place",
    layers: [
      ["d/", "d/f", "g", "l -> d", "x -> d"],
      ["d=1", "g/", "l/", "x=2"],
    ],
    tree: ["d=1 @1", "g/ @1", "l/ @1", "x=2 @1"],
  },
  {
    name: "a whiteout removes what lower layers brought",
    layers: [
      ["a", "b", "d/", "d/e/f", "d/g"],
      [".wh.a", "d/.wh.e", ".wh.missing", "no/.wh.folder"],
    ],
    tree: ["b @0", "d/ @0", "d/g @0"],
  },
  {
    name: "a whiteout removes nothing of its own layer, wherever it stands",
    layers: [
      [
        "a=0",
        "b=0",
        ["d/", { mode: 0o700 }],
        "d/old",
        ["e/", { mode: 0o700 }],
        "e/old",
        "e/sub/old",
      ],
      [".wh.a", "a=1", "b=1", ".wh.b", ".wh.d", "d/new", "e/new", "e/sub/new", ".wh.e"],
    ],
    tree: ["a=1 @1", "b=1 @1", "d/", "d/new @1", "e/", "e/new @1", "e/sub/", "e/sub/new @1"],
  },
  {
    name: "a folder with an entry stays as the entry has it, on either side of its whiteout",
    layers: [
      [["d/", { mode: 0o700 }], "d/old", "e/", "e/old"],
      [".wh.d", ["d/", { mode: 0o711 }], "e/", "e/new", ".wh.e"],
    ],
    tree: ["d/ 711 @1", "e/ @1", "e/new @1"],
  },
  {
    name: "an opaque folder stays, and with it what its layer brought",
    layers: [
      [["d/", { mode: 0o700 }], "d/old", "d/sub/old", "e/", "e/old", "top"],
      ["d/new", "d/sub/new", "d/.wh..wh..opq", "e/.wh..wh..opq", "e/new", "no/.wh..wh..opq"],
    ],
    tree: ["d/ 700 @0", "d/new @1", "d/sub/", "d/sub/new @1", "e/ @0", "e/new @1", "top @0"],
  },
  {
    name: "an opaque root",
    layers: [
      ["a", "d/f"],
      ["d/g", ".wh..wh..opq"],
    ],
    tree: ["d/", "d/g @1"],
  },
  {
    name: "AUFS's own books are no files",
    layers: [["a", ".wh..wh.plnk/", ".wh..wh.plnk/1.2=x", ".wh..wh.aufs"]],
    tree: ["a @0"],
  },
  {
    name: "parents are found through links, inside the root",
    layers: [
      [
        "real/f",
        "l -> ../../real",
        "abs -> /real/",
        "deep/er/up -> ../../real",
        "hole -> no/where",
      ],
      ["l/1", "abs/2", "deep/er/up/3", "l/.wh.f", "hole/4", "abs/new/5"],
    ],
    tree: [
      "abs -> /real/ @0",
      "deep/",
      "deep/er/",
      "deep/er/up -> ../../real @0",
      "hole -> no/where @0",
      "l -> ../../real @0",
      "no/",
      "no/where/",
      "no/where/4 @1",
      "real/",
      "real/1 @1",
      "real/2 @1",
      "real/3 @1",
      "real/new/",
      "real/new/5 @1",
    ],
  },
  {
    name: "a link on the way that is replaced is followed no more",
    layers: [["a/", "b/", "l -> a", "l/1", "l -> b", "l/2", "l/", "l/3"]],
    tree: ["a/ @0", "a/1 @0", "b/ @0", "b/2 @0", "l/ @0", "l/3 @0"],
  },
  {
    name: "a hard link is another name of a file, with the file's attributes",
    layers: [
      [["a=1", { mode: 0o600, uid: 3 }], ["b => a", { mode: 0o777 }], "s -> a", "t => s"],
      ["c => /b", "d/e => ./a", "x -> d", "y => x/e"],
      ["a=2", "e => c"],
    ],
    tree: [
      "a=2 @2",
      "b=1 600 3:0 #1 @0",
      "c=1 600 3:0 #1 @1",
      "d/",
      "d/e=1 600 3:0 #1 @1",
      "e=1 600 3:0 #1 @2",
      "s -> a #2 @0",
      "t -> a #2 @0",
      "x -> d @1",
      "y=1 600 3:0 #1 @1",
    ],
  },
  {
    name: "a whiteout of one name leaves the others",
    layers: [["a=1"], ["b => a", ".wh.a"], ["c => b", ".wh.b", "b=2"]],
    tree: ["b=2 @2", "c=1 @2"],
  },
  {
    name: "a link of this layer is no lower file",
    layers: [["a=1"], ["b => a", ".wh.b"]],
    tree: ["a=1 #1 @0", "b=1 #1 @1"],
  },
  {
    name: "the same layer may stand twice",
    layers: [
      ["a=1", "d/", "d/f"],
      [".wh.a", "d/.wh.f"],
      ["a=1", "d/", "d/f"],
    ],
    tree: ["a=1 @2", "d/ @0", "d/f @2"],
  },
  {
    name: "names that are not UTF-8 are kept apart",
    layers: [["\udcff=1", "\udcfe=2", "ÿ=3"], [".wh.\udcff"]],
    tree: ["ÿ=3 @0", "\udcfe=2 @0"],
  },
];

for (const { name, layers, tree } of cases)
  test(name, async () => {
    assert.deepEqual(await listTree(await readSample(layers)), tree);
  });

test("the root has attributes of its own once a layer has an entry for it", async () => {
  const none = await readSample([["a"]]);
  assert.deepEqual(
    [none.layerOf(""), none.top.mode, none.layerOf("nowhere")],
    [undefined, 0o755, undefined],
  );
  const some = await readSample([["a"], [["./", { mode: 0o711, uid: 3 }]]]);
  assert.deepEqual([some.layerOf(""), some.top.mode, some.top.uid], [1, 0o711, 3]);
});

/** Layers that are refused, and what is said. */
const refused: readonly (readonly [
  layers: readonly (readonly SampleEntry[])[],
  code: ErrorCode,
  said: string,
])[] = [
  [
    [["f"], ["f/below"]],
    "image-invalid",
    'sample layer: entry "f/below" stands below /f, which is a file',
  ],
  [[["f", "l -> f", "l/below"]], "image-invalid", 'entry "l/below" stands below /f'],
  [
    [["b => a"]],
    "image-invalid",
    'sample layer: entry "b" is a hard link to "a", which is not there',
  ],
  [[["a"], [".wh.a", "b => a"]], "image-invalid", "which is not there"],
  [[["a", "a => a"]], "image-invalid", 'entry "a" is a hard link to "a", which is not there'],
  [[["d/", "b => d"]], "image-invalid", 'entry "b" is a hard link to "d", which is a folder'],
  [[["d/", "b => ."]], "image-invalid", "hard link"],
  [[["b => ../../etc/shadow"]], "path-unsafe", "climbs out of the root"],
  [[["../x"]], "path-unsafe", "climbs out of the root"],
  [[[". -> /"]], "image-invalid", "takes the place of the root folder"],
  [
    [["loop -> loop", "loop/f"]],
    "image-invalid",
    'entry "loop" leads through more than 40 symlinks',
  ],
  [[[`l -> ${"a/".repeat(2048)}`]], "image-invalid", "links to a path longer than 4095 bytes"],
  [
    [[`l -> ${"a/".repeat(2000)}`, `l/${"a/".repeat(100)}f`]],
    "image-invalid",
    "stands at a path longer than 4095 bytes",
  ],
];

test("a layer that cannot be applied is refused", async () => {
  for (const [layers, code, said] of refused)
    await assert.rejects(readSample(layers), (error: Error & { code: string }) => {
      assert.equal(error.code, code, error.message);
      assert.ok(error.message.includes(said), error.message);
      return true;
    });
});

function changesOf(changes: readonly LayerChange[]): readonly string[] {
  return changes.map(({ kind, path, before, beforeLayer }) => {
    if (before.kind === "directory") assert.equal(before.children.size, 0);
    return `${kind} ${path} ${before.kind} ${before.mode.toString(8)} @${beforeLayer}`;
  });
}

test("each layer tells what it has, and what it replaced or removed", async () => {
  const { layers } = await readSample([
    ["d/", "d/e/f=12345", "d/g=1", "h=22", "s -> h"],
    ["d/.wh.e", ["d/", { mode: 0o700 }], "d/g=2", "d/g=3", ".wh.s", "s -> g", "n=new", ".wh.n"],
    [".wh.d", "d/x", "h/"],
    ["d/", "s -> g"],
  ]);
  assert.deepEqual(
    layers.map(({ entries, contentSize }) => [entries, contentSize]),
    [
      [5, 8],
      [8, 5],
      [3, 0],
      [2, 0],
    ],
  );
  assert.deepEqual(
    layers.map(({ changes }) => changesOf(changes)),
    [
      [],
      [
        "removed d/e directory 755 @0",
        "removed d/e/f file 644 @0",
        "changed d directory 755 @0",
        "changed d/g file 644 @0",
        "changed d/g file 644 @1",
        "changed s symlink 777 @0",
      ],
      ["changed d directory 700 @1", "removed d/g file 644 @1", "changed h file 644 @0"],
      ["changed d directory 755 @2", "changed s symlink 777 @1"],
    ],
  );
  const sizes = layers.map(({ size }) => size);
  assert.deepEqual(sizes, [
    512 * (5 + 3) + 1024,
    512 * (8 + 3) + 1024,
    512 * 3 + 1024,
    512 * 2 + 1024,
  ]);
});

test("what was replaced can still be read", async () => {
  const { layers } = await readSample([["a=old"], ["a=new"]]);
  const { before } = layers[1]!.changes[0]!;
  assert.ok(before.kind === "file");
  const parts: Uint8Array[] = [];
  for await (const chunk of before.content.chunks()) parts.push(Uint8Array.from(chunk));
  assert.equal(Buffer.concat(parts).toString(), "old");
});

test("the entries of all layers count against one limit, and the folders that they imply", async () => {
  const read = (most: number, ...layers: SampleEntry[][]) =>
    readSample(layers, { limits: { ...defaultLimits, entries: most } });
  await read(5, ["a", "b"], ["c", "d", "e"]);
  await assert.rejects(read(4, ["a", "b"], ["c", "d", "e"]), { code: "limit-exceeded" });
  await read(3, ["a/b/c"]);
  await assert.rejects(read(3, ["a/b/c/d"]), { code: "limit-exceeded" });
});

test("whiteouts by the thousand over a full folder cost no more than the folder", async () => {
  const files = Array.from({ length: 3000 }, (_, index) => `d/e/${index}`);
  const markers = files.flatMap((): string[] => ["d/.wh..wh..opq", ".wh.d", "d/e/.wh..wh..opq"]);
  const tree = await readSample([["d/old"], [...files, ...markers]]);
  const folder = findNode(tree.top, "d/e");
  assert.ok(folder?.kind === "directory" && folder.children.size === 3000);
  assert.equal(findNode(tree.top, "d/old"), undefined);
});

test("an interruption ends the reading", async () => {
  const controller = new AbortController();
  const endless: TreeLayer = {
    subject: "endless",
    async *tar() {
      for (let index = 0; ; index++) {
        if (index === 10) controller.abort(new Error("enough"));
        yield* layerOfItems([
          { header: tarHeader({ path: `f${index}`, type: "file" }) },
        ]).tar() as AsyncIterable<Uint8Array>;
      }
    },
  };
  const cut: TreeLayer = {
    subject: "cut",
    async *tar() {
      for await (const chunk of endless.tar()) if (chunk.byteLength === 512) yield chunk;
    },
  };
  await assert.rejects(readLayers([cut], { signal: controller.signal }), { code: "aborted" });
});

test("an error of a layer's stream is thrown as it is", async () => {
  const failing: TreeLayer = {
    subject: "failing",
    async *tar() {
      yield* sampleLayer("a=1").tar() as AsyncIterable<Uint8Array>;
      throw new Error("the digest differs");
    },
  };
  await assert.rejects(readLayers([failing]), /the digest differs/);
});
