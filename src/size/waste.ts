/** Waste: files that layers store and nobody can see, because a higher layer replaced or removed them. */
import { largestFirst } from "./ranking.ts";
import { noWaste, type Fate, type StoredFile } from "./stored-file.ts";

export interface Waste {
  readonly bytes: number;
  /** Contents of use by all contents, 0 to 1; 1 for an image without contents. */
  readonly efficiency: number;
  /** Bytes by what made them waste. */
  readonly byFate: Readonly<Record<Fate, number>>;
  /** The paths that wasted most first. */
  readonly files: readonly WastedFile[];
}

/** All that was stored for nothing at one path. */
export interface WastedFile {
  readonly path: string;
  readonly bytes: number;
  readonly copies: readonly WastedCopy[];
}

export interface WastedCopy {
  readonly bytes: number;
  /** The layer that stores it. */
  readonly layer: number;
  readonly fate: Fate;
  /** The layer that made it waste. */
  readonly by: number;
  /** Where the same content went, if it was moved. */
  readonly to?: string;
}

export function measureWaste(files: readonly StoredFile[]): Waste {
  const byPath = new Map<string, WastedCopy[]>();
  const byFate = noWaste();
  let [all, wasted] = [0, 0];
  for (const { node, path, layer, loss } of files) {
    const bytes = node.content.size;
    all += bytes;
    if (loss === undefined || bytes === 0) continue;
    wasted += bytes;
    byFate[loss.fate] += bytes;
    const copies = byPath.get(path) ?? [];
    byPath.set(path, copies);
    copies.push({ bytes, layer, ...loss });
  }
  const wastedFiles = Array.from(byPath, ([path, copies]) => ({
    path,
    bytes: copies.reduce((sum, copy) => sum + copy.bytes, 0),
    copies: copies.sort((a, b) => a.layer - b.layer),
  }));
  return {
    bytes: wasted,
    efficiency: all === 0 ? 1 : (all - wasted) / all,
    byFate,
    files: largestFirst(wastedFiles),
  };
}
