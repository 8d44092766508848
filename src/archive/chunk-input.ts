/** ChunkInput: a stream of chunks, taken by count; nothing is copied while a chunk holds enough. */
import { concatBytes, emptyBytes, type Chunks, type Limits } from "../base/index.ts";

/** What every reader of this folder is told. */
export interface ReadOptions {
  /** What is read, as messages name it. */
  readonly subject: string;
  readonly limits?: Limits | undefined;
  /** Which limit bounds unpacked bytes per compressed byte; default `ratio`. */
  readonly ratioLimit?: "ratio" | "package-ratio";
}

export class ChunkInput {
  readonly #iterator: Iterator<Uint8Array> | AsyncIterator<Uint8Array>;
  #done = false;
  /** The current chunk; bytes before `at` were taken. */
  chunk: Uint8Array = emptyBytes;
  at = 0;
  /** Where `chunk` begins in the stream. */
  #chunkStart = 0;

  constructor(source: Chunks) {
    this.#iterator =
      Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  }

  /** How many bytes of the stream were taken. */
  get position(): number {
    return this.#chunkStart + this.at;
  }

  /** How many bytes can be taken without waiting. */
  get available(): number {
    return this.chunk.byteLength - this.at;
  }

  /** The next bytes, without taking them; empty when `fill` is due. */
  get buffered(): Uint8Array {
    return this.at === 0 ? this.chunk : this.chunk.subarray(this.at);
  }

  /** Takes bytes that are available. */
  advance(count: number): void {
    this.at += count;
  }

  /** Waits until a byte is available; false at the end of the stream. */
  async fill(): Promise<boolean> {
    while (this.at === this.chunk.byteLength) {
      const next = await this.#next();
      if (next === undefined) return false;
      this.#chunkStart += this.chunk.byteLength;
      this.chunk = next;
      this.at = 0;
    }
    return true;
  }

  /** Takes `count` bytes, or the fewer that are left before the end of the stream. */
  async take(count: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let missing = count;
    while (missing > 0 && (await this.fill())) {
      const size = Math.min(missing, this.available);
      parts.push(this.chunk.subarray(this.at, this.at + size));
      this.at += size;
      missing -= size;
    }
    return concatBytes(parts);
  }

  /** Makes `count` bytes available, or the fewer that are left before the end of the stream. */
  async ensure(count: number): Promise<void> {
    if (this.available >= count) return;
    const parts = [this.buffered];
    let size = this.available;
    while (size < count) {
      const next = await this.#next();
      if (next === undefined) break;
      parts.push(next);
      size += next.byteLength;
    }
    this.#chunkStart = this.position;
    this.chunk = concatBytes(parts);
    this.at = 0;
  }

  /** Ends the source early; harmless after its end. */
  async close(): Promise<void> {
    if (this.#done) return;
    this.#done = true;
    await this.#iterator.return?.();
  }

  async #next(): Promise<Uint8Array | undefined> {
    if (this.#done) return undefined;
    const result = await this.#iterator.next();
    if (result.done !== true) return result.value;
    this.#done = true;
    return undefined;
  }
}

/** Lends a generator to a caller: leaving the loop over it does not end it. */
export function lend<T>(generator: AsyncGenerator<T>): AsyncIterable<T> {
  return { [Symbol.asyncIterator]: () => ({ next: () => generator.next() }) };
}
