/** A content that streams by once: its checksums, and its bytes where they are to stay in memory. */
import {
  throwIfAborted,
  concatBytes,
  emptyBytes,
  hashHex,
  startHash,
  type Chunks,
  type Hasher,
} from "../base/index.ts";
import type { ChecksumAlgorithm, Inspector, ReadLayersOptions } from "./layered-tree.ts";

/** What is known of a content that has streamed by. */
export interface PassedContent {
  /** In lower-case hex, where it was asked for. */
  readonly sha1?: string;
  readonly sha256?: string;
  /** All of its bytes, where they are kept. */
  readonly kept?: Uint8Array;
}

/**
 * Reads a content of `size` bytes if anything is wanted of it; `path` is where it stands in the tree.
 * The inspector is one that `inspectorOf` gave.
 */
export async function passContent(
  content: { chunks(): Chunks },
  size: number,
  path: string,
  { checksums = [], keeps, signal }: ReadLayersOptions,
  inspector?: Inspector,
): Promise<PassedContent> {
  const isKept = size > 0 && keeps?.(path, size) === true;
  const isRead = isKept || checksums.length > 0;
  if (!isRead && inspector === undefined) return {};
  if (size === 0) return sumsOf(checksums, (algorithm) => hashHex(algorithm, emptyBytes));
  let passed: PassedContent | undefined;
  let running: ReadonlyMap<ChecksumAlgorithm, Hasher> | undefined;
  const parts: Uint8Array[] = [];
  let isInspected = inspector !== undefined;
  for await (const chunk of content.chunks()) {
    throwIfAborted(signal);
    if (isInspected) isInspected = inspector!.take(chunk);
    if (!isRead) {
      if (isInspected) continue;
      break;
    }
    // The chunks are windows onto those of a layer, which must not stay in memory.
    if (isKept) parts.push(Uint8Array.from(chunk));
    // Most files are one chunk, and a running hash costs several times as much as one at once.
    if (chunk.byteLength === size)
      passed = sumsOf(checksums, (algorithm) => hashHex(algorithm, chunk));
    else {
      running ??= new Map(checksums.map((algorithm) => [algorithm, startHash(algorithm)]));
      for (const hash of running.values()) hash.update(chunk);
    }
  }
  if (!isRead) return {};
  passed ??= sumsOf(checksums, (algorithm) => running!.get(algorithm)!.hex());
  return isKept ? { ...passed, kept: concatBytes(parts) } : passed;
}

/** Who is to look at a content of `size` bytes, if anybody. */
export function inspectorOf(
  path: string,
  size: number,
  { inspect }: ReadLayersOptions,
): Inspector | undefined {
  return size === 0 ? undefined : inspect?.(path, size);
}

function sumsOf(
  algorithms: readonly ChecksumAlgorithm[],
  sum: (algorithm: ChecksumAlgorithm) => string,
): PassedContent {
  return Object.fromEntries(algorithms.map((algorithm) => [algorithm, sum(algorithm)]));
}
