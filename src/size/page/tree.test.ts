import assert from "node:assert/strict";
import { test } from "node:test";
import { layoutCells } from "./cells.ts";
import type { FolderEntry, PageData } from "./data.ts";
import { formatShare, formatSize, shownName } from "./text.ts";
import { folderTree, nodesTo, packageTree, searchTree, type PageNode } from "./tree.ts";

const data: PageData = {
  layers: ["ADD", "RUN"],
  packages: ["musl 1-r0", "app 2-r0"],
  root: [
    "",
    [
      [
        "usr",
        [
          [
            "lib",
            [
              ["libc.so", 600, 0, 0],
              ["plugin.so", 100, 1, 1],
              [3, 30, 1, 1],
            ],
          ],
          ["readme", 50, 1, -1],
        ],
      ],
      ["etc", [["conf", 20, 0, -1]]],
    ],
  ],
};

const everything = () => true;

function outline(node: PageNode): unknown {
  const said = `${node.name} ${node.bytes}/${node.files} L${node.layer} P${node.package}`;
  return node.children.length === 0 ? said : [said, ...node.children.map(outline)];
}

test("folders sum up their files, the largest first", () => {
  assert.deepEqual(outline(folderTree(data, everything)), [
    " 800/7 L-1 P-1",
    [
      "usr 780/6 L-1 P-1",
      [
        "lib 730/5 L-1 P-1",
        "libc.so 600/1 L0 P0",
        "plugin.so 100/1 L1 P1",
        "3 small files 30/3 L1 P1",
      ],
      "readme 50/1 L1 P-1",
    ],
    ["etc 20/1 L0 P-1", "conf 20/1 L0 P-1"],
  ]);
});

test("a layer alone has its own files and the folders that they are in", () => {
  assert.deepEqual(outline(folderTree(data, (layer) => layer === 0)), [
    " 620/2 L0 P-1",
    ["usr 600/1 L0 P0", ["lib 600/1 L0 P0", "libc.so 600/1 L0 P0"]],
    ["etc 20/1 L0 P-1", "conf 20/1 L0 P-1"],
  ]);
});

test("packages have their files below them, and the rest stands by itself", () => {
  assert.deepEqual(outline(packageTree(data, everything)), [
    " 800/7 L-1 P-1",
    ["musl 1-r0 600/1 L0 P0", ["usr 600/1 L0 P0", ["lib 600/1 L0 P0", "libc.so 600/1 L0 P0"]]],
    [
      "app 2-r0 130/4 L1 P1",
      ["usr 130/4 L1 P1", ["lib 130/4 L1 P1", "plugin.so 100/1 L1 P1", "3 small files 30/3 L1 P1"]],
    ],
    [
      "(no package) 70/2 L-1 P-1",
      ["usr 50/1 L1 P-1", "readme 50/1 L1 P-1"],
      ["etc 20/1 L0 P-1", "conf 20/1 L0 P-1"],
    ],
  ]);
});

test("every node is found again by its path, and a path that is gone leads as far as it can", () => {
  for (const root of [folderTree(data, everything), packageTree(data, everything)]) {
    const visit = (node: PageNode): void => {
      assert.equal(nodesTo(root, node.path).at(-1), node);
      for (const child of node.children) visit(child);
    };
    visit(root);
    assert.deepEqual(nodesTo(root, "none/such"), [root]);
  }
  const root = folderTree(data, everything);
  assert.equal(nodesTo(root, "usr/lib/gone/x").at(-1)!.path, "usr/lib");
});

test("a search finds parts of paths in any case, and counts no byte twice", () => {
  const root = folderTree(data, everything);
  const found = searchTree(root, "LIB", 10);
  assert.deepEqual(
    found.nodes.map(({ path }) => path),
    ["usr/lib", "usr/lib/libc.so", "usr/lib/plugin.so"],
  );
  assert.deepEqual([found.count, found.bytes], [3, 730]);
  assert.equal(searchTree(root, "lib", 1).nodes.length, 1);
  assert.equal(searchTree(root, "lib", 1).count, 3);
  const related = Array.from(searchTree(root, "plugin", 10).related, ({ path }) => path);
  assert.deepEqual(related.sort(), ["usr", "usr/lib", "usr/lib/plugin.so"]);
  assert.deepEqual(searchTree(root, "nothing", 10).nodes, []);
});

test("cells stand inside those of their folders, and there are never too many", () => {
  const folder = (name: string, count: number): FolderEntry => [
    name,
    Array.from({ length: count }, (_, index) => [`f${index}`, 1000 + index, 0, -1] as const),
  ];
  const root = folderTree(
    {
      layers: [],
      packages: [],
      root: ["", Array.from({ length: 100 }, (_, index) => folder(`d${index}`, 100))],
    },
    everything,
  );
  const cells = layoutCells(root, 3000, 2000);
  assert.equal(cells.length, 2500);
  for (const { box, parent, depth, node } of cells) {
    assert.ok(box.x >= 0 && box.y >= 0, node.path);
    assert.ok(box.x + box.width <= 3000.001 && box.y + box.height <= 2000.001, node.path);
    assert.equal(depth, parent === undefined ? 0 : parent.depth + 1);
    if (parent === undefined) continue;
    assert.ok(parent.isOpen && parent.node.children.includes(node));
    assert.ok(box.y >= parent.box.y + 10, "below its folder's name");
    assert.ok(box.x + box.width <= parent.box.x + parent.box.width + 0.001);
    assert.ok(box.y + box.height <= parent.box.y + parent.box.height + 0.001);
  }
  assert.deepEqual(layoutCells(root, 0, 100), []);
  assert.equal(layoutCells(root, 40, 30).filter(({ isOpen }) => isOpen).length, 0);
});

test("names that would not show, or would show otherwise, have a mark", () => {
  const cases: Readonly<Record<string, string>> = {
    "naïve 日本.txt": "naïve 日本.txt",
    "a\nb\u001b[2J": "a\ufffdb\ufffd[2J",
    "gpj.\u202eexe": "gpj.\ufffdexe",
    "zero\u200bwidth\ufeff": "zero\ufffdwidth\ufffd",
    "\udcff bytes": "\ufffd bytes",
    "🏔️": "🏔️",
  };
  for (const [name, shown] of Object.entries(cases)) assert.equal(shownName(name), shown);
});

test("sizes and shares", () => {
  assert.deepEqual([0, 1023, 1024, 1536, 5 * 1024 ** 3, 3 * 1024 ** 5].map(formatSize), [
    "0 B",
    "1023 B",
    "1.0 KiB",
    "1.5 KiB",
    "5.0 GiB",
    "3072.0 TiB",
  ]);
  assert.deepEqual(
    [formatShare(1, 3), formatShare(1, 100_000), formatShare(0, 0), formatShare(0, 5)],
    ["33.3 %", "< 0.1 %", "0.0 %", "0.0 %"],
  );
});
