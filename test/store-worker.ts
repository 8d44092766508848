/**
 * One of several processes that work with the same store at once: it puts, reads, tags, removes and
 * collects at random until its time is up, and writes down in a ledger what it begins and what it has
 * done. Arguments: the store, a layout with images, the ledger, a name, a seed, seconds.
 */
import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { isBivyError } from "../src/base/index.ts";
import {
  blobsOf,
  childrenOf,
  makeImage,
  openLayout,
  openStore,
  parsePlatform,
  parseReference,
  writeLayer,
  type ImageOrIndex,
  type ImageStore,
  type Layer,
} from "../src/oci/index.ts";

const [storePath, layoutPath, ledger, name, seed, seconds] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string,
];
const platform = parsePlatform("linux/amd64");
const ownNames = Array.from({ length: 6 }, (_, number) => `${name}:${number}`);
const sharedNames = ["shared:1", "shared:2"];

let state = Number(seed);
/** A number from 0 up to `end`, always the same for a seed (a linear congruential generator). */
function random(end: number): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * end);
}

function pick<T>(items: readonly T[]): T {
  return items[random(items.length)]!;
}

function note(...words: readonly string[]): void {
  appendFileSync(ledger, `${words.join(" ")}\n`);
}

/** Writes down that a name changes: a digest, or `-` for none. */
async function change(target: string, digest: string, work: () => Promise<unknown>): Promise<void> {
  note("begin", target, digest);
  await work();
  note("done", target, digest);
}

/** Reads every byte, and so verifies it. Of an index, the platform that every put includes. */
async function readWhole(image: ImageOrIndex): Promise<void> {
  const includes = image.kind === "index" ? await childrenOf(image, [platform]) : () => true;
  for await (const { content } of blobsOf(image, { includes }))
    for await (const chunk of content.chunks()) void chunk;
}

const layout = await openLayout(layoutPath);
const sources = (await layout.entries()).map((entry) => entry.name!);

const steps: Readonly<Record<string, (store: ImageStore) => Promise<void>>> = {
  async put(store) {
    const image = await layout.open(pick(sources));
    const target = pick([...ownNames, ...sharedNames]);
    const isSparse = image.kind === "index" && random(2) === 0;
    const includes = isSparse ? await childrenOf(image, [platform]) : () => true;
    await change(target, image.digest, () =>
      store.put(image, parseReference(target), { includes }),
    );
  },
  /** As a build: layers first, the image a while later. */
  async build(store) {
    const layers: Layer[] = [];
    for (let number = 0; number < 2; number++)
      layers.push(
        await writeLayer([Buffer.alloc(50_000, random(256))], store.blobs, { compression: "none" }),
      );
    await sleep(random(20));
    const image = makeImage({ platform, author: `${name} ${random(1000)}`, layers });
    const target = pick(ownNames);
    await change(target, image.digest, () => store.put(image, parseReference(target)));
  },
  async read(store) {
    const stored = await store.list();
    if (stored.length === 0) return;
    const image = await store.tryGet(pick(stored).reference);
    if (image === undefined) return;
    await sleep(random(20));
    await readWhole(image);
  },
  async tag(store) {
    const stored = await store.list();
    if (stored.length === 0) return;
    const { reference, descriptor } = pick(stored);
    const target = pick(ownNames);
    const from = { ...reference, digest: descriptor.digest };
    note("begin", target, descriptor.digest);
    try {
      await store.tag(from, parseReference(target));
      note("done", target, descriptor.digest);
    } catch (error) {
      // Another process has removed it.
      if (!isBivyError(error, "image-not-found")) throw error;
      note("undone", target);
    }
  },
  async remove(store) {
    const target = pick([...ownNames, ...sharedNames]);
    await change(target, "-", () => store.remove(parseReference(target)));
  },
  async collect(store) {
    await store.collect();
  },
};

const likely = ["put", "put", "build", "read", "read", "read", "tag", "remove", "collect"];
const end = performance.now() + Number(seconds) * 1000;
while (performance.now() < end) {
  const step = pick(likely);
  const store = openStore({ path: storePath });
  await steps[step]!(store);
  note("did", step);
  // Some commands end without closing the store.
  if (random(4) > 0) await store.close();
}
