/**
 * Documents: contents of the few small files that rules look into, such as the applets that BusyBox
 * lists or the accounts that somebody added. All else of an image is compared by checksum.
 */
import { gunzip } from "../archive/index.ts";
import { collectBytes, limitExceeded, type Chunks, type Limits } from "../base/index.ts";
import type { Inventory } from "../inventory/index.ts";
import { readFiles, walkTree, type FileNode } from "../tree/index.ts";

/** By path in the tree; what is packed (scripts.tar.gz) is unpacked. */
export type Documents = ReadonlyMap<string, Uint8Array>;

const KiB = 1024;
const MiB = 1024 * KiB;

/** Which files are documents, and how large they may be. */
const documentForms: readonly (readonly [form: RegExp, largest: number])[] = [
  [/^etc\//, 512 * KiB],
  [/^usr\/lib\/os-release$/, 64 * KiB],
  [/^usr\/(?:local\/)?share\/ca-certificates\//, 64 * KiB],
  [/^(?:usr\/)?bin\/busybox(?:-extras)?$/, 4 * MiB],
  [/^(?:usr\/)?lib\/apk\/db\/(?:triggers|scripts\.tar|scripts\.tar\.gz)$/, 16 * MiB],
];

/** For all documents of an image together. */
const mostDocuments = 4096;
const largestTotal = 64 * MiB;

/**
 * Decides which contents are kept while the layers of an image stream by, so that `readDocuments` need
 * not read a layer again. Make a new one for each image: what it keeps is bounded in all.
 */
export function keepsDocuments(): (path: string, size: number) => boolean {
  let count = 0;
  let total = 0;
  return (path, size) => {
    if (!isDocument(path, size) || count === mostDocuments || total + size > largestTotal)
      return false;
    count += 1;
    total += size;
    return true;
  };
}

function isDocument(path: string, size: number): boolean {
  return documentForms.some(([form, largest]) => size <= largest && form.test(path));
}

export async function readDocuments(
  inventory: Inventory,
  { limits, signal }: { readonly limits: Limits; readonly signal?: AbortSignal },
): Promise<Documents> {
  const keeps = keepsDocuments();
  const paths = new Map<FileNode, string[]>();
  for (const { path, node } of walkTree(inventory.tree.top)) {
    if (node.kind !== "file" || !keeps(path, node.content.size)) continue;
    paths.set(node, [...(paths.get(node) ?? []), path]);
  }
  const documents = new Map<string, Uint8Array>();
  const options = signal === undefined ? {} : { signal };
  for await (const { file, chunks } of readFiles(paths.keys(), options)) {
    const bytes = await readDocument(paths.get(file)![0]!, chunks(), limits);
    for (const path of paths.get(file)!) documents.set(path, bytes);
  }
  return documents;
}

function readDocument(path: string, chunks: Chunks, limits: Limits): Promise<Uint8Array> {
  const plain = path.endsWith(".tar.gz") ? gunzip(chunks, { subject: path, limits }) : chunks;
  return collectBytes(plain, limits["control-size"], () =>
    limitExceeded("control-size", limits, path),
  );
}
