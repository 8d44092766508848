/** Ranking: the largest first, and among equals by path or name, so that reports are stable. */
import { compareNames } from "../base/index.ts";

interface Sized {
  readonly bytes: number;
  readonly path?: string;
  readonly name?: string;
}

export function largestFirst<T extends Sized>(items: readonly T[]): T[] {
  return items.toSorted((a, b) => b.bytes - a.bytes || compareNames(keyOf(a), keyOf(b)));
}

function keyOf({ path, name }: Sized): string {
  return path ?? name ?? "";
}
