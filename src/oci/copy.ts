/**
 * Copying: every blob of an image or index, byte for byte, in an order in which nothing refers to
 * what is not there yet: config and layers, then the manifest; children, then their index.
 */
import {
  bytesContent,
  ignoreEvents,
  type Content,
  type Digest,
  type EventSink,
} from "../base/index.ts";
import { describe } from "./assemble.ts";
import { putBlob, type BlobSink } from "./blobs.ts";
import { bareDescriptor, type Descriptor } from "./descriptor.ts";
import { checkNesting, type ImageOrIndex } from "./image.ts";

export interface ImageBlob {
  readonly descriptor: Descriptor;
  readonly role: "config" | "layer" | "manifest";
  readonly content: Content;
}

/** The blobs of an image or index, each once, attestations among them. */
export async function* blobsOf(from: ImageOrIndex): AsyncGenerator<ImageBlob> {
  yield* walk(from, 0, new Set());
}

async function* walk(
  from: ImageOrIndex,
  depth: number,
  seen: Set<Digest>,
): AsyncGenerator<ImageBlob> {
  if (from.kind === "index") {
    checkNesting(from, depth);
    for (const child of await from.children())
      if (!seen.has(child.descriptor.digest)) yield* walk(await child.open(), depth + 1, seen);
  } else {
    const { config, layers } = await from.manifest();
    for (const [position, descriptor] of [config, ...layers].entries()) {
      if (seen.has(descriptor.digest)) continue;
      seen.add(descriptor.digest);
      yield {
        descriptor: bareDescriptor(descriptor),
        role: position === 0 ? "config" : "layer",
        content: from.blob(descriptor),
      };
    }
  }
  if (seen.has(from.digest)) return;
  seen.add(from.digest);
  yield {
    descriptor: describe(from),
    role: "manifest",
    content: bytesContent(await from.rawManifest()),
  };
}

/** Puts all blobs of an image or index into a sink; those that it holds already are left out. */
export async function copyBlobs(
  from: ImageOrIndex,
  sink: BlobSink,
  events: EventSink = ignoreEvents,
): Promise<void> {
  for await (const { descriptor, role, content } of blobsOf(from)) {
    const chunks =
      role === "layer" ? () => reportTransfer(descriptor, content, events) : () => content.chunks();
    await putBlob(sink, descriptor, chunks);
  }
}

/** A blob's bytes, with an event for each chunk. */
export async function* reportTransfer(
  { digest, size: total }: Descriptor,
  content: Content,
  events: EventSink,
): AsyncGenerator<Uint8Array> {
  const subject = `layer ${digest.slice("sha256:".length, "sha256:".length + 12)}`;
  let received = 0;
  for await (const chunk of content.chunks()) {
    yield chunk;
    received += chunk.byteLength;
    events({ type: "transfer", subject, received, total, done: received === total });
  }
}
