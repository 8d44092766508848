import assert from "node:assert/strict";
import { test } from "node:test";
import { samplePackages, type SampleInstalled } from "../../test/layered-root.ts";
import { TreeRoot } from "../tree/index.ts";
import { fileOwners } from "./owners.ts";

const attributes = { mode: 0o755, uid: 0, gid: 0, mtime: 0 };

/** A root whose links lead from each name to its target. */
function rootWith(
  links: Readonly<Record<string, string>>,
  ...folders: readonly string[]
): TreeRoot {
  const root = new TreeRoot();
  for (const folder of folders) root.makeDirectory(folder, attributes);
  for (const [path, target] of Object.entries(links)) root.makeSymlink(path, target, attributes);
  return root;
}

function ownersOf(samples: Readonly<Record<string, SampleInstalled>>, root = new TreeRoot()) {
  const owners = fileOwners(samplePackages(samples), root.snapshot());
  return Object.fromEntries(
    [...owners].map(
      ([
        path,
        {
          package: { name },
          file,
        },
      ]) => [path, file === undefined ? `${name}/` : name],
    ),
  );
}

test("files and folders belong to their packages", () => {
  assert.deepEqual(ownersOf({ a: { files: "etc/a init etc/empty/" }, b: { files: "etc/b" } }), {
    etc: "a/",
    "etc/a": "a",
    "etc/b": "b",
    "etc/empty": "a/",
    init: "a",
  });
});

test("a folder belongs to the package whose attributes apk gives it", () => {
  const files = "etc/";
  assert.equal(ownersOf({ a: { files, origin: "x" }, b: { files } })["etc"], "b/");
  assert.equal(ownersOf({ a: { files }, b: { files, replacesPriority: 1 } })["etc"], "b/");
  assert.equal(ownersOf({ b: { files }, a: { files } })["etc"], "a/");
});

test("paths are where links lead, the last part of a file not followed", () => {
  const root = rootWith(
    { lib: "usr/lib", "usr/lib/deep": "/opt", "usr/lib/link.so": "x.so" },
    "usr",
    "usr/lib",
    "opt",
  );
  assert.deepEqual(ownersOf({ a: { files: "lib/x.so lib/link.so lib/deep/y" } }, root), {
    "usr/lib": "a/",
    "usr/lib/x.so": "a",
    "usr/lib/link.so": "a",
    opt: "a/",
    "opt/y": "a",
  });
});

test("a link keeps its own owner", () => {
  const root = rootWith({ lib: "usr/lib" }, "usr", "usr/lib");
  assert.deepEqual(ownersOf({ layout: { files: "lib usr/lib/" }, a: { files: "lib/x" } }, root), {
    lib: "layout",
    usr: "layout/",
    "usr/lib": "a/",
    "usr/lib/x": "a",
  });
});

test("of two files that links made one the first counts, and a file before a folder", () => {
  const root = rootWith({ bin: "usr/bin" }, "usr", "usr/bin");
  const owners = ownersOf({ a: { files: "bin/sh" }, b: { files: "usr/bin/sh" } }, root);
  assert.equal(owners["usr/bin/sh"], "a");
  assert.equal(ownersOf({ a: { files: "x/" }, b: { files: "x" } })["x"], "b");
  assert.equal(ownersOf({ a: { files: "x" }, b: { files: "x/" } })["x"], "a");
});

test("a link that leads in a circle is no way", () => {
  const root = rootWith({ a: "b", b: "a" });
  assert.deepEqual(Object.keys(ownersOf({ p: { files: "a/x" } }, root)), ["a", "a/x"]);
});

test("what cannot be a path below the root is refused", () => {
  const damaged = (path: string, name: string) => {
    const [subject] = samplePackages({ a: {} });
    const place = { mode: 0o755, uid: 0, gid: 0 };
    const directories = [{ ...place, path, files: [{ ...place, name }] }];
    return () => fileOwners([{ ...subject!, directories }], new TreeRoot().snapshot());
  };
  const cases = [
    ["..", "x"],
    ["a/../..", "x"],
    ["/etc", "x"],
    ["a//b", "x"],
    ["etc", ".."],
    ["etc", "a/b"],
    ["etc", ""],
    ["etc", "a\0b"],
    ["a/".repeat(5000) + "a", "x"],
  ] as const;
  for (const [path, name] of cases)
    assert.throws(
      damaged(path, name),
      { code: "database-invalid" },
      `${path.slice(0, 20)} ${name}`,
    );
});
