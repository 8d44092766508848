/**
 * Copying: every blob of an image or index, byte for byte, in an order in which nothing refers to
 * what is not there yet: configs and layers, several at once; then the manifests, children before
 * their index.
 */
import {
  bytesContent,
  ignoreEvents,
  type Content,
  type Digest,
  type EventSink,
} from "../base/index.ts";
import { describe } from "./assemble.ts";
import { putBlob, type BlobContent, type BlobSink } from "./blobs.ts";
import { bareDescriptor, type Descriptor } from "./descriptor.ts";
import { checkNesting, type ImageOrIndex } from "./image.ts";

export interface ImageBlob {
  readonly descriptor: Descriptor;
  readonly role: "config" | "layer" | "manifest";
  readonly content: BlobContent;
}

/** A place that takes images blob by blob; what it holds already it leaves as it is. */
export interface ImageSink {
  /** Puts a config or a layer. Called several times at once. */
  putBlob(blob: ImageBlob): Promise<void>;
  /** Puts a manifest or index, once all that it names was put. */
  putManifest(blob: ImageBlob): Promise<void>;
}

export interface CopyOptions {
  /** Which children of an index are copied; all, unless given. The index itself stays as it is. */
  readonly includes?: (child: Descriptor) => boolean;
}

/** The blobs of an image or index, each once, attestations among them. */
export async function* blobsOf(
  from: ImageOrIndex,
  options: CopyOptions = {},
): AsyncGenerator<ImageBlob> {
  yield* walk(from, 0, { manifests: new Set(), others: new Set() }, options);
}

/** A registry keeps manifests apart, so that the bytes of one may have to be put as a layer too. */
interface SeenBlobs {
  readonly manifests: Set<Digest>;
  readonly others: Set<Digest>;
}

async function* walk(
  from: ImageOrIndex,
  depth: number,
  seen: SeenBlobs,
  options: CopyOptions,
): AsyncGenerator<ImageBlob> {
  if (from.kind === "index") {
    checkNesting(from, depth);
    for (const child of await from.children())
      if (
        !seen.manifests.has(child.descriptor.digest) &&
        (options.includes?.(child.descriptor) ?? true)
      )
        yield* walk(await child.open(), depth + 1, seen, options);
  } else {
    const { config, layers } = await from.manifest();
    for (const [position, descriptor] of [config, ...layers].entries()) {
      if (seen.others.has(descriptor.digest)) continue;
      seen.others.add(descriptor.digest);
      yield {
        descriptor: bareDescriptor(descriptor),
        role: position === 0 ? "config" : "layer",
        content: from.blob(descriptor),
      };
    }
  }
  if (seen.manifests.has(from.digest)) return;
  seen.manifests.add(from.digest);
  yield {
    descriptor: describe(from),
    role: "manifest",
    content: bytesContent(await from.rawManifest()),
  };
}

/** Transfers that run at once. */
const transfers = 4;

/** Copies all blobs of an image or index. On a failure the transfers that run are waited for. */
export async function copyImage(
  from: ImageOrIndex,
  sink: ImageSink,
  options: CopyOptions = {},
): Promise<void> {
  const running = new Set<Promise<void>>();
  const manifests: ImageBlob[] = [];
  let failed: { readonly error: unknown } | undefined;
  try {
    for await (const blob of blobsOf(from, options)) {
      if (blob.role === "manifest") {
        manifests.push(blob);
        continue;
      }
      const transfer: Promise<void> = sink
        .putBlob(blob)
        .catch((error: unknown) => {
          failed ??= { error };
        })
        .finally(() => running.delete(transfer));
      running.add(transfer);
      if (running.size >= transfers) await Promise.race(running);
      if (failed !== undefined) break;
    }
  } finally {
    await Promise.all(running);
  }
  if (failed !== undefined) throw failed.error;
  for (const manifest of manifests) await sink.putManifest(manifest);
}

/** Where blobs are kept by digest alone, as in a layout. */
export function blobSink(sink: BlobSink, events: EventSink = ignoreEvents): ImageSink {
  const put = ({ descriptor, role, content }: ImageBlob): Promise<void> =>
    putBlob(sink, descriptor, () =>
      role === "layer" ? reportTransfer(descriptor, content, events) : content.chunks(),
    );
  return { putBlob: put, putManifest: put };
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
