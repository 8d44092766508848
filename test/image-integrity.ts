/** Integrity of images: a layout, a store or a registry has all of them, and nothing damaged. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { sha256, type RawDescriptor, type RawImage } from "./registry-images.ts";
import type { Contents } from "./registry-server/contents.ts";

/** A layout or store must have every blob of these images, and none with other bytes than its name says. */
export function assertFolderHolds(folder: string, ...images: readonly RawImage[]): void {
  const blobs = assertFolderIntact(folder);
  for (const image of images)
    for (const digest of [...image.blobs.keys(), ...image.manifests.keys()])
      assert.ok(blobs.has(digest), `${folder} lacks ${digest}`);
}

/**
 * Whatever happened to a layout or store: each blob has its digest, index.json is whole and names only
 * what is there with all that belongs to it, and nothing unfinished lies about. Gives the digests.
 */
export function assertFolderIntact(folder: string): ReadonlySet<string> {
  const present = new Set<string>();
  const blobs = join(folder, "blobs", "sha256");
  const names = tryList(folder);
  if (names.length === 0) return present;
  assert.deepEqual(
    names.filter((name) => name.startsWith(".bivy-unfinished-")),
    [],
  );
  for (const name of tryList(blobs)) {
    assert.equal(sha256(readFileSync(join(blobs, name))), `sha256:${name}`);
    present.add(`sha256:${name}`);
  }
  if (!names.includes("index.json")) return present;
  const index = JSON.parse(readFileSync(join(folder, "index.json"), "utf8")) as RawDocument;
  const pending = [...(index.manifests ?? [])];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    assert.ok(present.has(next.digest), `${folder}: ${next.digest} is named and missing`);
    if (!/\.(manifest|index|list)\./.test(next.mediaType)) continue;
    const hex = next.digest.slice("sha256:".length);
    const {
      config,
      layers = [],
      manifests = [],
    } = JSON.parse(readFileSync(join(blobs, hex), "utf8")) as RawDocument;
    pending.push(...layers, ...manifests, ...(config === undefined ? [] : [config]));
  }
  return present;
}

interface RawDocument {
  readonly config?: RawDescriptor;
  readonly layers?: readonly RawDescriptor[];
  readonly manifests?: readonly RawDescriptor[];
}

function tryList(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** A repository of a registry of this process must have all of an image, under this tag. */
export function assertRegistryHolds(
  { repositories }: Contents,
  name: string,
  tag: string,
  image: RawImage,
): void {
  const repository = repositories.get(name);
  assert.ok(repository !== undefined, `there is no repository ${name}`);
  assert.equal(repository.tags.get(tag), image.root.digest);
  for (const [digest, { mediaType, bytes }] of image.manifests) {
    const found = repository.manifests.get(digest);
    assert.ok(found !== undefined, `${name} lacks the manifest ${digest}`);
    assert.equal(found.mediaType, mediaType);
    assert.ok(bytes.equals(found.bytes));
  }
  for (const [digest, bytes] of image.blobs) {
    const found = repository.blobs.get(digest);
    assert.ok(found !== undefined, `${name} lacks the blob ${digest}`);
    assert.ok(bytes.equals(Buffer.concat([...found.chunks(0)])));
  }
}
