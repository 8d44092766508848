/** The HTTP client: requests with retries, mirrors, proxies, redirects, limits and progress. */
import {
  BivyError,
  defaultLimits,
  ignoreEvents,
  type EventSink,
  type Limits,
} from "../base/index.ts";
import type { Answer } from "./attempt.ts";
import { abortedError, requestError, type Attempted, type Failure } from "./failure.ts";
import { chooseMirrors, type MirrorChooser } from "./mirrors.ts";
import { firstHop, type Hop } from "./redirect.ts";
import { headersOf, isIdempotent, type HttpRequest, type HttpResponse } from "./request.ts";
import { backoffMilliseconds, waitMilliseconds } from "./retry.ts";
import { Slots } from "./slots.ts";
import type { Transport } from "./transport.ts";
import { isLoopback, parseHttpUrl, redactCredentials, showUrl } from "./url.ts";

export interface HttpClientOptions {
  readonly events?: EventSink;
  readonly limits?: Limits;
  /** Refuse every request. */
  readonly offline?: boolean;
  /**
   * URL prefix → prefixes that are tried instead, in order. The original is tried only where it is
   * listed.
   */
  readonly mirrors?: ReadonlyMap<string, readonly string[]>;
  /** Where the proxy variables, `BIVY_MIRROR` and `SSL_CERT_FILE` are read; default the process's. */
  readonly environment?: NodeJS.ProcessEnv;
  /** How often one server is tried; default 3. */
  readonly retries?: number;
  /** How long no byte may come; default 30,000. */
  readonly stallMilliseconds?: number;
  /** How long a connection may take; default 15,000. */
  readonly connectMilliseconds?: number;
  /** Requests that run at once; default 4. */
  readonly concurrency?: number;
  readonly wait?: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  /** From 0 to below 1, for jitter. */
  readonly random?: () => number;
  /** PEM text of certificate authorities that are trusted beside Node's own. */
  readonly extraCertificates?: string;
}

/** What the parts that sit on top of the client need to know of it. */
export interface HttpPolicy {
  readonly events: EventSink;
  readonly limits: Limits;
  readonly tries: number;
  readonly wait: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  readonly random: () => number;
  /** How long no byte may come. */
  readonly stallMilliseconds: number;
}

export interface HttpClient {
  /** Throws `offline`, `url-invalid`, `aborted`, or one of the `http-` codes. */
  request(request: HttpRequest): Promise<HttpResponse>;
  get(url: string, options?: Omit<HttpRequest, "url" | "method">): Promise<HttpResponse>;
  /** Ends the idle connections; the client can still be used. */
  close(): Promise<void>;
  readonly offline: boolean;
  readonly policy?: Partial<HttpPolicy>;
}

const defaultStallMilliseconds = 30_000;

export function policyOf(client: HttpClient): HttpPolicy {
  return {
    events: ignoreEvents,
    limits: defaultLimits,
    tries: 3,
    wait: waitMilliseconds,
    random: Math.random,
    stallMilliseconds: defaultStallMilliseconds,
    ...client.policy,
  };
}

export function createHttpClient(options: HttpClientOptions = {}): HttpClient {
  return new PooledClient(options);
}

export function offlineError(subject: string): BivyError {
  return new BivyError("offline", `${subject}: not in the cache, and bivy is offline`, {
    hint: "Run it once without --offline to fill the cache.",
  });
}

class PooledClient implements HttpClient {
  readonly offline: boolean;
  readonly policy: HttpPolicy;
  readonly #options: HttpClientOptions;
  readonly #slots: Slots;
  readonly #mirrors: MirrorChooser;
  #network: ReturnType<typeof loadNetwork> | undefined;
  #transport: Transport | undefined;

  constructor(options: HttpClientOptions) {
    this.offline = options.offline ?? false;
    this.policy = {
      events: options.events ?? ignoreEvents,
      limits: options.limits ?? defaultLimits,
      tries: Math.max(1, options.retries ?? 3),
      wait: options.wait ?? waitMilliseconds,
      random: options.random ?? Math.random,
      stallMilliseconds: options.stallMilliseconds ?? defaultStallMilliseconds,
    };
    this.#options = options;
    this.#slots = new Slots(options.concurrency ?? 4);
    const environment = options.environment ?? process.env;
    this.#mirrors = chooseMirrors(options.mirrors ?? new Map(), environment["BIVY_MIRROR"]);
  }

  get(url: string, options: Omit<HttpRequest, "url" | "method"> = {}): Promise<HttpResponse> {
    return this.request({ ...options, url });
  }

  async close(): Promise<void> {
    this.#transport?.close();
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    const original = parseHttpUrl(request.url);
    const subject = redactCredentials(request.subject ?? showUrl(original));
    if (this.offline) throw offlineError(subject);
    const places = request.direct === true ? [original] : this.#mirrors(original);
    const sources = places.filter(({ href }) => request.skip?.includes(href) !== true);
    const open = sources.find(
      (source) => source.protocol !== "https:" && !isLoopback(source.hostname),
    );
    if (request.secure === true && open !== undefined)
      throw new BivyError(
        "url-invalid",
        `${subject}: its mirror ${showUrl(open)} would be asked over plain http; expected https`,
        {
          hint: "What comes over http can be anybody's. Fetch it yourself and give the file, or set an https mirror.",
        },
      );
    const attempted: Attempted[] = [];
    for (const [index, source] of sources.entries()) {
      const hop = firstHop(
        source,
        original,
        request.method ?? "GET",
        headersOf(request),
        request.body,
      );
      const { answer, tries } = await this.#trySource(hop, request, subject);
      if (answer.kind !== "failure")
        return {
          ...answer.response,
          source: { name: source.href, shown: showUrl(source), left: sources.length - index - 1 },
        };
      if (answer.code === "aborted") throw abortedError(subject);
      attempted.push({ url: showUrl(source), tries, failure: answer });
      const next = sources[index + 1];
      if (next !== undefined)
        this.policy.events({
          type: "retry",
          subject,
          attempt: 1,
          reason: `${answer.reason} at ${showUrl(source)}; going on with ${showUrl(next)}`,
          waitMilliseconds: 0,
        });
    }
    throw requestError(subject, attempted);
  }

  async #trySource(
    hop: Hop,
    request: HttpRequest,
    subject: string,
  ): Promise<{ answer: Answer | Failure; tries: number }> {
    const { random, wait, events } = this.policy;
    const tries = request.tries ?? this.policy.tries;
    const idempotent = isIdempotent(request);
    for (let attempt = 1; ; attempt++) {
      if (request.signal?.aborted === true) throw abortedError(subject);
      const answer = await this.#try(hop, request, subject);
      if (answer.kind !== "failure") return { answer, tries: attempt };
      const maySend =
        idempotent ||
        answer.unsent === true ||
        answer.code === "http-status" ||
        answer.code === "http-throttled";
      if (!answer.retryable || !maySend || attempt >= tries) return { answer, tries: attempt };
      const waitFor = backoffMilliseconds(attempt, random(), answer.retryAfter);
      events({ type: "retry", subject, attempt, reason: answer.reason, waitMilliseconds: waitFor });
      await wait(waitFor, request.signal);
    }
  }

  /** The slot is given back between tries, and after the last byte of the body. */
  async #try(hop: Hop, request: HttpRequest, subject: string): Promise<Answer | Failure> {
    const { events, limits } = this.policy;
    const stallMilliseconds = request.stallMilliseconds ?? this.policy.stallMilliseconds;
    const {
      environment = process.env,
      connectMilliseconds = 15_000,
      extraCertificates,
    } = this.#options;
    // What the reader of a body sends on must not wait for that body's own slot.
    const slot =
      typeof request.body === "function"
        ? undefined
        : await this.#slots.take(subject, request.signal);
    let isKept = false;
    try {
      this.#network ??= loadNetwork();
      const { Transport, attemptRequest } = await this.#network;
      this.#transport ??= new Transport({ environment, connectMilliseconds, extraCertificates });
      const transport = this.#transport;
      const answer = await attemptRequest(
        { transport, request, subject, events, limits, stallMilliseconds, slot },
        hop,
      );
      isKept = answer.kind === "answer" && answer.streams;
      return answer;
    } finally {
      if (!isKept) slot?.release();
    }
  }
}

/** Sockets and TLS are loaded with the first request: most commands need none. */
async function loadNetwork() {
  const [{ Transport }, { attemptRequest }] = await Promise.all([
    import("./transport.ts"),
    import("./attempt.ts"),
  ]);
  return { Transport, attemptRequest };
}
