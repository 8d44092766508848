import assert from "node:assert/strict";
import { test } from "node:test";
import { databaseText } from "../../test/layered-root.ts";
import { findSavings } from "./saving.ts";
import { bytes, reportOf } from "./sample-report.test.ts";

const noWaste = { bytes: 0, efficiency: 1, byFate: {} as never, files: [] };

/** Paths, and what they are; none for what is there for a reason. */
const kinds: Readonly<Record<string, string | undefined>> = {
  "var/cache/apk/APKINDEX.1.tar.gz": "package-cache",
  "etc/apk/cache/x.apk": "package-cache",
  "var/lib/apt/lists/deb_x": "package-cache",
  "var/cache/misc/x": undefined,
  "root/.cache/pip/x": "user-cache",
  "home/app/.npm/_cacache/x": "user-cache",
  "home/.npm/x": undefined,
  "usr/src/app/.git/objects/pack/x": "version-control",
  "app/.gitignore": undefined,
  "usr/lib/python3/x.pyc": "bytecode",
  "usr/lib/libc.a": "static-libraries",
  "lib/libz.la": "static-libraries",
  "usr/lib/libc.so": undefined,
  "srv/a.a": undefined,
  "usr/include/stdio.h": "headers",
  "usr/lib/pkgconfig/z.pc": "headers",
  "usr/lib/debug/bin/x.debug": "debug-symbols",
  "usr/share/man/man1/x.1.gz": "documentation",
  "usr/share/doc/x/README": "documentation",
  "usr/share/info/dir": "documentation",
  "usr/share/locale/de/x.mo": "locales",
  "usr/share/icons/x.png": undefined,
  "var/log/apk.log": "logs",
  "tmp/x": "temporary-files",
  "var/tmp/x": "temporary-files",
  "usr/tmp/x": undefined,
};

test("files that a container seldom needs are told by their paths", () => {
  for (const [path, kind] of Object.entries(kinds)) {
    const found = findSavings([{ path, bytes: 1, layer: 0 }], new Set(), noWaste);
    assert.deepEqual(
      found.map((saving) => saving.kind),
      kind === undefined ? [] : [kind],
      path,
    );
  }
});

test("each kind says how many bytes, in which layers, of which packages", async () => {
  const { savings } = await reportOf([
    {
      createdBy: "one",
      files: {
        "lib/apk/db/installed": databaseText({ tool: { files: "usr/share/man/tool.1" } }),
        "usr/share/man/tool.1": bytes(10),
        "usr/share/doc/tool": bytes(20, "d"),
        "big/a": bytes(4000, "a"),
      },
    },
    {
      createdBy: "two",
      files: {
        "usr/share/doc/more": bytes(100, "m"),
        "big/.wh.a": "",
        "copy/x": bytes(30, "c"),
        "copy/y": bytes(30, "c"),
        "copy/z": { type: "hardlink", linkPath: "copy/x" },
      },
    },
  ]);
  const told = savings.map(({ kind, bytes: size, files, layers, by, packages, example }) => ({
    kind,
    size,
    files,
    layers: layers.map((each) => `${each.layer}:${each.bytes}`).join(" "),
    by: by?.map((each) => `${each.layer}:${each.bytes}`).join(" "),
    packages: packages.map((each) => `${each.name}:${each.bytes}`).join(" "),
    example,
  }));
  assert.deepEqual(told, [
    {
      kind: "removed",
      size: 4000,
      files: 1,
      layers: "0:4000",
      by: "1:4000",
      packages: "",
      example: "big/a",
    },
    {
      kind: "documentation",
      size: 130,
      files: 3,
      layers: "1:100 0:30",
      by: undefined,
      packages: "tool:10",
      example: "usr/share/doc/more",
    },
    {
      kind: "copies",
      size: 30,
      files: 1,
      layers: "1:30",
      by: undefined,
      packages: "",
      example: "copy/y",
    },
  ]);
  assert.ok(savings.every(({ title, advice }) => title !== "" && advice.endsWith(".")));
});
