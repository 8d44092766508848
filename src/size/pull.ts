/**
 * Pull time, modelled: how long a client takes from asking for an image to having it unpacked.
 *
 * The model, in which B is the bandwidth in bytes per second and L the latency of one round trip:
 *
 * 1. One round trip each for the token, the manifest and the config, one after the other, and the bytes
 *    of manifest and config at B.
 * 2. The blobs of the layers, lowest first, a few at a time (3, as Docker and containerd have it by
 *    default). Each waits one round trip, then its bytes come; the transfers that run share B equally.
 * 3. Layers are unpacked in order, one at a time, each once its blob is there and the layer below is
 *    done; that takes the bytes of its tar at the rate of its compression.
 *
 * What the model leaves out: name lookups and handshakes, TCP's slow start, redirects, a registry that is
 * slower than the line, and a disk that is slower than the unpacking. It compares images; it does not
 * predict a stopwatch.
 */
import type { Digest } from "../base/index.ts";
import type { LayerSize } from "./layer-size.ts";
import type { SizeReport } from "./measure.ts";

/** The line to the registry. */
export interface Link {
  readonly bitsPerSecond: number;
  /** Of one round trip. */
  readonly latencySeconds: number;
}

export type StoredAs = "gzip" | "zstd" | "none";

export interface PullOptions {
  /** Images that the client has already: of each the diff ids of its layers, lowest first. */
  readonly present?: readonly (readonly Digest[])[];
  /** Blobs that are transferred at once. */
  readonly transfers?: number;
  /** Bytes of a tar per second that are unpacked and written. */
  readonly unpackRates?: Readonly<Record<StoredAs, number>>;
}

export interface PullEstimate {
  /** From the first request until everything is unpacked. */
  readonly seconds: number;
  /** Until the last byte has come. */
  readonly transferSeconds: number;
  readonly bytes: number;
  /** Layers that are there already. */
  readonly presentLayers: number;
}

/** What stands in `PullOptions` unless it is given; rates as measured on one core, single-threaded. */
export const defaultTransfers = 3;
export const defaultUnpackRates: Readonly<Record<StoredAs, number>> = {
  gzip: 170e6,
  zstd: 700e6,
  none: 1000e6,
};

/** Undefined for what is no image: a root folder or archive cannot be pulled. */
export function modelPull(
  report: SizeReport,
  link: Link,
  options: PullOptions = {},
): PullEstimate | undefined {
  const { manifest, config } = report.totals;
  if (manifest === undefined || config === undefined) return undefined;
  const { transfers = defaultTransfers, unpackRates = defaultUnpackRates } = options;
  const missing = report.layers.slice(presentDepth(report, options.present ?? []));
  const bytesPerSecond = link.bitsPerSecond / 8;

  const asked = 3 * link.latencySeconds + (manifest + config) / bytesPerSecond;
  const blobs = [...new Map(missing.map((layer) => [blobOf(layer), layer.compressed ?? 0]))];
  const ends = transferBlobs(
    blobs.map(([, bytes]) => bytes),
    { bytesPerSecond, latencySeconds: link.latencySeconds, transfers },
  );
  const endOf = new Map(blobs.map(([blob], index) => [blob, asked + ends[index]!]));
  const transferSeconds = Math.max(asked, ...endOf.values());
  let unpacked = asked;
  for (const layer of missing)
    unpacked =
      Math.max(unpacked, endOf.get(blobOf(layer))!) + layer.tar / unpackRates[storedAs(layer)];
  return {
    seconds: Math.max(transferSeconds, unpacked),
    transferSeconds,
    bytes: blobs.reduce((sum, [, bytes]) => sum + bytes, manifest + config),
    presentLayers: report.layers.length - missing.length,
  };
}

export interface PullComparison {
  readonly link: Link;
  /** One for each image, in their order; undefined for what cannot be pulled. */
  readonly estimates: readonly (PullEstimate | undefined)[];
}

export function comparePull(
  reports: readonly SizeReport[],
  links: readonly Link[],
  options: PullOptions = {},
): PullComparison[] {
  return links.map((link) => ({
    link,
    estimates: reports.map((report) => modelPull(report, link, options)),
  }));
}

/** How many of the lowest layers an image has in common with one that is there: the same, on the same. */
function presentDepth({ layers }: SizeReport, present: readonly (readonly Digest[])[]): number {
  const depths = present.map((other) => {
    const differs = layers.findIndex(
      ({ diffId }, index) => diffId === undefined || diffId !== other[index],
    );
    return differs === -1 ? layers.length : differs;
  });
  return Math.max(0, ...depths);
}

function blobOf({ digest }: LayerSize): string {
  return digest ?? "";
}

function storedAs({ isCompressed, mediaType }: LayerSize): StoredAs {
  if (isCompressed !== true) return "none";
  return mediaType?.includes("zstd") === true ? "zstd" : "gzip";
}

/**
 * When each blob has come, in seconds, if a few at a time are transferred and share the bandwidth.
 * Time goes from event to event: a transfer begins to receive, or has received everything.
 */
function transferBlobs(
  sizes: readonly number[],
  line: {
    readonly bytesPerSecond: number;
    readonly latencySeconds: number;
    readonly transfers: number;
  },
): number[] {
  const ends = sizes.map(() => 0);
  const running: { readonly index: number; readonly receivesAt: number; left: number }[] = [];
  let now = 0;
  let next = 0;
  for (;;) {
    while (running.length < line.transfers && next < sizes.length) {
      running.push({ index: next, receivesAt: now + line.latencySeconds, left: sizes[next]! });
      next += 1;
    }
    if (running.length === 0) return ends;
    const receiving = running.filter(({ receivesAt }) => receivesAt <= now);
    const rate = line.bytesPerSecond / Math.max(1, receiving.length);
    const beginning = running.filter(({ receivesAt }) => receivesAt > now);
    const until = Math.min(
      ...receiving.map(({ left }) => now + left / rate),
      ...beginning.map(({ receivesAt }) => receivesAt),
    );
    for (const transfer of receiving) {
      // Compared as it was computed, so that the one that ends next is never missed by rounding.
      const isDone = now + transfer.left / rate <= until;
      transfer.left -= (until - now) * rate;
      if (!isDone) continue;
      ends[transfer.index] = until;
      running.splice(running.indexOf(transfer), 1);
    }
    now = until;
  }
}
