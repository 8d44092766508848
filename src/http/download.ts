/**
 * Download: one body, however many connections it takes.
 *
 * A body that breaks is resumed where it broke: `Range` asks for the rest, and `If-Range` with a strong
 * validator (RFC 9110, 13.1.5) makes the server send all of it anew should the file have changed. Then,
 * and whenever the rest cannot be had, the sink starts over. Tries are counted anew after a stretch of
 * good progress, so that a large file gets through a poor line. When a server keeps breaking, the next
 * mirror goes on from the same place.
 */
import { BivyError, isBivyError } from "../base/index.ts";
import { policyOf, type HttpClient, type HttpPolicy } from "./client.ts";
import type { HttpResponse } from "./request.ts";
import { abortedError } from "./failure.ts";
import { transferProgress, type ProgressReport } from "./progress.ts";
import { backoffMilliseconds } from "./retry.ts";
import { parseHttpUrl, redactCredentials, showUrl } from "./url.ts";

/** Where the bytes of a download go, in order. */
export interface DownloadSink {
  write(chunk: Uint8Array): void | Promise<void>;
  /** Forget everything that was written: it comes again from the beginning. */
  restart(): void | Promise<void>;
}

export interface DownloadRequest {
  readonly url: string;
  readonly sink: DownloadSink;
  /** A conditional request may end with `notModified`, and nothing in the sink. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly maxBytes?: number;
  readonly expectedSize?: number;
  readonly subject?: string;
  /** As for a request. */
  readonly secure?: boolean;
  readonly signal?: AbortSignal;
}

export interface DownloadResult {
  readonly etag?: string;
  readonly lastModified?: string;
  /** In bytes. */
  readonly size: number;
  /** The server answered 304 to a conditional request. */
  readonly notModified: boolean;
}

/** New bytes after which a break counts as the first one again. */
const goodProgressBytes = 1024 * 1024;

export async function download(
  client: HttpClient,
  request: DownloadRequest,
): Promise<DownloadResult> {
  const subject = redactCredentials(request.subject ?? showUrl(parseHttpUrl(request.url)));
  return new Download(client, request, subject).run();
}

class Download {
  readonly #client: HttpClient;
  readonly #request: DownloadRequest;
  readonly #subject: string;
  readonly #policy: HttpPolicy;
  readonly #report: ProgressReport;
  readonly #maxBytes: number;
  /** Bytes in the sink. */
  #received = 0;
  /** The size of the whole, where a server told it. */
  #total: number | undefined;
  /** A strong validator of the bytes in the sink. */
  #validator: string | undefined;
  #breaks = 0;
  #receivedAtBreak = 0;
  readonly #givenUp: string[] = [];
  readonly #tried: string[] = [];

  constructor(client: HttpClient, request: DownloadRequest, subject: string) {
    this.#client = client;
    this.#request = request;
    this.#subject = subject;
    this.#policy = policyOf(client);
    this.#report = transferProgress(this.#policy.events, subject);
    this.#maxBytes = request.maxBytes ?? this.#policy.limits["download-size"];
  }

  async run(): Promise<DownloadResult> {
    for (;;) {
      const resuming = this.#received > 0 && this.#validator !== undefined;
      if (!resuming) await this.#startOver();
      const response = await this.#ask(resuming);
      if (response.status === 304) return { ...validators(response), size: 0, notModified: true };
      if (resuming && !(await this.#continues(response))) continue;
      const broken = await this.#drain(response);
      if (broken === undefined) {
        this.#report(this.#received, this.#received, true);
        return { ...validators(response), size: this.#received, notModified: false };
      }
      await this.#afterBreak(broken, response);
    }
  }

  #ask(resuming: boolean): Promise<HttpResponse> {
    const { url, headers, maxBytes, expectedSize, secure, signal } = this.#request;
    const range = resuming
      ? { range: `bytes=${this.#received}-`, "if-range": this.#validator! }
      : {};
    return this.#client.request({
      url,
      subject: this.#subject,
      progress: false,
      skip: this.#givenUp,
      headers: resuming ? { ...unconditional(headers), ...range } : (headers ?? {}),
      ...(resuming ? { accept: [200, 206, 416] } : {}),
      ...(secure === undefined ? {} : { secure }),
      ...(maxBytes === undefined ? {} : { maxBytes }),
      ...(expectedSize === undefined ? {} : { expectedSize }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  /** Whether the body of the answer to a `Range` request can be used; false to ask for all of it. */
  async #continues(response: HttpResponse): Promise<boolean> {
    if (response.status === 200) {
      await this.#startOver();
      return true;
    }
    const range = parseContentRange(response.headers.get("content-range"));
    const fits =
      response.status === 206 &&
      range !== undefined &&
      range.start === this.#received &&
      !response.headers.has("content-encoding") &&
      (range.total === undefined || this.#total === undefined || range.total === this.#total);
    if (!fits) {
      await leave(response);
      this.#validator = undefined;
    } else this.#total ??= range?.total;
    return fits;
  }

  async #startOver(): Promise<void> {
    if (this.#received > 0) await this.#request.sink.restart();
    this.#received = 0;
    this.#receivedAtBreak = 0;
    this.#total = undefined;
    this.#validator = undefined;
  }

  /** Moves the body into the sink; gives the error of a body that broke. */
  async #drain(response: HttpResponse): Promise<BivyError | undefined> {
    const { sink, expectedSize } = this.#request;
    const packed = response.headers.has("content-encoding");
    if (response.status !== 206) {
      this.#total = packed ? undefined : lengthOf(response);
      this.#validator = packed ? undefined : strongValidator(response.headers);
    }
    const body = response.body[Symbol.asyncIterator]();
    try {
      for (;;) {
        const step = await nextChunk(body);
        if (step instanceof BivyError) return step;
        if (step === undefined) break;
        this.#received += step.byteLength;
        if (this.#received > this.#maxBytes) throw this.#tooLarge();
        if (this.#received > (expectedSize ?? Infinity)) throw this.#wrongSize("more");
        await sink.write(step);
        this.#report(this.#received, expectedSize ?? this.#total, false);
      }
    } catch (error) {
      await body.return?.();
      if (isBivyError(error, "http-invalid")) return error;
      throw error;
    }
    const whole = expectedSize ?? this.#total;
    if (whole === undefined || this.#received >= whole) return undefined;
    return new BivyError(
      "http-truncated",
      `${this.#subject}: the connection broke after ${this.#received} of ${whole} bytes`,
      { hint: "The network or the server is unreliable: try again, or use a mirror." },
    );
  }

  async #afterBreak(broken: BivyError, response: HttpResponse): Promise<void> {
    const { signal } = this.#request;
    if (signal?.aborted === true) throw abortedError(this.#subject);
    if (this.#received - this.#receivedAtBreak >= goodProgressBytes) this.#breaks = 0;
    this.#receivedAtBreak = this.#received;
    this.#breaks += 1;
    if (broken.code === "http-invalid") {
      // Not an accident: this server has another file. What it gave is not to be continued.
      this.#breaks = this.#policy.tries;
      this.#validator = undefined;
    }
    const reason = broken.message.replace(`${this.#subject}: `, "");
    let waitFor = 0;
    if (this.#breaks >= this.#policy.tries) {
      this.#tried.push(
        `${response.source?.shown ?? showUrl(response.url)} (${reason}${this.#triesText(broken, ", ", "")})`,
      );
      if (response.source === undefined || response.source.left === 0)
        throw this.#gaveUp(broken, reason, response.source?.shown);
      this.#givenUp.push(response.source.name);
      this.#breaks = 0;
    } else waitFor = backoffMilliseconds(this.#breaks, this.#policy.random());
    this.#policy.events({
      type: "retry",
      subject: this.#subject,
      attempt: Math.max(this.#breaks, 1),
      reason,
      waitMilliseconds: waitFor,
    });
    if (waitFor > 0) await this.#policy.wait(waitFor, signal);
  }

  #gaveUp(broken: BivyError, reason: string, place: string | undefined): BivyError {
    const tried =
      this.#tried.length > 1 || (place ?? this.#subject) !== this.#subject
        ? `; tried ${this.#tried.join(", ")}`
        : this.#triesText(broken, " (", ")");
    return new BivyError(broken.code, `${this.#subject}: ${reason}${tried}`, {
      cause: broken,
      ...(broken.hint === undefined ? {} : { hint: broken.hint }),
    });
  }

  #triesText(broken: BivyError, before: string, after: string): string {
    if (broken.code === "http-invalid" || this.#breaks < 2) return "";
    return `${before}${this.#breaks} tries${after}`;
  }

  #tooLarge(): BivyError {
    return new BivyError(
      "limit-exceeded",
      `${this.#subject}: larger than the ${this.#maxBytes} bytes that are allowed`,
      { hint: "The server may be hostile or out of step; use another mirror." },
    );
  }

  #wrongSize(found: string): BivyError {
    return new BivyError(
      "http-invalid",
      `${this.#subject}: expected ${this.#request.expectedSize} bytes, found ${found}`,
      { hint: "The mirror is out of step: refresh the index, or use another mirror." },
    );
  }
}

/** The next chunk, undefined at the end, or the error of a body that a retry may mend. */
export async function nextChunk(
  body: AsyncIterator<Uint8Array>,
): Promise<Uint8Array | BivyError | undefined> {
  try {
    const step = await body.next();
    return step.done === true ? undefined : step.value;
  } catch (error) {
    if (isBivyError(error, "http-truncated", "http-stalled", "http-unreachable")) return error;
    throw error;
  }
}

async function leave(response: HttpResponse): Promise<void> {
  for await (const _ of response.body) break;
}

function lengthOf(response: HttpResponse): number | undefined {
  const text = response.headers.get("content-length") ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

export function parseContentRange(
  value: string | undefined,
): { start: number; end: number; total: number | undefined } | undefined {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i.exec(value?.trim() ?? "");
  if (match === null) return undefined;
  const start = Number(match[1]);
  const end = Number(match[2]);
  const total = match[3] === "*" ? undefined : Number(match[3]);
  return end < start || (total !== undefined && end >= total) ? undefined : { start, end, total };
}

/**
 * What may stand in `If-Range` (RFC 9110, 8.8.1 and 8.8.2.2): an ETag that is not weak, or, where there
 * is none, a Last-Modified at least a minute older than the answer, since a file may change twice within
 * the second that the date can tell.
 */
export function strongValidator(headers: ReadonlyMap<string, string>): string | undefined {
  if (headers.get("accept-ranges")?.trim().toLowerCase() === "none") return undefined;
  const etag = headers.get("etag")?.trim();
  if (etag !== undefined) return /^"[\x21\x23-\x7e\x80-\xff]*"$/.test(etag) ? etag : undefined;
  const lastModified = headers.get("last-modified");
  const age = Date.parse(headers.get("date") ?? "") - Date.parse(lastModified ?? "");
  return age >= 60_000 ? lastModified : undefined;
}

export function unconditional(
  headers: Readonly<Record<string, string>> | undefined,
): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).filter(([name]) => !/^if-/i.test(name)));
}

function validators(response: HttpResponse): { etag?: string; lastModified?: string } {
  const etag = response.headers.get("etag");
  const lastModified = response.headers.get("last-modified");
  return {
    ...(etag === undefined ? {} : { etag }),
    ...(lastModified === undefined ? {} : { lastModified }),
  };
}
