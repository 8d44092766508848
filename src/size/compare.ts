/** Comparing sizes: several images side by side, each against the first. */
import { compareNames } from "../base/index.ts";
import { tellingFolders } from "./folder-size.ts";
import type { SizeReport, SizeTotals } from "./measure.ts";

export interface SizeComparison {
  /** One for each image, in their order. */
  readonly images: readonly ComparedImage[];
  /** One for each image but the first: what differs between it and the first. */
  readonly differences: readonly SizeDifferences[];
}

export interface ComparedImage {
  readonly subject: string;
  readonly totals: SizeTotals;
  /** By those of the first image; absent where either is unknown or the first is 0. */
  readonly compressedRatio?: number;
  readonly unpackedRatio?: number;
  /** Layers that stand in the first image too, and the bytes of their blobs. */
  readonly sharedLayers: number;
  readonly sharedCompressed: number;
}

export interface SizeDifferences {
  readonly subject: string;
  /** The most different first; `delta` is this image's bytes less the first one's. */
  readonly folders: readonly SizeDelta[];
  /** By name; absent where either has no apk database. */
  readonly packages?: readonly SizeDelta[];
}

export interface SizeDelta {
  /** Path of a folder, or name of a package. */
  readonly name: string;
  readonly delta: number;
  /** Bytes in the first image; absent where it has none. */
  readonly first?: number;
  /** Bytes in this image; absent where it has none. */
  readonly other?: number;
}

export function compareSizes(reports: readonly SizeReport[]): SizeComparison {
  const first = reports[0];
  if (first === undefined) return { images: [], differences: [] };
  return {
    images: reports.map((report) => compareTotals(first, report)),
    differences: reports.slice(1).map((report) => ({
      subject: report.subject,
      folders: tellingFolders(
        deltasOf(bytesByPath(first), bytesByPath(report)),
        ({ name }) => name,
        ({ delta }) => delta,
      ),
      ...(first.packages === undefined || report.packages === undefined
        ? {}
        : { packages: deltasOf(bytesByPackage(first), bytesByPackage(report)) }),
    })),
  };
}

function compareTotals(first: SizeReport, report: SizeReport): ComparedImage {
  const known = new Set(first.layers.map(({ diffId }) => diffId));
  const shared = report.layers.filter(({ diffId }) => diffId !== undefined && known.has(diffId));
  const blobs = new Map(shared.map(({ digest, compressed }) => [digest, compressed ?? 0]));
  const compressedRatio = ratioOf(report.totals.compressed, first.totals.compressed);
  const unpackedRatio = ratioOf(report.totals.unpacked, first.totals.unpacked);
  return {
    subject: report.subject,
    totals: report.totals,
    ...(compressedRatio === undefined ? {} : { compressedRatio }),
    ...(unpackedRatio === undefined ? {} : { unpackedRatio }),
    sharedLayers: shared.length,
    sharedCompressed: [...blobs.values()].reduce((sum, bytes) => sum + bytes, 0),
  };
}

function ratioOf(value: number | undefined, base: number | undefined): number | undefined {
  return value === undefined || base === undefined || base === 0 ? undefined : value / base;
}

function bytesByPath({ folders }: SizeReport): Map<string, number> {
  return new Map(folders.map(({ path, bytes }) => [path, bytes]));
}

function bytesByPackage({ packages }: SizeReport): Map<string, number> {
  return new Map(packages?.packages.map(({ name, bytes }) => [name, bytes]));
}

/** What differs in bytes, the most first. */
function deltasOf(
  first: ReadonlyMap<string, number>,
  other: ReadonlyMap<string, number>,
): SizeDelta[] {
  const deltas: SizeDelta[] = [];
  for (const name of new Set([...first.keys(), ...other.keys()])) {
    const [before, after] = [first.get(name), other.get(name)];
    const delta = (after ?? 0) - (before ?? 0);
    if (delta === 0) continue;
    deltas.push({
      name,
      delta,
      ...(before === undefined ? {} : { first: before }),
      ...(after === undefined ? {} : { other: after }),
    });
  }
  return deltas.sort(
    (a, b) => Math.abs(b.delta) - Math.abs(a.delta) || compareNames(a.name, b.name),
  );
}
