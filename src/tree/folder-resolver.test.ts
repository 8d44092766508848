import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { folderResolver, resolveInTree } from "./folder-resolver.ts";
import { resolveInRoot, TreeRoot, walkTree } from "./index.ts";

const attributes = { mode: 0o755, uid: 0, gid: 0, mtime: 0 };
const name = fc.constantFrom("a", "b", "c", "..", ".", "");
const words = fc.array(name, { minLength: 1, maxLength: 5 }).map((parts) => parts.join("/"));

test("paths lead where the kernel finds them, as in any root", () => {
  fc.assert(
    fc.property(fc.array(words, { maxLength: 6 }), words, (targets, path) => {
      const root = new TreeRoot();
      for (const folder of ["a", "a/b", "b"]) root.makeDirectory(folder, attributes);
      const places = ["c", "a/a", "a/b/c", "b/a", "b/b", "a/c"];
      for (const [at, target] of targets.entries())
        root.makeSymlink(places[at]!, target === "" ? "/" : target, attributes);
      const outcome = (resolve: () => string): string => {
        try {
          return resolve();
        } catch (error) {
          return (error as Error).message;
        }
      };
      assert.equal(
        outcome(() => resolveInTree(root.snapshot(), path)),
        outcome(() => resolveInRoot(root, path)),
      );
    }),
  );
});

test("behind links that form a loop a path stays as it is", () => {
  const root = new TreeRoot();
  root.makeSymlink("loop", "loop", attributes);
  assert.equal(folderResolver(root.snapshot())("loop/x"), "loop/x");
});

test("thousands of folders that nest thousands deep are found at once", { timeout: 20_000 }, () => {
  const root = new TreeRoot();
  const deep = (at: number): string => `${at}${"/a".repeat(2040)}`;
  let path = "";
  for (const part of deep(0).split("/")) {
    path = path === "" ? part : `${path}/${part}`;
    root.makeDirectory(path, attributes);
  }
  const top = root.snapshot();
  assert.equal([...walkTree(top)].length, 2041);
  const resolve = folderResolver(top);
  for (let at = 0; at < 2000; at++) assert.equal(resolve(deep(at)), deep(at));
});
