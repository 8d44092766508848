/** Fetching through the cache: from the cache where that is allowed, else from the network into it. */
import { BivyError, isBivyError, messageOf, type Content } from "../base/index.ts";
import type { Cache, CacheEntry, CacheMetadata } from "./cache.ts";
import { CacheSink } from "./cache-sink.ts";
import { offlineError, policyOf, type HttpClient } from "./client.ts";
import { download, unconditional, type DownloadResult, type DownloadSink } from "./download.ts";
import { Flights } from "./flight.ts";
import { HeldContent } from "./held-content.ts";
import { parseHttpUrl, redactCredentials, showUrl, withoutCredentials } from "./url.ts";

export interface FetchCachedOptions {
  readonly client: HttpClient;
  readonly cache: Cache;
  readonly url: string;
  /** Of the cache entry; default the URL without credentials, so that all mirrors share it. */
  readonly key?: string;
  /**
   * When the server is asked whether the cached copy is current: `never` suits what cannot change, such
   * as a package named by its hash. `now` is in seconds since 1970.
   */
  readonly revalidate:
    | "always"
    | "never"
    | { readonly maxAgeSeconds: number; readonly now: number };
  readonly headers?: Readonly<Record<string, string>>;
  readonly maxBytes?: number;
  readonly expectedSize?: number;
  readonly subject?: string;
  /** As for a request. */
  readonly secure?: boolean;
  readonly signal?: AbortSignal;
}

export interface FetchedContent extends Content {
  /** The bytes came from the cache, whether or not a server was asked. */
  readonly fromCache: boolean;
  /** Of the bytes: 64 hex digits. */
  readonly sha256: string;
  /** When a server last said that these bytes are current: seconds since 1970. */
  readonly checked?: number;
  /** The file of the cache that holds the bytes; absent when the cache could not be written. */
  readonly path?: string;
}

const flights = new WeakMap<Cache, Flights<FetchedContent>>();

/**
 * Several calls for one thing at the same time share one download. A cache that cannot be read or
 * written costs a warning, not the download. Throws `offline`, or `cache-corrupt` when the only copy is
 * damaged, or what `download` throws.
 */
export async function fetchCached(options: FetchCachedOptions): Promise<FetchedContent> {
  const { client, cache, signal } = options;
  const url = parseHttpUrl(options.url);
  const subject = redactCredentials(options.subject ?? showUrl(url));
  const key = options.key ?? withoutCredentials(url).href;
  let shared = flights.get(cache);
  if (shared === undefined) flights.set(cache, (shared = new Flights()));
  const name = JSON.stringify([
    key,
    url.href,
    options.revalidate,
    options.headers,
    options.maxBytes,
    options.expectedSize,
    client.offline,
  ]);
  return shared.join(name, subject, signal, (workSignal) =>
    new CachedFetch({ ...options, signal: workSignal }, key, subject).run(),
  );
}

/** Caches that a warning was given about: once is enough. */
const warned = new WeakMap<Cache, Set<string>>();

class CachedFetch {
  readonly #options: FetchCachedOptions;
  readonly #key: string;
  readonly #subject: string;

  constructor(options: FetchCachedOptions, key: string, subject: string) {
    this.#options = options;
    this.#key = key;
    this.#subject = subject;
  }

  async run(): Promise<FetchedContent> {
    const { client } = this.#options;
    const { entry, damage } = await this.#findEntry();
    if (client.offline) {
      if (entry !== undefined) return fromEntry(entry, true);
      throw damage === undefined
        ? offlineError(this.#subject)
        : offlineDamage(this.#subject, damage);
    }
    if (entry !== undefined && this.#isFresh(entry)) return fromEntry(entry, true);
    return this.#fetch(entry);
  }

  /** The cached copy, verified to its last byte; one that is damaged is evicted. */
  async #findEntry(): Promise<{ entry?: CacheEntry; damage?: string }> {
    const { cache, expectedSize, maxBytes } = this.#options;
    let found: { entry?: CacheEntry; damage?: string };
    try {
      found = await cache.examine(this.#key);
      if (found.entry !== undefined) await verify(found.entry);
    } catch (error) {
      if (!isBivyError(error)) throw error;
      if (error.code !== "cache-corrupt") {
        this.#warnOnce("read", error);
        return {};
      }
      await cache.remove(this.#key).catch(() => {});
      found = { damage: error.message.replace(/^.*the cached copy is damaged: /, "") };
    }
    if (found.damage !== undefined)
      policyOf(this.#options.client).events({
        type: "warning",
        text: `${this.#subject}: the cached copy is damaged: ${found.damage}`,
        hint: "It has been removed from the cache. Should it happen again, check the disk.",
      });
    const { entry } = found;
    if (entry === undefined) return found;
    // A copy of another size is an older file of the same name.
    const fits =
      entry.size === (expectedSize ?? entry.size) && entry.size <= (maxBytes ?? Infinity);
    return fits ? { entry } : {};
  }

  #isFresh({ checked }: CacheEntry): boolean {
    const { revalidate } = this.#options;
    if (revalidate === "never") return true;
    if (revalidate === "always" || checked === undefined) return false;
    // A check in the future says that a clock was wrong, not that the copy is current.
    return checked <= revalidate.now && revalidate.now - checked <= revalidate.maxAgeSeconds;
  }

  async #fetch(entry: CacheEntry | undefined): Promise<FetchedContent> {
    const { cache } = this.#options;
    const sink = new CacheSink(cache, this.#key, (error) => this.#warnOnce("write", error));
    try {
      return await this.#fetchInto(sink, entry);
    } catch (error) {
      await sink.discard();
      if (!sink.mustRepeat) throw error;
      await sink.restart();
      return this.#fetchInto(sink, entry);
    }
  }

  async #fetchInto(sink: CacheSink, entry: CacheEntry | undefined): Promise<FetchedContent> {
    const result = await this.#download(entry, sink);
    const metadata = this.#metadata(result);
    if (result.notModified) return this.#stillCurrent(entry!, metadata);
    const kept = await sink.commit(metadata);
    if (!(kept instanceof HeldContent)) return fromEntry(kept, false);
    return { ...kept.finish(this.#subject), fromCache: false, ...checkedOf(metadata) };
  }

  #download(entry: CacheEntry | undefined, sink: DownloadSink): Promise<DownloadResult> {
    const { client, url, headers, maxBytes, expectedSize, secure, signal } = this.#options;
    return download(client, {
      url,
      sink,
      subject: this.#subject,
      headers: { ...unconditional(headers), ...condition(entry) },
      ...(secure === undefined ? {} : { secure }),
      ...(maxBytes === undefined ? {} : { maxBytes }),
      ...(expectedSize === undefined ? {} : { expectedSize }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  async #stillCurrent(entry: CacheEntry, metadata: CacheMetadata): Promise<FetchedContent> {
    try {
      return fromEntry(await this.#options.cache.update(entry, metadata), true);
    } catch (error) {
      this.#warnOnce("write", error);
      return { ...fromEntry(entry, true), ...checkedOf(metadata) };
    }
  }

  #metadata({ etag, lastModified }: DownloadResult): CacheMetadata {
    const { revalidate } = this.#options;
    return {
      ...(etag === undefined ? {} : { etag }),
      ...(lastModified === undefined ? {} : { lastModified }),
      checked: typeof revalidate === "object" ? revalidate.now : Math.floor(Date.now() / 1000),
    };
  }

  #warnOnce(what: "read" | "write", error: unknown): void {
    const { cache, client } = this.#options;
    let given = warned.get(cache);
    if (given === undefined) warned.set(cache, (given = new Set()));
    if (given.has(what)) return;
    given.add(what);
    policyOf(client).events({
      type: "warning",
      text: `the cache cannot be ${what === "read" ? "read" : "written"}, and is left out: ${messageOf(error)}`,
      hint: "Downloads work, but are not kept. Free some space, or set XDG_CACHE_HOME to a folder that can be written.",
    });
  }
}

async function verify(entry: CacheEntry): Promise<void> {
  for await (const _ of entry.content.chunks());
}

function condition(entry: CacheEntry | undefined): Record<string, string> {
  return {
    ...(entry?.etag === undefined ? {} : { "if-none-match": entry.etag }),
    ...(entry?.lastModified === undefined ? {} : { "if-modified-since": entry.lastModified }),
  };
}

function fromEntry(entry: CacheEntry, fromCache: boolean): FetchedContent {
  const { size, chunks } = entry.content;
  return { size, chunks, fromCache, sha256: entry.sha256, path: entry.path, ...checkedOf(entry) };
}

function checkedOf({ checked }: CacheMetadata): { checked?: number } {
  return checked === undefined ? {} : { checked };
}

function offlineDamage(subject: string, damage: string): BivyError {
  return new BivyError(
    "cache-corrupt",
    `${subject}: the cached copy is damaged (${damage}), and bivy is offline`,
    { hint: "Run it once without --offline: it is fetched anew." },
  );
}
