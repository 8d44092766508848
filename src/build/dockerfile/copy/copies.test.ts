/** What COPY does, by the cases of copies.json, and what it refuses. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as fc from "fast-check";
import { bytesContent, encodeText, isBivyError } from "../../../base/index.ts";
import { resolveInRoot, TreeRoot, type Attributes } from "../../../tree/index.ts";
import { listTree, runCopy, sampleTimes, sampleTree, type SampleTree } from "./sample-copy.test.ts";

interface Case {
  readonly name: string;
  readonly before?: SampleTree;
  readonly sources: SampleTree;
  readonly line: string;
  readonly after: SampleTree;
}

const cases = JSON.parse(
  readFileSync(new URL("./copies.json", import.meta.url), "utf8"),
) as readonly Case[];

for (const { name, before = {}, sources, line, after } of cases)
  test(name, async () => {
    const root = TreeRoot.of(sampleTree(before));
    await runCopy(root, line, sampleTree(sources));
    assert.deepEqual(await listTree(root.snapshot()), after);
  });

async function failureOf(
  line: string,
  before: SampleTree,
  sources: SampleTree,
  isIgnored = (_path: string) => false,
): Promise<string> {
  try {
    await runCopy(TreeRoot.of(sampleTree(before)), line, sampleTree(sources), { isIgnored });
  } catch (error) {
    assert.ok(isBivyError(error), String(error));
    return `${error.code} ${error.message}\n${error.hint}`;
  }
  throw new Error(`${line}: copied`);
}

test("what cannot be copied is refused, with the source or the destination named", async () => {
  const passwd = { "etc/passwd": "app:x:70:71::/:/bin/sh\n", "etc/group": "web:x:90:\n" };
  const refused: readonly (readonly [string, SampleTree, SampleTree, RegExp])[] = [
    [
      "COPY src/mian.go /x",
      {},
      { "src/main.go": "" },
      /^file-not-found COPY src\/mian\.go: no such file or folder in the build context\nDid you mean src\/main\.go\?/,
    ],
    ["COPY --from=src a /x", {}, {}, /no such file or folder in stage 0\nCheck the path/],
    ["COPY missing/*.go /x/", {}, {}, /file-not-found COPY missing\/\*\.go \(missing\): no such/],
    ["COPY l* /x/", {}, { l1: "-> gone" }, /file-not-found COPY l\* \(l1\): no such/],
    ["COPY a /x", {}, { a: "-> b", b: "-> a" }, /path-unsafe .*more than 40 symlinks/],
    ["COPY [ /x", {}, { a: "" }, /pattern-invalid .*"\[" is not closed/],
    ["COPY --exclude=[ d /x", {}, { "d/a": "" }, /pattern-invalid --exclude: \[/],
    ["COPY --parents x/gone /p", {}, { "x/a": "" }, /file-not-found COPY x\/gone: no such/],
    ["COPY --parents y/./a /p", {}, { "x/a": "" }, /file-not-found COPY y\/\.\/a \(y\): no such/],
    [
      "COPY a b /x",
      {},
      { a: "", b: "" },
      /^dockerfile-invalid COPY b: several sources need a directory, and \/x is the file that a became\nEnd the destination with a slash: \/x\//,
    ],
    ["COPY * /x", {}, { a: "", "b/c": "" }, /COPY \*: several sources need a directory/],
    ["COPY a <<EOF /x\n1\nEOF", {}, { a: "" }, /COPY <<EOF: several sources need a directory/],
    [
      "COPY a /f/x",
      { f: "" },
      { a: "" },
      /^dockerfile-invalid COPY a: expected a directory at \/f, found a file\nChoose another/,
    ],
    ["COPY a /f/", { f: "" }, { a: "" }, /COPY a: expected a directory at \/f, found a file/],
    ["COPY d /f", { f: "" }, { "d/a": "" }, /a directory cannot take the place of the file \/f/],
    [
      "COPY a /x",
      { "x/a/": "" },
      { a: "" },
      /a file cannot take the place of the directory \/x\/a/,
    ],
    [
      "COPY d /x",
      { "x/l": "-> y", "x/y/": "" },
      { "d/l/a": "" },
      /a directory cannot take the place of the symlink \/x\/l/,
    ],
    [
      "COPY d /x",
      { "x/l/": "" },
      { "d/l": "-> y" },
      /a symlink cannot take the place of the directory \/x\/l/,
    ],
    ["COPY --chmod=64a a /x", {}, { a: "" }, /dockerfile-invalid --chmod=64a: expected an octal/],
    [
      "COPY --chown=ap a /x",
      passwd,
      { a: "" },
      /^dockerfile-invalid --chown=ap: the image has no user "ap" in \/etc\/passwd\nDid you mean app\?/,
    ],
    ["COPY --chown=7:wheel a /x", passwd, { a: "" }, /no group "wheel" in \/etc\/group\nMake it/],
    ["COPY --chown=app a /x", {}, { a: "" }, /no user "app" in \/etc\/passwd\nMake it first/],
    ["COPY --chown=4294967295 a /x", {}, { a: "" }, /no user "4294967295"/],
    ["COPY --link --chown=app a /x", passwd, { a: "" }, /expected numbers with --link/],
  ];
  for (const [line, before, sources, expected] of refused)
    assert.match(await failureOf(line, before, sources), expected, line);
});

test("a source that an ignore file leaves out says so", async () => {
  const failure = await failureOf("COPY .env /x", {}, {}, (path) => path === ".env");
  assert.match(failure, /COPY \.env: the ignore file leaves it out of the build context\nAdd/);
});

test("files keep their times, and directories made on the way have the given one", async () => {
  const root = new TreeRoot();
  const sources = new TreeRoot({ rootAttributes: { mode: 0o755, uid: 0, gid: 0, mtime: 3 } });
  const at = (mtime: number): Attributes => ({ mode: 0o644, uid: 0, gid: 0, mtime });
  sources.makeDirectory("d", at(4));
  sources.makeDirectory("d/e", at(5));
  const exact = { ...at(6), mtimeNanoseconds: 7 };
  sources.putFile("d/e/a", exact, bytesContent(encodeText("a")));
  await runCopy(root, "COPY d /x/y", sources.snapshot());
  const times = ["x", "x/y", "x/y/e", "x/y/e/a"].map((path) => root.lookup(path)!.mtime);
  assert.deepEqual(times, [sampleTimes.made, 4, 5, 6]);
  assert.equal(root.lookup("x/y/e/a")!.mtimeNanoseconds, 7);
});

test("extended attributes come along, and those of a directory that is there stay", async () => {
  const root = new TreeRoot();
  const attributes: Attributes = { mode: 0o755, uid: 0, gid: 0, mtime: 1 };
  const old = new Map([["user.old", Uint8Array.of(1)]]);
  const xattrs = new Map([["security.capability", Uint8Array.of(2)]]);
  root.makeDirectory("x", attributes);
  root.makeDirectory("x/d", { ...attributes, xattrs: old });
  const sources = new TreeRoot();
  sources.makeDirectory("s", attributes);
  sources.makeDirectory("s/d", { ...attributes, xattrs });
  sources.putFile("s/d/a", { ...attributes, xattrs }, bytesContent(encodeText("a")));
  await runCopy(root, "COPY s /x", sources.snapshot());
  assert.deepEqual([...root.lookup("x/d")!.xattrs!.keys()], ["user.old", "security.capability"]);
  assert.deepEqual(root.lookup("x/d/a")!.xattrs, xattrs);
});

test("an interrupted copy stops", async () => {
  const signal = AbortSignal.abort(new Error("stop"));
  const copied = runCopy(new TreeRoot(), "COPY a /x", sampleTree({ a: "" }), { signal });
  await assert.rejects(copied, { code: "aborted" });
});

const names = fc.constantFrom("a", "b", "c", "etc");
const links = fc.constantFrom("/", "..", "../..", "a", "/etc", "b/../../c", "../etc/a", "l");
const paths = fc.array(names, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
const trees = fc
  .dictionary(
    paths,
    fc.oneof(
      fc.constant("text"),
      links.map((target) => `-> ${target}`),
    ),
    {
      maxKeys: 6,
    },
  )
  .map((tree) => {
    // A path cannot be a file and a directory.
    const kept = Object.entries(tree).filter(
      ([path]) => !Object.keys(tree).some((other) => other.startsWith(`${path}/`)),
    );
    return Object.fromEntries(kept);
  });

test("nothing is written but at the destination, whatever the trees hold", async () => {
  const property = fc.asyncProperty(
    trees,
    trees,
    paths,
    paths,
    async (before, from, source, to) => {
      const root = TreeRoot.of(sampleTree(before));
      const listed = await listTree(root.snapshot());
      try {
        await runCopy(root, `COPY ${source} /${to}/`, sampleTree(from));
      } catch (error) {
        assert.ok(isBivyError(error), String(error));
      }
      const after = await listTree(root.snapshot());
      let place: string;
      try {
        place = resolveInRoot(TreeRoot.of(sampleTree(before)), to);
      } catch {
        place = to;
      }
      for (const path of new Set([...Object.keys(listed), ...Object.keys(after)])) {
        const isBelow = path.startsWith(`${place}/`);
        const isMadeAbove = listed[path] === undefined && `${place}/`.startsWith(path);
        if (place !== "" && !isBelow && !isMadeAbove) assert.equal(after[path], listed[path], path);
      }
    },
  );
  await fc.assert(property, { numRuns: 300 });
});
