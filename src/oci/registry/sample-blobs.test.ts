/**
 * Blobs and errors for the tests of this folder. It has no tests of its own; the name keeps it out of
 * the published package.
 */
import assert from "node:assert/strict";
import {
  bytesContent,
  digestOf,
  isBivyError,
  type BivyError,
  type ErrorCode,
} from "../../base/index.ts";
import { type ImageBlob } from "../copy.ts";
import { mediaTypes } from "../media-type.ts";

/** A layer whose bytes are never the same at two places, so that a misplaced piece shows. */
export function sampleBlob(size: number, seed = 1): ImageBlob & { readonly bytes: Uint8Array } {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 4)
    bytes.writeUInt32LE(Math.imul(at + seed, 2_654_435_761) >>> 0, at);
  return {
    bytes,
    descriptor: { mediaType: mediaTypes.layer, digest: digestOf(bytes), size },
    role: "layer",
    content: { size, chunks: () => pieces(bytes) },
  };
}

function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += 100_000) yield bytes.subarray(at, at + 100_000);
}

export function configBlob(text = "{}"): ImageBlob {
  const bytes = Buffer.from(text);
  return {
    descriptor: { mediaType: mediaTypes.config, digest: digestOf(bytes), size: bytes.byteLength },
    role: "config",
    content: bytesContent(bytes),
  };
}

/** Asserts the code, and gives the error for a closer look. */
export async function failsWith(work: Promise<unknown>, code: ErrorCode): Promise<BivyError> {
  try {
    await work;
  } catch (error) {
    assert.ok(isBivyError(error, code), `expected ${code}, found ${String(error)}`);
    return error;
  }
  throw new assert.AssertionError({ message: `expected ${code}, found success` });
}
