import assert from "node:assert/strict";
import { test } from "node:test";
import { resolveInRoot, TreeRoot } from "./index.ts";

const plain = { mode: 0o755, uid: 0, gid: 0, mtime: 0 };

function sample(): TreeRoot {
  const root = new TreeRoot();
  for (const path of ["usr", "usr/lib", "run", "a", "a/b"]) root.makeDirectory(path, plain);
  const links: Readonly<Record<string, string>> = {
    lib: "usr/lib",
    "usr/lib64": "lib",
    "var-run": "/run",
    "a/up": "..",
    "a/far": "../../../../usr",
    "a/same": "./b//",
    "a/empty-end": "b/.",
    dangling: "/no/where",
    loop: "a/loop",
    "a/loop": "../loop",
    absolute: "//usr/./lib",
    top: "/",
  };
  for (const [path, target] of Object.entries(links)) root.makeSymlink(path, target, plain);
  return root;
}

const cases: readonly (readonly [path: string, resolved: string])[] = [
  ["", ""],
  ["usr/lib/x", "usr/lib/x"],
  ["lib", "usr/lib"],
  ["lib/x/y", "usr/lib/x/y"],
  ["usr/lib64/x", "usr/lib/x"],
  ["var-run/x", "run/x"],
  ["a/up", ""],
  ["a/up/lib/x", "usr/lib/x"],
  ["a/far/lib", "usr/lib"],
  ["a/same/x", "a/b/x"],
  ["a/empty-end", "a/b"],
  ["dangling/x", "no/where/x"],
  ["absolute/x", "usr/lib/x"],
  ["top/top/usr", "usr"],
  // `..` is that of the place that a link leads to, as in the kernel.
  ["lib/../x", "usr/x"],
  ["../../x", "x"],
  ["nothing/x", "nothing/x"],
];

test("links are followed inside of the root", () => {
  const root = sample();
  for (const [path, resolved] of cases) assert.equal(resolveInRoot(root, path), resolved, path);
});

test("a loop is found", () => {
  assert.throws(() => resolveInRoot(sample(), "loop/x"), { code: "path-unsafe" });
});
