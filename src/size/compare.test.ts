import assert from "node:assert/strict";
import { test } from "node:test";
import { databaseText } from "../../test/layered-root.ts";
import { compareSizes, tellingFolders } from "./index.ts";
import { bytes, reportOf } from "./sample-report.test.ts";

const base = {
  createdBy: "ADD base",
  files: {
    "lib/apk/db/installed": databaseText({
      musl: { files: "lib/musl" },
      old: { files: "lib/old" },
    }),
    "lib/musl": bytes(1000),
    "lib/old": bytes(300),
  },
};

test("images are compared with the first: totals, shared layers, folders and packages", async () => {
  const first = await reportOf([base], "first");
  const second = await reportOf(
    [
      base,
      {
        createdBy: "RUN",
        files: {
          "lib/apk/db/installed": databaseText({
            musl: { files: "lib/musl" },
            app: { files: "opt/app/bin/run" },
          }),
          "lib/.wh.old": "",
          "lib/musl": bytes(1100),
          "opt/app/bin/run": bytes(5000),
          "opt/app/readme": bytes(30),
        },
      },
    ],
    "second",
  );
  const { images, differences } = compareSizes([first, second]);
  assert.deepEqual(
    images.map(({ subject, sharedLayers, sharedCompressed }) => [
      subject,
      sharedLayers,
      sharedCompressed,
    ]),
    [
      ["first", 1, first.layers[0]!.compressed],
      ["second", 1, first.layers[0]!.compressed],
    ],
  );
  assert.equal(images[0]!.compressedRatio, 1);
  assert.equal(images[1]!.unpackedRatio, second.totals.unpacked / first.totals.unpacked);
  assert.equal(differences.length, 1);
  const { subject, folders, packages } = differences[0]!;
  assert.equal(subject, "second");
  assert.deepEqual(packages, [
    { name: "app", delta: 5000, other: 5000 },
    { name: "old", delta: -300, first: 300 },
    { name: "musl", delta: 100, first: 1000, other: 1100 },
  ]);
  assert.deepEqual(folders[0], { name: "opt/app/bin", delta: 5000, other: 5000 });
  assert.ok(folders.every(({ name }) => name !== "opt" && name !== "opt/app"));
});

test("one image is compared with itself, and none with nothing", async () => {
  const report = await reportOf([{ createdBy: "one", files: { a: bytes(1) } }]);
  const { images, differences } = compareSizes([report]);
  assert.deepEqual([images.length, differences], [1, []]);
  assert.deepEqual(compareSizes([]), { images: [], differences: [] });
  const [, withoutPackages] = [report, compareSizes([report, report]).differences[0]!];
  assert.deepEqual(withoutPackages, { subject: "sample", folders: [] });
});

test("a folder that is nearly all one folder below it is left out", () => {
  const told = (sizes: Readonly<Record<string, number>>) =>
    tellingFolders(
      Object.entries(sizes),
      ([path]) => path,
      ([, size]) => size,
    ).map(([path]) => path);
  assert.deepEqual(told({ "": 100, a: 100, "a/b": 95, "a/b/c": 40, "a/b/d": 40 }), [
    "a/b",
    "a/b/c",
    "a/b/d",
  ]);
  assert.deepEqual(told({ a: -100, "a/b": -95, "a/c": -5 }), ["a/b", "a/c"]);
  assert.deepEqual(told({ a: 5, "a/b": 95, "a/c": -90 }), ["a/b", "a/c"]);
  assert.deepEqual(told({ a: 0, "a/b": 0 }), ["a", "a/b"]);
});
