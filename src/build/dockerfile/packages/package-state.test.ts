import assert from "node:assert/strict";
import { test } from "node:test";
import { readMinirootfs, withFixtures } from "../../../../test/alpine-fixtures.ts";
import { defaultLimits } from "../../../base/index.ts";
import { type DirectoryNode } from "../../../tree/index.ts";
import { readPackageState, repositoryLines } from "./package-state.ts";
import { readerOfTree } from "./root-reader.ts";
import { installedText, readerOf, samples } from "./sample-lock.test.ts";

test("the state of Alpine's own root", withFixtures, async () => {
  const tree = (await readMinirootfs("3.19.4")).snapshot();
  const state = await readPackageState(readerOfTree(tree, defaultLimits), "aarch64");
  assert.equal(state.arch, "x86_64");
  assert.equal(state.installed?.length, 15);
  assert.equal(state.world.length, 5);
  assert.equal(state.keys.length, 5);
  assert.deepEqual(repositoryLines(state), {
    text: "https://dl-cdn.alpinelinux.org/alpine/v3.19/main\nhttps://dl-cdn.alpinelinux.org/alpine/v3.19/community\n",
  });
  assert.equal(await state.files("/etc/alpine-release"), "3.19.4\n");
  assert.equal(await state.files("/bin/busybox"), undefined);
  assert.equal(await state.files("/nowhere"), undefined);
});

test("files beside etc/apk/repositories, a database below usr, and what is no key", async () => {
  const state = await readPackageState(
    readerOf({
      "usr/lib/apk/db/installed": installedText(samples("base")),
      "etc/apk/repositories": "https://example.com/a",
      "etc/apk/repositories.d/more.list": "https://example.com/b\n",
      "etc/apk/repositories.d/more.bak": "https://example.com/c\n",
      "etc/apk/keys/broken.rsa.pub": "no key",
    }),
    "x86_64",
  );
  assert.deepEqual(repositoryLines(state), {
    text: "https://example.com/a\nhttps://example.com/b\n",
  });
  assert.deepEqual([state.arch, state.keys, state.installed?.length], ["x86_64", [], 1]);
});

const attributes = { mode: 0o755, uid: 0, gid: 0, mtime: 0 };

test("links lead nowhere but into the root", async () => {
  const link = (target: string) => ({ kind: "symlink" as const, ...attributes, target });
  const tree: DirectoryNode = {
    kind: "directory",
    ...attributes,
    children: new Map([
      ["out", link("../../../../../../etc/passwd")],
      ["round", link("round")],
    ]),
  };
  const reader = readerOfTree(tree, defaultLimits);
  assert.equal(await reader.read("out"), undefined);
  assert.deepEqual(await reader.list("out"), []);
  assert.equal(await reader.read("round"), undefined);
});
