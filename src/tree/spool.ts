/**
 * Spooling: contents that stand in layers, brought to where each can be read at any time. A layer can
 * only be read from its beginning, so that reading many of its files in another order than its own
 * would read it as many times. All are read in one pass instead, into one file.
 */
import { open } from "node:fs/promises";
import { fileError, type Chunks, type Content } from "../base/index.ts";
import { LayerContent, readFiles } from "./layer-content.ts";
import type { FileNode } from "./node.ts";

/** By the content that stands in a layer, the same content in the spool file. */
export type Spool = ReadonlyMap<Content, Content>;

/** Spools those of the contents that are in layers; `path` is made where there are any. */
export async function spoolContents(
  contents: Iterable<Content>,
  path: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<Spool> {
  const spool = new Map<Content, Content>();
  const inLayers: FileNode[] = [];
  for (const content of new Set(contents))
    if (content instanceof LayerContent && content.kept === undefined && content.size > 0)
      inLayers.push({ kind: "file", mode: 0, uid: 0, gid: 0, mtime: 0, content });
  if (inLayers.length === 0) return spool;
  try {
    const target = await open(path, "wx", 0o600);
    try {
      let offset = 0;
      for await (const { file, chunks } of readFiles(inLayers, options)) {
        const begin = offset;
        for await (const chunk of chunks()) {
          await target.write(chunk);
          offset += chunk.byteLength;
        }
        spool.set(file.content, new SpooledContent(path, begin, file.content.size));
      }
    } finally {
      await target.close();
    }
  } catch (error) {
    throw fileError(error, "writing", path);
  }
  return spool;
}

const chunkSize = 256 * 1024;

class SpooledContent implements Content {
  readonly size: number;
  readonly #path: string;
  readonly #offset: number;

  constructor(path: string, offset: number, size: number) {
    this.size = size;
    this.#path = path;
    this.#offset = offset;
  }

  chunks(): Chunks {
    return this.#read();
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    const file = await open(this.#path);
    try {
      for (let at = 0; at < this.size;) {
        const buffer = Buffer.allocUnsafeSlow(Math.min(chunkSize, this.size - at));
        const { bytesRead } = await file.read(buffer, 0, buffer.byteLength, this.#offset + at);
        if (bytesRead === 0) throw new Error("the spool file is shorter than it was");
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } catch (error) {
      throw fileError(error, "reading", this.#path);
    } finally {
      await file.close();
    }
  }
}
