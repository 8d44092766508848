/** http: fetching over HTTP with retries, mirrors, proxies and limits, and the cache of downloads. */
export {
  cacheDirectory,
  openCache,
  type Cache,
  type CacheEntry,
  type CacheMetadata,
  type CacheWriter,
} from "./cache.ts";
export {
  createHttpClient,
  type HttpClient,
  type HttpClientOptions,
  type HttpPolicy,
} from "./client.ts";
export {
  download,
  type DownloadRequest,
  type DownloadResult,
  type DownloadSink,
} from "./download.ts";
export { fetchCached, type FetchCachedOptions, type FetchedContent } from "./fetch-cached.ts";
export type { HttpRequest, HttpResponse } from "./request.ts";
export { isLoopback, parseHttpUrl, redactCredentials, showUrl, withoutUserinfo } from "./url.ts";
