/** What is asked of the HTTP client, and what it answers. */
import type { Chunks } from "../base/index.ts";
import type { TrustChooser } from "./trust.ts";

export interface HttpRequest {
  readonly url: string;
  /** Default GET. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A function is called once per try, and gives the same bytes each time. */
  readonly body?: Uint8Array | (() => Chunks);
  /** The largest body that is accepted; default the limit `download-size`. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
  /** What messages and events call it; default the URL without credentials. */
  readonly subject?: string;
  /**
   * The only statuses that are returned; all others are thrown, redirects followed. Default: 2xx, and
   * 304 when the request is conditional.
   */
  readonly accept?: readonly number[];
  /** The exact size of the body, in bytes. */
  readonly expectedSize?: number;
  /**
   * Whether it may be sent again after a connection that broke in the middle; default: every method
   * but POST and PATCH. A refusal such as 503 is retried in any case.
   */
  readonly idempotent?: boolean;
  /** How long no byte may come, such as while the server digests an upload. */
  readonly stallMilliseconds?: number;
  /** Report `transfer` events; default true. */
  readonly progress?: boolean;
  /** Refuse a mirror that is asked over plain http, except on loopback. */
  readonly secure?: boolean;
  /** Places that are not asked any more, as `HttpResponse.source` named them. */
  readonly skip?: readonly string[];
  /** Ask the URL itself, never a mirror of it. */
  readonly direct?: boolean;
  /** How often one server is tried; default as the client was told. */
  readonly tries?: number;
  /** How servers prove who they are; default by the client's authorities. */
  readonly trust?: TrustChooser;
  /**
   * What an unwelcome answer says about itself, read from its body, of which it gets 1 MiB at most. The
   * text goes into the error's message.
   */
  readonly explain?: (body: Uint8Array) => string | undefined;
}

export interface HttpResponse {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  /** Where the answer came from after mirrors and redirects, without credentials. */
  readonly url: string;
  /**
   * Can be read once; must be read to its end or left by `break`. Throws `http-truncated`,
   * `http-stalled`, `limit-exceeded` or `aborted`.
   */
  readonly body: AsyncIterable<Uint8Array>;
  /** The mirror that answered, and how many come after it. */
  readonly source?: { readonly name: string; readonly shown: string; readonly left: number };
}

export function headersOf(request: HttpRequest): Readonly<Record<string, string>> {
  return request.headers ?? {};
}

export function isIdempotent(request: HttpRequest): boolean {
  const method = request.method ?? "GET";
  return request.idempotent ?? (method !== "POST" && method !== "PATCH");
}

export function isAccepted(status: number, request: HttpRequest): boolean {
  if (request.accept !== undefined) return request.accept.includes(status);
  if (status >= 200 && status < 300) return true;
  return (
    status === 304 &&
    Object.keys(headersOf(request)).some((name) => /^if-(?:none-match|modified-since)$/i.test(name))
  );
}
