/**
 * LayerContent: a file's content that stays in its layer, and is read from there when it is asked for.
 *
 * Nobody is given bytes that were not verified: a content whose checksum was computed when the layer
 * first streamed by is compared with it; without one, the layer is read to its end, where it verifies
 * itself. Reading many files one by one would read their layers as many times: `readFiles` reads
 * each layer once.
 */
import { readTar, TarCursor, type TarEntry } from "../archive/index.ts";
import {
  throwIfAborted,
  BivyError,
  startHash,
  type Chunks,
  type Content,
  type Hasher,
  type Limits,
} from "../base/index.ts";
import type { PassedContent } from "./content-pass.ts";
import type { ChecksumAlgorithm, TreeLayer } from "./layered-tree.ts";
import type { FileNode } from "./node.ts";

/** A layer that contents stand in. */
export interface ContentLayer {
  readonly layer: TreeLayer;
  /** Where it stands among the layers; lowest 0. */
  readonly index: number;
  readonly limits: Limits;
}

export class LayerContent implements Content {
  readonly size: number;
  readonly home: ContentLayer;
  /** The number of its entry in the layer's tar. */
  readonly position: number;
  readonly kept: Uint8Array | undefined;
  readonly sha1: string | undefined;
  readonly sha256: string | undefined;

  constructor(home: ContentLayer, position: number, size: number, passed: PassedContent) {
    this.size = size;
    this.home = home;
    this.position = position;
    this.kept = passed.kept;
    this.sha1 = passed.sha1;
    this.sha256 = passed.sha256;
  }

  chunks(): Chunks {
    if (this.size === 0) return [];
    return this.kept === undefined ? this.#readAgain() : [this.kept];
  }

  /** The bytes of its entry, which was found at its position in another pass over the layer. */
  async *verified(entry: TarEntry | undefined): AsyncGenerator<Uint8Array> {
    if (entry?.header.type !== "file" || entry.header.size !== this.size)
      throw this.#changed(`a file of ${this.size} bytes as entry ${this.position}`);
    const algorithm = this.sha256 === undefined ? "sha1" : "sha256";
    const expected = this.sha256 ?? this.sha1;
    const hash: Hasher | undefined = expected === undefined ? undefined : startHash(algorithm);
    for await (const chunk of entry.chunks()) {
      hash?.update(chunk);
      yield chunk;
    }
    if (hash !== undefined && hash.hex() !== expected)
      throw this.#changed(`the ${algorithm} ${expected} at entry ${this.position}`);
  }

  async *#readAgain(): AsyncGenerator<Uint8Array> {
    const cursor = openLayer(this.home);
    try {
      yield* this.verified(await cursor.advanceTo(this.position));
      if (this.sha1 === undefined && this.sha256 === undefined) await cursor.finish();
    } finally {
      await cursor.close();
    }
  }

  #changed(expected: string): BivyError {
    return new BivyError(
      "image-invalid",
      `${this.home.layer.subject}: expected ${expected}, which was there before`,
      { hint: "The layer changed while it was in use; try again." },
    );
  }
}

function openLayer({ layer, limits }: ContentLayer): TarCursor {
  return new TarCursor(readTar(layer.tar(), { subject: layer.subject, limits }));
}

/** A file whose content passes by. */
export interface PassingFile {
  readonly file: FileNode;
  /** The content, to be read before the next file is asked for; what is not read is skipped. */
  chunks(): Chunks;
}

/**
 * Gives the contents of many files in the order in which they can be had: first those that need no
 * layer, then layer by layer, lowest first, in the order of each tar. Every layer that holds one of
 * them is read once, to its end, so that it is verified. A file that is named twice comes once.
 */
export async function* readFiles(
  files: Iterable<FileNode>,
  options: { readonly signal?: AbortSignal } = {},
): AsyncGenerator<PassingFile> {
  const homes = new Map<ContentLayer, { file: FileNode; content: LayerContent }[]>();
  for (const file of new Set(files)) {
    throwIfAborted(options.signal);
    const { content } = file;
    if (!(content instanceof LayerContent) || content.kept !== undefined || content.size === 0) {
      yield { file, chunks: () => content.chunks() };
      continue;
    }
    const waiting = homes.get(content.home);
    if (waiting === undefined) homes.set(content.home, [{ file, content }]);
    else waiting.push({ file, content });
  }
  for (const [home, waiting] of [...homes].sort(([a], [b]) => a.index - b.index)) {
    waiting.sort((a, b) => a.content.position - b.content.position);
    const cursor = openLayer(home);
    try {
      for (const { file, content } of waiting) {
        throwIfAborted(options.signal);
        // Two files may have one content, and its entry passes once.
        if (content.position < cursor.position) {
          yield { file, chunks: () => content.chunks() };
          continue;
        }
        const entry = await cursor.advanceTo(content.position);
        yield { file, chunks: () => content.verified(entry) };
      }
      await cursor.finish();
    } finally {
      await cursor.close();
    }
  }
}

export function layerChecksum(
  { content }: FileNode,
  algorithm: ChecksumAlgorithm,
): string | undefined {
  return content instanceof LayerContent ? content[algorithm] : undefined;
}
