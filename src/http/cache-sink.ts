/**
 * Cache sink: a download that goes into the cache or, where the cache cannot be written, is held by this
 * process.
 */
import type { Cache, CacheEntry, CacheMetadata, CacheWriter } from "./cache.ts";
import type { DownloadSink } from "./download.ts";
import { HeldContent } from "./held-content.ts";

export class CacheSink implements DownloadSink {
  readonly #cache: Cache;
  readonly #key: string;
  readonly #onFailure: (error: unknown) => void;
  #writer: CacheWriter | undefined;
  #held: HeldContent | undefined;
  #wrote = false;
  /** The cache failed when bytes had gone into it already: the download has to be done again. */
  mustRepeat = false;

  /** @param onFailure is told why the cache cannot be written. */
  constructor(cache: Cache, key: string, onFailure: (error: unknown) => void) {
    this.#cache = cache;
    this.#key = key;
    this.#onFailure = onFailure;
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#held !== undefined) return this.#held.write(chunk);
    try {
      this.#writer ??= await this.#cache.startWriting(this.#key);
      await this.#writer.write(chunk);
      this.#wrote = true;
    } catch (error) {
      const held = await this.#fallBack(error);
      await held.write(chunk);
    }
  }

  async restart(): Promise<void> {
    this.#wrote = false;
    this.#held?.restart();
    try {
      await this.#writer?.restart();
    } catch (error) {
      await this.#fallBack(error);
    }
  }

  async commit(metadata: CacheMetadata): Promise<CacheEntry | HeldContent> {
    if (this.#held !== undefined) return this.#held;
    try {
      this.#writer ??= await this.#cache.startWriting(this.#key);
      return await this.#writer.commit(metadata);
    } catch (error) {
      return this.#fallBack(error);
    }
  }

  /** Leaves nothing in the cache. */
  async discard(): Promise<void> {
    await this.#writer?.discard();
    this.#writer = undefined;
  }

  async #fallBack(error: unknown): Promise<HeldContent> {
    await this.discard();
    this.#onFailure(error);
    this.#held = new HeldContent();
    if (!this.#wrote) return this.#held;
    this.mustRepeat = true;
    throw error;
  }
}
