import assert from "node:assert/strict";
import { test } from "node:test";
import { assemblePackage, flipped, sourceOf } from "../../test/package-parts.ts";
import { failure, refuses } from "../../test/refusals.ts";
import { install, textAt } from "../../test/root-installation.ts";
import { TreeRoot } from "../tree/index.ts";
import { CursorPool } from "./package-contents.ts";

const names = Array.from({ length: 30 }, (_, index) => `files/${String(index).padStart(2, "0")}`);
const textOf = (name: string) => `${name} `.repeat(400);

function manyFiles(name: string) {
  return assemblePackage({
    name,
    files: names.map((path) => ({ path: `${name}/${path}`, text: textOf(path) })),
  });
}

/** A tree that keeps no contents: they are read again from the packages. */
async function forgetfulTree(cursors: CursorPool, ...packages: ReturnType<typeof manyFiles>[]) {
  const root = new TreeRoot({ memory: 0 });
  await install(
    root,
    packages.map((each) => ({
      ...each,
      trust: { by: "identity", identity: each.package.identity },
    })),
    { cursors },
  );
  return root;
}

test("what is not kept is read again, in any order, and forwards in one pass", async () => {
  const cursors = new CursorPool();
  const sample = manyFiles("a");
  const source = sourceOf("a.apk", sample.bytes);
  const root = await forgetfulTree(cursors, { ...sample, source });
  assert.equal(source.counts.opened, 1);
  for (const name of names) assert.equal(await textAt(root, `a/${name}`), textOf(name));
  assert.equal(source.counts.opened, 2);
  for (const name of [...names].reverse().slice(0, 5))
    assert.equal(await textAt(root, `a/${name}`), textOf(name));
  assert.equal(source.counts.opened, 7);
  await cursors.close();
});

test("only so many packages stay open at once", async () => {
  const cursors = new CursorPool(1);
  const packages = ["a", "b"].map((name) => {
    const sample = manyFiles(name);
    return { ...sample, source: sourceOf(name, sample.bytes) };
  });
  const root = await forgetfulTree(cursors, ...packages);
  for (const name of names.slice(0, 4))
    for (const each of ["a", "b"])
      assert.equal(await textAt(root, `${each}/${name}`), textOf(name));
  for (const { source } of packages) assert.equal(source.counts.opened, 5);
  await cursors.close();
});

test("a package that changes between two passes is found out", async () => {
  const sample = manyFiles("a");
  let bytes = sample.bytes;
  const source = { subject: "a.apk", open: () => [bytes] };
  const root = await forgetfulTree(new CursorPool(), {
    ...sample,
    source: { ...sourceOf("a.apk", bytes), ...source },
  });
  bytes = flipped(sample.bytes, sample.sections.control[0] + 4);
  await refuses(() => textAt(root, `a/${names[3]}`), {
    code: "identity-mismatch",
    message: "a.apk: expected the package Q1",
    hint: "changed or replaced",
  });
  // The same control section before other files.
  const other = assemblePackage({ files: [{ path: "a", text: "b" }] });
  const [start] = sample.sections.data;
  bytes = Buffer.concat([
    sample.bytes.subarray(0, start),
    other.bytes.subarray(other.sections.data[0]),
  ]);
  const error = await failure(() => textAt(root, `a/${names[3]}`));
  assert.ok(
    ["package-invalid", "datahash-mismatch", "checksum-mismatch"].includes(error.code),
    error.code,
  );
});

test("a file that has another checksum than it states is never given", async () => {
  const wrong = assemblePackage({
    files: [{ path: "a", text: "text", checksum: "00".repeat(20) }],
  });
  const root = new TreeRoot();
  const trust = { by: "identity", identity: wrong.package.identity } as const;
  await refuses(() => install(root, [{ ...wrong, trust }]), {
    code: "checksum-mismatch",
    message: "sample.apk: a: its content does not have the SHA-1 that the package states",
    hint: "The package is damaged; fetch it again.",
  });
  assert.equal(root.lookup("a"), undefined);
});
