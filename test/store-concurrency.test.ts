/**
 * The store under several processes at once, some of them killed, and on file systems that refuse.
 * BIVY_STORE_SECONDS=60 makes the first test run longer and print figures.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  blobsOf,
  childrenOf,
  createLayout,
  formatReference,
  makeImage,
  makeIndex,
  memoryBlobs,
  openStore,
  parsePlatform,
  parseReference,
  writeLayer,
  type ImageOrIndex,
  type Layer,
} from "../src/oci/index.ts";
import { needs } from "./requirements.ts";
import { projectFolder } from "./run-bivy.ts";

const seconds = Number(process.env["BIVY_STORE_SECONDS"] ?? 2.5);
const processes = 4;
const platform = parsePlatform("linux/amd64");
const ownFiles = ["blobs", "index.json", "oci-layout"];

function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "bivy-store-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  // Other users work in it as well.
  chmodSync(folder, 0o755);
  return folder;
}

/** Images that share layers, and indexes that share images. */
async function writeSources(path: string): Promise<void> {
  const blobs = memoryBlobs();
  const layers: Layer[] = [];
  for (let number = 0; number < 8; number++)
    layers.push(
      await writeLayer([Buffer.alloc(20_000 + number * 10_000, number)], blobs, {
        compression: "none",
      }),
    );
  const layout = await createLayout(path);
  const imageFor = (words: string, first: number) =>
    makeImage({ platform: parsePlatform(words), layers: layers.slice(first, first + 4) });
  for (let number = 0; number < 5; number++) {
    await layout.put(imageFor("linux/amd64", number), { name: `image-${number}` });
    const index = await makeIndex([
      { image: imageFor("linux/amd64", number) },
      { image: imageFor("linux/arm64", (number + 2) % 5) },
    ]);
    await layout.put(index, { name: `index-${number}` });
  }
}

interface Crew {
  readonly kills: number;
  readonly errors: readonly string[];
}

/** Runs the workers; now and then one of them is killed and another one takes its place. */
async function runWorkers(folder: string, store: string): Promise<Crew> {
  const errors: string[] = [];
  const end = performance.now() + seconds * 1000;
  let kills = 0;
  let seed = 1;
  const start = (name: string): ChildProcess => {
    const left = Math.max(0, (end - performance.now()) / 1000);
    const worker = spawn(
      process.execPath,
      [
        join(projectFolder, "test", "store-worker.ts"),
        store,
        join(folder, "sources"),
        join(folder, `ledger-${name}`),
        name,
        String(seed++),
        String(left),
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    worker.stderr!.on("data", (bytes) => errors.push(String(bytes)));
    return worker;
  };
  const work = async (name: string, position: number): Promise<void> => {
    while (performance.now() < end) {
      const worker = start(name);
      const ended = once(worker, "exit");
      // Two of them are left alone; the others live for a while, each for another one.
      const life = position < 2 ? Infinity : 450 + ((seed * 211) % 700);
      if (life < end - performance.now()) {
        await Promise.race([ended, sleep(life)]);
        if (worker.kill("SIGKILL")) kills += 1;
      }
      const [code, signal] = await ended;
      if (signal === null && code !== 0) errors.push(`worker ${name} ended with ${code}`);
    }
  };
  await Promise.all(Array.from({ length: processes }, (_, number) => work(`app${number}`, number)));
  return { kills, errors };
}

/** What a name may lead to at the end: one digest, or several where a process was killed over it. */
type Possible = ReadonlySet<string>;

function readLedgers(folder: string): {
  readonly names: ReadonlyMap<string, Possible>;
  readonly steps: Readonly<Record<string, number>>;
  /** How often a process was killed while it changed a name. */
  readonly cut: number;
} {
  const names = new Map<string, Possible>();
  const steps: Record<string, number> = {};
  let cut = 0;
  for (const file of readdirSync(folder).filter((name) => name.startsWith("ledger-"))) {
    const possible = new Map<string, Possible>();
    const earlier = new Map<string, Possible>();
    let isOpen = false;
    for (const line of readFileSync(join(folder, file), "utf8").trimEnd().split("\n")) {
      const [what, name, digest] = line.split(" ") as [string, string, string];
      const before = possible.get(name) ?? new Set(["-"]);
      if (what === "did") steps[name] = (steps[name] ?? 0) + 1;
      if (what === "begin") possible.set(name, new Set([...before, digest]));
      if (what === "begin") earlier.set(name, before);
      if (what === "begin" && isOpen) cut += 1;
      if (what !== "did") isOpen = what === "begin";
      if (what === "done") possible.set(name, new Set([digest]));
      if (what === "undone") possible.set(name, earlier.get(name)!);
    }
    for (const [name, digests] of possible) names.set(name, digests);
  }
  return { names, steps, cut };
}

function blobFiles(store: string): string[] {
  return readdirSync(join(store, "blobs", "sha256"));
}

/** Every image that has a name is whole: each blob is hashed. */
async function checkImages(path: string): Promise<ReadonlyMap<string, string>> {
  const store = openStore({ path });
  const found = new Map<string, string>();
  for (const { reference, descriptor } of await store.list()) {
    const image: ImageOrIndex = await store.get(reference);
    assert.equal(image.digest, descriptor.digest);
    const includes = image.kind === "index" ? await childrenOf(image, [platform]) : () => true;
    for await (const { content } of blobsOf(image, { includes }))
      for await (const chunk of content.chunks()) void chunk;
    found.set(formatReference(reference).replace("docker.io/library/", ""), image.digest);
  }
  await store.close();
  return found;
}

test(`${processes} processes work with one store, and lose nothing`, async (context) => {
  const folder = temporaryFolder(context);
  const path = join(folder, "images");
  await writeSources(join(folder, "sources"));
  const { kills, errors } = await runWorkers(folder, path);
  assert.deepEqual(errors, []);

  const { names, steps, cut } = readLedgers(folder);
  const found = await checkImages(path);
  for (const [name, possible] of names) {
    // Any of the processes may have put or removed a shared one.
    if (name.startsWith("shared:")) continue;
    const digest = found.get(name) ?? "-";
    assert.ok(
      possible.has(digest),
      `${name}: expected ${[...possible].join(" or ")}, found ${digest}`,
    );
  }
  for (const name of found.keys()) assert.ok(names.has(name), `${name} was never put`);

  const store = openStore({ path });
  const { removed } = await store.collect();
  await store.close();
  // Nothing unfinished, no lease and no lock is left, though processes were killed.
  assert.deepEqual(readdirSync(path).sort(), ownFiles);
  for (const hex of blobFiles(path))
    assert.equal(
      createHash("sha256")
        .update(readFileSync(join(path, "blobs", "sha256", hex)))
        .digest("hex"),
      hex,
    );
  assert.deepEqual(await checkImages(path), found);

  // Without names, nothing is left at all.
  const last = openStore({ path });
  for (const { reference } of await last.list()) await last.remove(reference);
  await last.collect();
  assert.deepEqual(blobFiles(path), []);
  context.diagnostic(
    JSON.stringify({ seconds, steps, kills, cut, images: found.size, removed: removed.length }),
  );
  for (const step of ["put", "build", "read", "tag", "remove", "collect"])
    assert.ok((steps[step] ?? 0) > 0, `nobody did ${step}`);
});

/** A store with an image, and garbage of five blobs; a layout with another image. */
async function writeStore(folder: string): Promise<{ store: string; layout: string }> {
  const blobs = memoryBlobs();
  const layers: Layer[] = [];
  for (const size of [30_000, 40_000, 300_000])
    layers.push(await writeLayer([Buffer.alloc(size, "x")], blobs, { compression: "none" }));
  const [one, two, three] = [[0], [0, 1], [2]].map((chosen) =>
    makeImage({ platform, layers: chosen.map((position) => layers[position]!) }),
  );
  const store = openStore({ path: join(folder, "images") });
  await store.put(one!, parseReference("app:1"));
  await store.put(two!, parseReference("app:2"));
  await store.remove(parseReference("app:2"));
  // A signature of an image that is not there.
  const signature = makeImage({ platform, author: "signature", layers: [] });
  await store.put(signature, parseReference(`app:sha256-${"0".repeat(64)}.sig`));
  await store.close();
  const layout = await createLayout(join(folder, "layout"));
  await layout.put(three!, { name: "3" });
  return { store: store.path, layout: layout.path };
}

/** Tries everything that a store can do, and prints what came of each as JSON. */
const attempts = (store: string, layout: string, before = "") => `
  import * as oci from ${JSON.stringify(new URL("../src/oci/index.ts", import.meta.url).href)};
  const { openStore, openLayout, parseReference, blobsOf } = oci;
  const app = parseReference("app:1");
  const open = () => openStore({ path: ${JSON.stringify(store)} });
  const image = await (await openLayout(${JSON.stringify(layout)})).open("3");
  const read = async () => {
    const store = open();
    let bytes = 0;
    for await (const { content } of blobsOf(await store.get(app)))
      for await (const chunk of content.chunks()) bytes += chunk.byteLength;
    await store.close();
    return bytes > 30000;
  };
  // What is loaded later must be loaded before rights are given up.
  await read();
  ${before}
  const work = {
    list: async () => (await open().list()).length,
    read,
    dryRun: async () => (await open().collect({ dryRun: true })).removed.length,
    put: () => open().put(image, parseReference("app:3")),
    tag: () => open().tag(app, parseReference("app:4")),
    collect: async () => (await open().collect()).removed.length,
    remove: () => open().remove(app),
  };
  const outcome = {};
  for (const [name, attempt] of Object.entries(work))
    outcome[name] = await attempt().catch((error) => error.code + " " + error.message) ?? null;
  console.log(JSON.stringify(outcome));`;

function runScript(script: string, prefix: readonly string[] = []): Record<string, unknown> {
  const [program, ...words] = [...prefix, process.execPath, "--input-type=module", "-e", script];
  const { status, stdout, stderr } = spawnSync(program!, words, { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** Everything that writes is refused with these words, everything that reads works. */
function assertReadOnly(outcome: Record<string, unknown>, words: RegExp): void {
  const { list, read, dryRun, ...writing } = outcome;
  assert.deepEqual({ list, read, dryRun }, { list: 2, read: true, dryRun: 5 });
  assert.deepEqual(Object.keys(writing), ["put", "tag", "collect", "remove"]);
  for (const [name, result] of Object.entries(writing)) assert.match(String(result), words, name);
}

test("a store of another user can be read, not written", needs({ root: true }), async (context) => {
  const { store, layout } = await writeStore(temporaryFolder(context));
  const asOther = "process.setegid(54321); process.seteuid(54321);";
  const files = readdirSync(store, { recursive: true });
  assertReadOnly(runScript(attempts(store, layout, asOther)), /^file-denied .*permission denied/);
  assert.deepEqual(readdirSync(store, { recursive: true }), files);
  chmodSync(store, 0o700);
  const refused = runScript(attempts(store, layout, asOther));
  for (const [name, result] of Object.entries(refused))
    assert.match(String(result), /^file-denied .*images.*permission denied/, name);
});

const mounting = needs({ root: true, tools: ["unshare", "mount"] });

/** A prefix that runs a command where something was mounted, which no other process sees. */
function mounted(script: string, ...words: readonly string[]): readonly string[] {
  const inside = `${script} && exec "$@"`;
  return ["unshare", "--mount", "--propagation", "private", "sh", "-ec", inside, ...words];
}

test("a store on a read-only file system can be read, not written", mounting, async (context) => {
  const { store, layout } = await writeStore(temporaryFolder(context));
  const readOnly = mounted('mount -n --bind "$0" "$0" && mount -n -o remount,ro,bind "$0"', store);
  const outcome = runScript(attempts(store, layout), readOnly);
  assertReadOnly(outcome, /^file-denied .*the file system is read-only/);
  assert.deepEqual(readdirSync(store).sort(), ownFiles);
});

test(
  "a full disk is named, spoils nothing, and is freed by a collection",
  mounting,
  async (context) => {
    const folder = temporaryFolder(context);
    const { store, layout } = await writeStore(folder);
    const full = join(folder, "full");
    // Room for the store and a little more, and then for nothing.
    const script = `mkdir -p "$0" && mount -n -t tmpfs -o size=208k,mode=755 tmpfs "$0" &&
    cp -a ${JSON.stringify(store)} "$0/images"`;
    const fill = `
    import { readdirSync, writeFileSync } from "node:fs";
    const fill = () => {
      for (let number = 0, size = 65536; size >= 1; )
        try { writeFileSync(${JSON.stringify(full)} + "/filler" + number++, Buffer.alloc(size)); }
        catch { size >>= 1; }
    };`;
    const path = join(full, "images");
    const outcome = runScript(fill + attempts(path, layout, "fill();"), mounted(script, full));
    const { list, read, dryRun, put, collect } = outcome;
    assert.deepEqual(
      { list, read, dryRun, collect },
      { list: 2, read: true, dryRun: 5, collect: 5 },
    );
    assert.match(String(put), /^disk-full .*no space left/);
  },
);

test("a store that is no folder, or another folder, is named", async (context) => {
  const folder = temporaryFolder(context);
  const { layout } = await writeStore(folder);
  writeFileSync(join(folder, "file"), "x");
  const image = await (await import("../src/oci/index.ts")).openLayout(layout);
  const put = async (path: string) =>
    openStore({ path }).put(await image.open("3"), parseReference("app"));
  await assert.rejects(put(join(folder, "file", "images")), /file\/images: .* not a folder/);
  await assert.rejects(put(folder), /expected an OCI layout or an empty folder/);
  assert.equal(existsSync(join(folder, "index.json")), false);
});
