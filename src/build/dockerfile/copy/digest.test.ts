import assert from "node:assert/strict";
import { test } from "node:test";
import { startHash, type Digest } from "../../../base/index.ts";
import { type DirectoryNode, type FileNode } from "../../../tree/index.ts";
import { digestOfSources } from "./digest.ts";
import { copyStep, sampleTree, type SampleTree } from "./sample-copy.test.ts";
import { selectSources, type SelectedRemote } from "./selection.ts";

async function hashContent({ content }: FileNode): Promise<string> {
  const hash = startHash("sha256");
  for await (const chunk of content.chunks()) hash.update(chunk);
  return hash.hex();
}

async function digest(
  line: string,
  top: DirectoryNode,
  hash: (file: FileNode, path: string) => Promise<string> = hashContent,
): Promise<Digest> {
  const step = copyStep(line);
  return digestOfSources(step, selectSources(step, top, { remotes: new Map(), time: 5 }), hash);
}

const sample: SampleTree = { "d/": "", "d/a": "text", "d/e/": "", "d/l": "-> a", f: "f" };

test("what is copied counts, and nothing else", async () => {
  const same: readonly (readonly [string, SampleTree])[] = [
    ["COPY d f /x/", { ...sample, other: "not copied" }],
    ["COPY d f /x/", { ...sample, "d/": "700" }],
    ["COPY d f /x/", { ...sample, "d/a": "7:8 text" }],
  ];
  const other: readonly (readonly [string, SampleTree])[] = [
    ["COPY d f /x/", { ...sample, "d/a": "changed" }],
    ["COPY d f /x/", { ...sample, "d/a": "600 text" }],
    ["COPY d f /x/", { ...sample, "d/e/": "700" }],
    ["COPY d f /x/", { ...sample, "d/l": "-> e" }],
    ["COPY d f /x/", { ...sample, "d/new": "" }],
    ["COPY f d /x/", sample],
    ["COPY d /x/", sample],
    ["ADD d f /x/", sample],
    ["COPY --exclude=a d f /x/", sample],
    ["COPY --from=src d f /x/", { ...sample, "d/a": "7:8 text" }],
  ];
  const first = await digest("COPY d f /x/", sampleTree(sample));
  for (const [line, tree] of other)
    assert.notEqual(await digest(line, sampleTree(tree)), first, `${line} ${JSON.stringify(tree)}`);
  for (const [line, tree] of same)
    assert.equal(await digest(line, sampleTree(tree)), first, `${line} ${JSON.stringify(tree)}`);
});

test("a directory whose contents are copied may have another name", async () => {
  const [first, second] = await Promise.all([
    digest("COPY d /x/", sampleTree({ "d/a": "text" })),
    digest("COPY e /x/", sampleTree({ "e/a": "text" })),
  ]);
  assert.equal(first, second);
});

test("with --chown the owners of a stage's files do not count", async () => {
  const line = "COPY --from=src --chown=1 a /x";
  const [first, second] = await Promise.all([
    digest(line, sampleTree({ a: "5:6 text" })),
    digest(line, sampleTree({ a: "text" })),
  ]);
  assert.equal(first, second);
});

test("times do not count, extended attributes do", async () => {
  const node = sampleTree({ a: "text" }).children.get("a") as FileNode;
  const holding = (file: FileNode): DirectoryNode => ({
    kind: "directory",
    mode: 0o755,
    uid: 0,
    gid: 0,
    mtime: 1,
    children: new Map([["a", file]]),
  });
  const first = await digest("COPY a /x", holding(node));
  assert.equal(
    await digest("COPY a /x", holding({ ...node, mtime: 9, mtimeNanoseconds: 9 })),
    first,
  );
  const xattrs = new Map([["user.x", Uint8Array.of(1)]]);
  assert.notEqual(await digest("COPY a /x", holding({ ...node, xattrs })), first);
});

test("a file is hashed by where it stands in the tree it is taken from", async () => {
  const asked: string[] = [];
  const tree = sampleTree({ "r/a": "text", "r/b": "= r/a", "r/c/d": "d", l: "-> r" });
  await digest("COPY l r/c/d <<EOF /x/\nno file of the tree\nEOF", tree, async (file, path) => {
    asked.push(path);
    return hashContent(file);
  });
  assert.deepEqual(asked, ["r/a", "r/b", "r/c/d", "r/c/d"]);
});

test("what comes over the network is told by its identity, without opening it", async () => {
  const step = copyStep("ADD https://example.org/a /x");
  const remote = (identity: string): SelectedRemote => ({
    kind: "remote",
    source: "https://example.org/a",
    unpacks: false,
    identity,
    open: () => Promise.reject(new Error("it was opened")),
  });
  const [first, again, other] = await Promise.all(
    ["one", "one", "two"].map((identity) => digestOfSources(step, [remote(identity)], hashContent)),
  );
  assert.equal(first, again);
  assert.notEqual(first, other);
});
