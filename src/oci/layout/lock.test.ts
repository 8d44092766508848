import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import {
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { promisify } from "node:util";
import { isOwnerGone, newOwner } from "../../base/index.ts";
import { removeStaleLocks, waitForRelease, withLock } from "./lock.ts";
import { fails, temporaryFolder } from "../sample-images.test.ts";

const source = (name: string) => new URL(name, import.meta.url).href;

/** The owner of a process that has ended. */
function deadOwner(): string {
  const script = `import { newOwner } from ${JSON.stringify(source("../../base/owner.ts"))}; process.stdout.write(newOwner());`;
  return spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" })
    .stdout;
}

test("an owner is gone when its process is, and only if that can be told", () => {
  const dead = deadOwner();
  const own = newOwner();
  assert.notEqual(own, newOwner());
  assert.equal(isOwnerGone(own), false);
  assert.equal(isOwnerGone(dead), true);
  // The same pid, started at another time: the pid was reused.
  assert.equal(isOwnerGone(own.replace(/-\d+-([0-9a-f]{12})$/, "-1-$1")), true);
  // Another host, another pid namespace, or something else altogether.
  assert.equal(isOwnerGone(dead.replace(/^.{8}/, "00000000")), false);
  assert.equal(isOwnerGone(dead.replace(/^(.{18}).{8}/, "$100000000")), false);
  assert.equal(isOwnerGone("me"), false);
  // Before a reboot.
  assert.equal(isOwnerGone(own.replace(/^(.{9}).{8}/, "$100000000")), true);
});

test("a lock excludes others and is released, also after a failure", async (context) => {
  const path = join(temporaryFolder(context), "lock");
  let inside = 0;
  let most = 0;
  const work = () =>
    withLock(path, async () => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside--;
    });
  await Promise.all(Array.from({ length: 8 }, work));
  assert.equal(most, 1);
  await assert.rejects(
    withLock(path, async () => Promise.reject(new Error("no"))),
    /no/,
  );
  assert.equal(existsSync(path), false);
});

test("a lock that stays taken is an error that names it", async (context) => {
  const path = join(temporaryFolder(context), "lock");
  await withLock(path, () =>
    fails(
      () => withLock(path, async () => {}, { timeoutMilliseconds: 5 }),
      "lock-timeout",
      /lock: expected/,
    ),
  );
  writeFileSync(path, "");
  await fails(() => withLock(path, async () => {}), "io-failed", /found a file/);
});

test("the lock of a killed process is broken, also if one was killed while breaking it", async (context) => {
  const folder = temporaryFolder(context);
  const path = join(folder, "lock");
  const dead = deadOwner();
  symlinkSync(dead, path);
  symlinkSync(deadOwner(), `${path}.break-${dead.slice(-12)}`);
  await Promise.all(
    Array.from({ length: 4 }, () =>
      withLock(path, async () => assert.notEqual(readlinkSync(path), dead)),
    ),
  );
  assert.deepEqual(readdirSync(folder), []);
});

test("processes that start over a stale lock never work at the same time", async (context) => {
  const folder = temporaryFolder(context);
  const path = join(folder, "lock");
  symlinkSync(deadOwner(), path);
  const counter = join(folder, "counter");
  writeFileSync(counter, "0");
  const script = `
    import { readFileSync, writeFileSync } from "node:fs";
    import { withLock } from ${JSON.stringify(source("lock.ts"))};
    for (let turn = 0; turn < 20; turn++)
      await withLock(${JSON.stringify(path)}, async () => {
        const count = Number(readFileSync(${JSON.stringify(counter)}, "utf8"));
        await new Promise((resolve) => setImmediate(resolve));
        writeFileSync(${JSON.stringify(counter)}, String(count + 1));
      });`;
  const start = () => promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
  await Promise.all(Array.from({ length: 4 }, start));
  assert.equal(readFileSync(counter, "utf8"), "80");
});

test("waiting for a release ends with the holder, not with the one after it", async (context) => {
  const path = join(temporaryFolder(context), "lock");
  await waitForRelease(path);
  let released: Promise<void> | undefined;
  await withLock(path, async () => {
    released = waitForRelease(path);
    await fails(() => waitForRelease(path, { timeoutMilliseconds: 5 }), "lock-timeout", /held/);
  });
  await withLock(path, () => released!);
  // A holder that is gone is not waited for, though its lock is there.
  const dead = deadOwner();
  symlinkSync(dead, path);
  await waitForRelease(path);
  assert.equal(readlinkSync(path), dead);
});

test("the locks of killed processes are removed, those of others are not", async (context) => {
  const folder = temporaryFolder(context);
  const dead = deadOwner();
  for (const name of [
    ".bivy.lock",
    `.bivy.lock.break-${dead.slice(-12)}`,
    ".bivy-collecting.lock",
    "other.lock",
  ])
    symlinkSync(dead, join(folder, name));
  symlinkSync(newOwner(), join(folder, ".bivy-held.lock"));
  await removeStaleLocks(folder);
  assert.deepEqual(readdirSync(folder).sort(), [".bivy-held.lock", "other.lock"]);
});
