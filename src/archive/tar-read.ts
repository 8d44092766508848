/** Reading tar archives: as a stream in one pass, or at once from memory. */
import type { Chunks } from "../base/index.ts";
import { ChunkInput, type ReadOptions } from "./chunk-input.ts";
import { tarPadding, quotePath, type TarHeader } from "./tar-header.ts";
import { TarScanner } from "./tar-scanner.ts";

export interface TarEntry {
  readonly header: TarHeader;
  /**
   * The content, to be read once, and before the next entry is asked for; what is not read is
   * skipped. The chunks share memory with those of the source.
   */
  chunks(): AsyncIterable<Uint8Array>;
}

/**
 * The entries of a tar archive. It may end with zero blocks or without them, as the members of an apk
 * package do; the source is read to its end all the same, so that whoever hashes it sees it all. What
 * follows the zero blocks is not looked at: tar pads there, and every reader stops there. Throws
 * `tar-invalid`, `tar-truncated`, `tar-sparse` and `limit-exceeded`.
 */
export async function* readTar(source: Chunks, options: ReadOptions): AsyncGenerator<TarEntry> {
  const input = new ChunkInput(source);
  const scanner = new TarScanner(options);
  let viewed: Uint8Array | undefined;
  let view: Buffer = Buffer.alloc(0);
  try {
    while (!scanner.ended) {
      const position = input.position;
      const wanted = scanner.wanted;
      let header: TarHeader | undefined;
      if (input.available >= wanted) {
        if (viewed !== input.chunk) {
          viewed = input.chunk;
          view = asBuffer(viewed);
        }
        header = scanner.accept(view, input.at, position);
        input.advance(wanted);
      } else {
        const block = await input.take(wanted);
        if (block.byteLength < wanted) {
          scanner.finish(block.byteLength, input.position);
          return;
        }
        header = scanner.accept(asBuffer(block), 0, position);
      }
      if (header === undefined) continue;
      const content = new EntryContent(input, scanner, header);
      yield content;
      if (!content.skipBuffered()) await content.skip();
    }
    while (await input.fill()) input.advance(input.available);
  } finally {
    await input.close();
  }
}

class EntryContent implements TarEntry {
  readonly header: TarHeader;
  readonly #input: ChunkInput;
  readonly #scanner: TarScanner;
  #contentLeft: number;
  #paddingLeft: number;
  #taken = false;

  constructor(input: ChunkInput, scanner: TarScanner, header: TarHeader) {
    this.header = header;
    this.#input = input;
    this.#scanner = scanner;
    this.#contentLeft = header.size;
    this.#paddingLeft = tarPadding(header.size).byteLength;
  }

  chunks(): AsyncIterable<Uint8Array> {
    if (this.#taken)
      throw new Error("the content of a tar entry can be read once, before the next entry");
    this.#taken = true;
    return this.#read();
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    while (this.#contentLeft > 0) yield await this.#next();
  }

  /** Skips what is left, when all of it is at hand. */
  skipBuffered(): boolean {
    this.#taken = true;
    const left = this.#contentLeft + this.#paddingLeft;
    if (left > this.#input.available) return false;
    this.#input.advance(left);
    this.#contentLeft = 0;
    this.#paddingLeft = 0;
    return true;
  }

  async skip(): Promise<void> {
    while (this.#contentLeft > 0) await this.#next();
    const padding = await this.#input.take(this.#paddingLeft);
    this.#paddingLeft -= padding.byteLength;
    if (this.#paddingLeft > 0) throw this.#truncated();
  }

  async #next(): Promise<Uint8Array> {
    const input = this.#input;
    if (!(await input.fill())) throw this.#truncated();
    const size = Math.min(this.#contentLeft, input.available);
    const chunk = input.chunk.subarray(input.at, input.at + size);
    input.advance(size);
    this.#contentLeft -= size;
    return chunk;
  }

  #truncated(): Error {
    return insideEntry(
      this.#scanner,
      this.header,
      this.#input.position,
      this.#contentLeft + this.#paddingLeft,
    );
  }
}

function insideEntry(
  scanner: TarScanner,
  header: TarHeader,
  position: number,
  missing: number,
): Error {
  return scanner.truncated(
    position,
    `inside entry ${quotePath(header.path)} of ${header.size} bytes (${missing} more expected)`,
  );
}

/** An entry of an archive in memory; the content shares memory with the archive. */
export interface WholeTarEntry {
  readonly header: TarHeader;
  readonly content: Uint8Array;
}

/** The entries of a small tar archive in memory. Throws as `readTar` does. */
export function* tarEntries(bytes: Uint8Array, options: ReadOptions): Generator<WholeTarEntry> {
  const scanner = new TarScanner(options);
  const view = asBuffer(bytes);
  for (let at = 0; !scanner.ended;) {
    const left = view.byteLength - at;
    const wanted = scanner.wanted;
    if (left < wanted) {
      scanner.finish(left, view.byteLength);
      return;
    }
    const header = scanner.accept(view, at, at);
    at += wanted;
    if (header === undefined) continue;
    const end = at + header.size + tarPadding(header.size).byteLength;
    if (end > view.byteLength)
      throw insideEntry(scanner, header, view.byteLength, end - view.byteLength);
    yield { header, content: bytes.subarray(at, at + header.size) };
    at = end;
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
