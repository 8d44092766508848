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
  policyOf,
  type HttpClient,
  type HttpClientOptions,
  type HttpPolicy,
} from "./client.ts";
export {
  download,
  nextChunk,
  parseContentRange,
  type DownloadRequest,
  type DownloadResult,
  type DownloadSink,
} from "./download.ts";
export { isUntrustedServer } from "./failure.ts";
export { fetchCached, type FetchCachedOptions, type FetchedContent } from "./fetch-cached.ts";
export type { HttpRequest, HttpResponse } from "./request.ts";
export { backoffMilliseconds, parseRetryAfter } from "./retry.ts";
export type { OriginTrust, TrustChooser } from "./trust.ts";
export { isLoopback, parseHttpUrl, redactCredentials, showUrl, withoutUserinfo } from "./url.ts";
