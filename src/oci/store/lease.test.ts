import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { digestOf, encodeText, newOwner } from "../../base/index.ts";
import { collectionLockName, openLease, readLeases, removeAbandonedLeases } from "./lease.ts";
import { withLock } from "../layout/lock.ts";
import { fails, temporaryFolder } from "../sample-images.test.ts";

const [a, b] = ["a", "b"].map((text) => digestOf(encodeText(text))) as [
  `sha256:${string}`,
  `sha256:${string}`,
];

test("what is kept can be read by others, until it is given up", async (context) => {
  const folder = temporaryFolder(context);
  const lease = openLease(folder);
  assert.deepEqual(readdirSync(folder), []);
  await lease.keepBlob(a);
  await lease.keepImage(b);
  await lease.keepImage(b);
  const other = openLease(folder);
  await other.keepBlob(b);
  assert.deepEqual(await readLeases(folder), { blobs: new Set([a, b]), images: new Set([b]) });
  assert.equal(readdirSync(folder).length, 2);
  await lease.release();
  assert.deepEqual(await readLeases(folder), { blobs: new Set([b]), images: new Set() });
  // A lease that was given up can be used again.
  await lease.keepBlob(a);
  assert.deepEqual((await readLeases(folder)).blobs, new Set([a, b]));
  await Promise.all([lease.release(), other.release()]);
  await lease.release();
  assert.deepEqual(readdirSync(folder), []);
});

test("a line that was cut short spoils no other", async (context) => {
  const folder = temporaryFolder(context);
  const lease = openLease(folder);
  context.after(() => lease.release());
  await lease.keepBlob(a);
  appendFileSync(join(folder, readdirSync(folder)[0]!), "image sha256:0123");
  await lease.keepImage(b);
  assert.deepEqual(await readLeases(folder), { blobs: new Set([a]), images: new Set([b]) });
});

test("a collection that runs is waited for, one that begins later is not", async (context) => {
  const folder = temporaryFolder(context);
  const lock = join(folder, collectionLockName);
  const lease = openLease(folder);
  context.after(() => lease.release());
  await lease.keepBlob(b);
  const steps: string[] = [];
  let waiting: Promise<void[]> | undefined;
  await withLock(lock, async () => {
    // Twice: whoever asks for the same blob meanwhile must wait as well.
    waiting = Promise.all([lease.keepBlob(a), lease.keepBlob(a)]).finally(() => steps.push("kept"));
    // What was kept before is not asked for again.
    await lease.keepBlob(b);
    for (let turn = 0; turn < 20; turn++) await nextTurn();
    assert.deepEqual((await readLeases(folder)).blobs, new Set([a, b]));
    steps.push("collected");
  });
  await withLock(lock, async () => {
    await waiting;
    steps.push("next");
  });
  assert.deepEqual(steps, ["collected", "kept", "next"]);
});

test("a lease goes with its process, also one that was killed", async (context) => {
  const folder = temporaryFolder(context);
  const run = (end: string) =>
    spawnSync(process.execPath, [
      "--input-type=module",
      "-e",
      `import { openLease } from ${JSON.stringify(new URL("lease.ts", import.meta.url).href)};
       const lease = openLease(${JSON.stringify(folder)});
       await lease.keepBlob(${JSON.stringify(a)});
       ${end}`,
    ]);
  assert.equal(run("process.exit(3)").status, 3);
  assert.deepEqual(readdirSync(folder), []);
  assert.equal(run("").status, 0);
  assert.deepEqual(readdirSync(folder), []);
  assert.equal(run("process.kill(process.pid, 'SIGKILL')").signal, "SIGKILL");
  assert.equal(readdirSync(folder).length, 1);
  await removeAbandonedLeases(folder);
  assert.deepEqual(readdirSync(folder), []);
  // While a name is given, the end of the process must not let go of what it leads to.
  assert.equal(run("void lease.whileNaming(() => process.exit(3))").status, 3);
  assert.equal(readdirSync(folder).length, 1);
  await removeAbandonedLeases(folder);
  assert.equal(run("await lease.whileNaming(async () => {})").status, 0);
  assert.deepEqual(readdirSync(folder), []);
});

test("a lease of another host or container is given up after a week without a sign of life", async (context) => {
  const folder = temporaryFolder(context);
  const own = newOwner();
  const elsewhere = [own.replace(/^.{8}/, "00000000"), own.replace(/^(.{18}).{8}/, "$100000000")];
  const paths = [own, ...elsewhere].map((owner) => join(folder, `.bivy-lease-${owner}`));
  for (const path of paths) writeFileSync(path, `blob ${a}\n`);
  const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000);
  for (const path of paths) utimesSync(path, daysAgo(6), daysAgo(6));
  await removeAbandonedLeases(folder);
  assert.deepEqual(paths.map(existsSync), [true, true, true]);
  for (const path of paths) utimesSync(path, daysAgo(8), daysAgo(8));
  await removeAbandonedLeases(folder);
  // A process that is seen to run keeps its lease, whatever the clock says.
  assert.deepEqual(paths.map(existsSync), [true, false, false]);
});

test("a lease that cannot be written is a failure, not a lease", async (context) => {
  const folder = temporaryFolder(context);
  const absent = openLease(join(folder, "absent"));
  await fails(() => absent.keepBlob(a), "file-not-found", /writing the lease failed/);
  const lease = openLease(folder);
  await lease.keepBlob(a);
  // Made anew, it would have lost what it said.
  rmSync(join(folder, readdirSync(folder)[0]!));
  await fails(() => lease.keepBlob(b), "file-not-found", /writing the lease failed/);
  await lease.release();
  await lease.keepBlob(b);
  assert.deepEqual((await readLeases(folder)).blobs, new Set([b]));
  await lease.release();
});
