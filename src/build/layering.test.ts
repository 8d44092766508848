import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseAtom, type InstalledPackage } from "../apk/index.ts";
import { collectBytes } from "../base/index.ts";
import { layerItems, TreeRoot, walkTree, type LayerItem } from "../tree/index.ts";
import { planLayers } from "./layering.ts";
import { applyYaml, baselayout, installSamples, type SamplePackage } from "./sample-root.test.ts";

interface Sample {
  readonly tree: TreeRoot;
  readonly installed: readonly InstalledPackage[];
}

async function sample(...packages: readonly SamplePackage[]): Promise<Sample> {
  const tree = new TreeRoot();
  return { tree, installed: await installSamples(tree, packages) };
}

/** A package with one file, which is named after it. */
function single(
  name: string,
  origin: string,
  installedSize: number,
  buildTime: number,
  more: Readonly<Record<string, string>> = {},
): SamplePackage {
  return {
    name,
    info: { origin, installedSize, buildTime },
    files: { [`usr/bin/${name}`]: name, ...more },
  };
}

const topComment = "package database and configuration";
const byOrigin = (budget: number) => ({ strategy: "origin", budget }) as const;

/** What each layer holds beside directories: its comment and its paths. */
function layersOf(
  { tree, installed }: Sample,
  budget: number,
): readonly (readonly [string, readonly string[]])[] {
  const top = tree.snapshot();
  return planLayers(top, installed, byOrigin(budget)).map((plan) => [
    plan.comment,
    [...layerItems(top, { newest: Infinity, includes: plan.includes })]
      .filter(({ header }) => header.type !== "directory")
      .map(({ header }) => header.path)
      .filter(
        (path) =>
          !path.startsWith("lib/apk/") && !path.startsWith("dev/") && !path.startsWith("etc/apk/"),
      ),
  ]);
}

test("without a strategy one layer holds everything", async () => {
  const { tree, installed } = await sample(baselayout, single("curl", "curl", 5, 5));
  const plans = planLayers(tree.snapshot(), installed, undefined);
  assert.deepEqual(
    plans.map(({ comment }) => comment),
    ["baselayout, curl"],
  );
  assert.ok([...walkTree(tree.snapshot())].every(({ path }) => plans[0]!.includes(path)));
});

test("packages of an origin share a layer; the one that was built longest ago is lowest", async () => {
  const found = await sample(
    single("curl", "curl", 50, 300),
    single("libcurl", "curl", 100, 300),
    single("musl", "musl", 400, 100),
    single("musl-utils", "musl", 10, 200),
    single("zlib", "zlib", 1, 150),
    // Without an origin a package is its own.
    single("alone", "", 2, 400),
  );
  assert.deepEqual(layersOf(found, 10), [
    ["zlib", ["usr/bin/zlib"]],
    ["musl, musl-utils", ["usr/bin/musl", "usr/bin/musl-utils"]],
    ["curl, libcurl", ["usr/bin/curl", "usr/bin/libcurl"]],
    ["alone", ["usr/bin/alone"]],
    [topComment, []],
  ]);
});

test("beyond the budget the largest origins keep layers of their own, and the others share one", async () => {
  const found = await sample(
    single("a", "a", 1, 1),
    single("b", "b", 30, 9),
    single("c", "c", 20, 8),
    single("d", "d", 5, 2),
    single("e", "e", 5, 3),
  );
  const comments = (budget: number) => layersOf(found, budget).map(([comment]) => comment);
  assert.deepEqual(comments(5), ["a", "d", "e", "c", "b", topComment]);
  assert.deepEqual(comments(4), ["d", "c", "b", "a, e", topComment]);
  assert.deepEqual(comments(3), ["c", "b", "a, d, e", topComment]);
  assert.deepEqual(comments(2), ["b", "a, c, d, e", topComment]);
  assert.deepEqual(comments(1), ["a, b, c, d, e", topComment]);
});

test("of the same age, the larger origin is lower, then the name decides", async () => {
  const packages = [single("b", "b", 5, 1), single("a", "a", 5, 1), single("c", "c", 9, 1)];
  for (const order of [packages, packages.toReversed()])
    assert.deepEqual(
      layersOf(await sample(...order), 9).map(([comment]) => comment),
      ["c", "a", "b", topComment],
    );
});

test("packages without files have no layer, and many are counted", async () => {
  const virtual: SamplePackage = { name: "virtual", files: {}, info: { installedSize: 0 } };
  const many = Array.from({ length: 15 }, (_, index) => single(`p${index + 10}`, "many", 1, 1));
  const found = await sample(virtual, ...many);
  assert.deepEqual(
    layersOf(found, 9).map(([comment]) => comment),
    ["p10, p11, p12, p13, p14, p15, p16, p17, p18, p19, p20, p21 and 3 more", topComment],
  );
  const none = await sample(virtual);
  assert.deepEqual(layersOf(none, 9), [[topComment, []]]);
  assert.equal(planLayers(new TreeRoot().snapshot(), [], byOrigin(1)).length, 1);
});

test("what the configuration adds or changes is on top", async () => {
  const found = await sample(
    baselayout,
    single("app", "app", 9, 9, {
      "etc/app.conf": "a",
      "etc/other.conf": "b",
      "usr/bin/link -> app": "",
      "usr/bin/tool": "t",
    }),
  );
  await applyYaml(
    found.tree,
    `accounts: {users: [{username: a, uid: 1, homedir: /srv/a}]}
files: [{path: /etc/app.conf, content: changed}, {path: /srv/a/x, content: x}]
paths:
  - {path: /usr/bin/link, type: symlink, source: other}
  - {path: /usr/bin/tool, type: permissions, permissions: 0o4755}`,
  );
  assert.deepEqual(layersOf(found, 9), [
    ["baselayout", ["etc/group", "var/run"]],
    ["app", ["etc/other.conf", "usr/bin/app"]],
    [
      topComment,
      ["etc/app.conf", "etc/passwd", "etc/shadow", "srv/a/x", "usr/bin/link", "usr/bin/tool"],
    ],
  ]);
});

test("a file that one package took from another is in the layer of its owner", async () => {
  const found = await sample(single("old", "old", 9, 1, { "usr/lib/shared": "old" }), {
    ...single("new", "new", 9, 2, { "usr/lib/shared": "new" }),
    info: { origin: "new", installedSize: 9, buildTime: 2, replaces: [parseAtom("old")] },
  });
  assert.deepEqual(layersOf(found, 9), [
    ["old", ["usr/bin/old"]],
    ["new", ["usr/bin/new", "usr/lib/shared"]],
    [topComment, []],
  ]);
});

test("all names of a file are in one layer", async () => {
  const found = await sample(
    single("a", "a", 9, 1, { "usr/lib/x": "x", "usr/lib/y => usr/lib/x": "" }),
    single("b", "b", 9, 2, { "usr/lib/b": "b" }),
  );
  await applyYaml(
    found.tree,
    `paths:
  - {path: /opt/z, type: hardlink, source: /usr/lib/x}
  - {path: /usr/lib/b, type: hardlink, source: /usr/lib/x}`,
  );
  assert.deepEqual(layersOf(found, 9), [
    ["a", ["opt/z", "usr/bin/a", "usr/lib/b", "usr/lib/x", "usr/lib/y"]],
    ["b", ["usr/bin/b"]],
    [topComment, []],
  ]);
});

/** A path, as it is after the layers are applied; the content of a file, and which other names it has. */
async function applied(layers: Iterable<LayerItem>[]): Promise<Map<string, string>> {
  const files = new Map<string, { text: string; names: string[] }>();
  const found = new Map<string, string>();
  for (const items of layers) {
    const inLayer = new Map<string, { text: string; names: string[] }>();
    for (const { header, content } of items) {
      const { type, mode, uid, gid, mtime, linkPath } = header;
      if (type === "hardlink") {
        const first = inLayer.get(linkPath);
        assert.ok(first, `${header.path} links to ${linkPath}, which is not in the same layer`);
        first.names.push(header.path);
        files.set(header.path, first);
      } else if (type === "file") {
        const bytes = await collectBytes(content!.chunks(), 1 << 20, () => new Error("large"));
        const file = { text: Buffer.from(bytes).toString("latin1"), names: [header.path] };
        inLayer.set(header.path, file);
        files.set(header.path, file);
      }
      const kind = type === "hardlink" ? "file" : type;
      assert.ok(kind === "directory" || !found.has(header.path), `${header.path} is in two layers`);
      found.set(
        header.path,
        `${kind} ${mode} ${uid} ${gid} ${mtime} ${type === "symlink" ? linkPath : ""}`,
      );
    }
  }
  for (const [path, { text, names }] of files)
    found.set(path, `${found.get(path)!} ${text} ${names.toSorted().join()}`);
  return new Map([...found].sort());
}

const pathName = fc.constantFrom("etc", "usr", "lib", "opt/app", "var/db", "a", "a.b", "a/b");
const fileName = fc.constantFrom("x", "y", "z", "x.conf");
const samplePackage = fc.record({
  origin: fc.constantFrom("", "o1", "o2", "o3"),
  installedSize: fc.integer({ min: 1, max: 5 }),
  buildTime: fc.integer({ min: 0, max: 3 }),
  files: fc.uniqueArray(
    fc.tuple(pathName, fileName, fc.constantFrom("file", "symlink", "hardlink", "directory")),
    {
      maxLength: 6,
      selector: ([folder, name]) => `${folder}/${name}`,
    },
  ),
});

test("the layers, applied in order, give exactly the tree", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(samplePackage, { maxLength: 6 }),
      fc.array(fc.tuple(pathName, fileName, fc.constantFrom("change", "link", "mode", "add")), {
        maxLength: 5,
      }),
      fc.integer({ min: 1, max: 5 }),
      async (packages, changes, budget) => {
        const found = await sample(...packages.map(toSample));
        for (const [folder, name, change] of changes)
          await changeTree(found.tree, `${folder}/${name}`, change);
        const tree = found.tree.snapshot();
        const plans = planLayers(tree, found.installed, byOrigin(budget));
        assert.ok(plans.length <= budget + 1);
        const options = { newest: 2_000_000_000 };
        const whole = await applied([layerItems(tree, options)]);
        const layers = plans.map((plan) => [
          ...layerItems(tree, { ...options, includes: plan.includes }),
        ]);
        assert.deepEqual(await applied(layers), whole);
        for (const { path } of walkTree(tree))
          assert.equal(plans.filter((plan) => plan.includes(path)).length, 1, path);
        // The order in which packages are listed does not matter.
        const again = planLayers(tree, found.installed.toReversed(), byOrigin(budget));
        assert.deepEqual(
          again.map(({ comment }) => comment),
          plans.map(({ comment }) => comment),
        );
      },
    ),
    { numRuns: 150 },
  );
});

/** Each package has its own names, so that no two of them bring the same file. */
function toSample(
  {
    origin,
    installedSize,
    buildTime,
    files,
  }: typeof samplePackage extends fc.Arbitrary<infer T> ? T : never,
  index: number,
): SamplePackage {
  const entries: Record<string, string> = {};
  let first: string | undefined;
  for (const [folder, name, kind] of files) {
    const path = `${folder}/${name}${index}`;
    if (kind === "directory") entries[`${path}/`] = "";
    else if (kind === "symlink") entries[`${path} -> ${name}`] = "";
    else if (kind === "hardlink" && first !== undefined) entries[`${path} => ${first}`] = "";
    else {
      entries[path] = `${index}${path}`;
      first ??= path;
    }
  }
  return { name: `p${index}`, files: entries, info: { origin, installedSize, buildTime } };
}

async function changeTree(tree: TreeRoot, path: string, change: string): Promise<void> {
  const all = [...walkTree(tree.snapshot())]
    .filter(({ node }) => node.kind === "file")
    .map((each) => each.path);
  const existing = all[path.length % Math.max(1, all.length)];
  if (change === "add" || existing === undefined)
    return void (await applyYaml(tree, `files: [{path: /${path}, content: new}]`));
  if (change === "change")
    return void (await applyYaml(tree, `files: [{path: /${existing}, content: other}]`));
  if (change === "mode")
    return void (await applyYaml(
      tree,
      `paths: [{path: /${existing}, type: permissions, permissions: 0o600}]`,
    ));
  await applyYaml(tree, `paths: [{path: /${path}, type: hardlink, source: /${existing}}]`);
}
