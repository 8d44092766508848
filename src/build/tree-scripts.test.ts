import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { readMinirootfs, skipUnless, withFixtures } from "../../test/alpine-fixtures.ts";
import type { ScriptResult } from "../apk/index.ts";
import { defaultLimits, encodeText } from "../base/index.ts";
import type { Attributes, TreeRoot } from "../tree/index.ts";
import { TreeScripts } from "./tree-scripts.ts";

const asRoot =
  withFixtures.skip === false
    ? skipUnless(process.getuid?.() === 0, "the sandbox needs root")
    : withFixtures;

const owned: Attributes = { mode: 0o755, uid: 0, gid: 0, mtime: 0 };

interface Sample {
  readonly tree: TreeRoot;
  /** A folder of the host that no script may reach. */
  readonly outside: string;
  run(script: string, label?: string): Promise<ScriptResult>;
}

async function sample(context: TestContext, seconds = 60): Promise<Sample> {
  const outside = mkdtempSync(join(tmpdir(), "bivy-outside-"));
  context.after(() => rmSync(outside, { recursive: true, force: true }));
  writeFileSync(join(outside, "file"), "untouched");
  const tree = await readMinirootfs("3.19.4");
  const limits = { ...defaultLimits, "script-time": seconds };
  const scripts = new TreeScripts(tree, { time: 0, limits });
  context.after(() => scripts.close());
  const run = (script: string, label = "sample-1-r0.post-install") =>
    scripts.run(
      {
        label,
        script: encodeText(`#!/bin/sh\n${script}\n`),
        arguments: [],
        environment: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
      },
      tree,
    );
  return { tree, outside, run };
}

test("a script is never written through a link that a package brought", asRoot, async (context) => {
  const { tree, outside, run } = await sample(context);
  tree.makeDirectory("lib/apk/exec", owned);
  tree.makeSymlink("lib/apk/exec/sample-1-r0.post-install", join(outside, "file"), owned);
  const { exitCode, output } = await run("echo it runs");
  assert.deepEqual({ exitCode, output }, { exitCode: 0, output: "it runs\n" });
  assert.equal(readFileSync(join(outside, "file"), "utf8"), "untouched");
  assert.deepEqual(tree.list("lib/apk/exec"), []);
});

test(
  "nor through one that a script left, and none is removed through it",
  asRoot,
  async (context) => {
    const { tree, outside, run } = await sample(context);
    writeFileSync(join(outside, "sample-1-r0.post-install"), "untouched");
    await run(`rm -r /lib/apk/exec && ln -s ${outside} /lib/apk/exec`);
    assert.equal(tree.lookup("lib/apk/exec")?.kind, "symlink");
    const { exitCode, output } = await run("echo it runs", "other-1-r0.post-install");
    assert.deepEqual({ exitCode, output }, { exitCode: 0, output: "it runs\n" });
    assert.deepEqual(readdirSync(outside), ["file", "sample-1-r0.post-install"]);
  },
);

test("a root whose lib is a link has its scripts where the link leads", asRoot, async (context) => {
  const { tree, run } = await sample(context);
  // The folder above the database stands for lib, which all programs need while it moves.
  await run("mkdir -p /usr/lib/apk && cp -a /lib/apk/. /usr/lib/apk/ && rm -r /lib/apk/db");
  tree.remove("lib/apk/exec");
  tree.remove("lib/apk");
  tree.makeSymlink("lib/apk", "../usr/lib/apk", owned);
  const { exitCode, output } = await run("ls /usr/lib/apk/exec");
  assert.deepEqual({ exitCode, output }, { exitCode: 0, output: "sample-1-r0.post-install\n" });
});

test("what a package or the kernel offers is no way to the host", asRoot, async (context) => {
  const { tree, run } = await sample(context);
  tree.makeSpecial("device", { ...owned, mode: 0o666, kind: "character", major: 1, minor: 5 });
  const denied = [
    "head -c 1 /device",
    "mknod /other c 1 5",
    "sh -c 'echo 1 > /proc/sys/vm/drop_caches'",
    // The value that it has: should the sandbox leak, the host is none the worse for this test.
    "cp /proc/sys/kernel/core_pattern /tmp/pattern && cp /tmp/pattern /proc/sys/kernel/core_pattern",
    "ls /proc/1/root/",
    "cat /proc/1/environ",
    "mount -t tmpfs tmpfs /mnt",
    "mount -o remount,rw /proc",
    "mount -o remount,dev /",
    "umount /proc",
    "unshare -U cp /tmp/pattern /proc/sys/kernel/core_pattern",
    "kill -9 1",
  ];
  const script = denied.map((each) => `${each} 2>&1 && echo "ALLOWED: ${each}"`).join("\n");
  const { output } = await run(`${script}\ntest -d /proc/1 && echo end`);
  // To the first process of a pid namespace a signal from within it is sent, and does nothing.
  assert.deepEqual(output.match(/^ALLOWED.*/gm), ["ALLOWED: kill -9 1"], output);
  assert.match(output, /end\n$/);
});

/** Whether a process has this word among its arguments. */
function isRunning(word: string): boolean {
  return readdirSync("/proc").some((id) => {
    try {
      return readFileSync(`/proc/${id}/cmdline`, "latin1").split("\0").includes(word);
    } catch {
      return false;
    }
  });
}

test("a script does not outlive its time, whatever it does to live on", asRoot, async (context) => {
  const { run } = await sample(context, 1);
  // A process that changes its user is no longer killed with its parent, and this one holds no pipe.
  const word = `${process.pid}${process.hrtime()[1]}`.slice(0, 9);
  const { exitCode, output } = await run(
    `exec su -s /bin/sh nobody -c 'exec /bin/sleep ${word} >/dev/null 2>&1'`,
  );
  assert.equal(exitCode, 137);
  assert.match(output, /stopped after 1 seconds \(limit script-time\)/);
  assert.ok(!isRunning(word));
});

test("a script cannot leave what no path leads to", asRoot, async (context) => {
  const { run } = await sample(context);
  const name = "n".repeat(200);
  await assert.rejects(
    run(`i=0; while test $i -lt 40; do mkdir ${name} && cd ${name} && i=$((i+1)) || exit 1; done`),
    { code: "path-unsafe", message: /a path is longer than the system allows$/ },
  );
});
