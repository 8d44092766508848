/** One attempt at a request: the exchange, the redirects that it leads to, and the answer's body. */
import { concatBytes, type EventSink, type Limits } from "../base/index.ts";
import { frameBody, readBody, type BodyExpectations } from "./body.ts";
import { failure, statusFailure, type Failure } from "./failure.ts";
import { transferProgress } from "./progress.ts";
import { isRedirect, nextHop, type Hop } from "./redirect.ts";
import { isAccepted, isIdempotent, type HttpRequest, type HttpResponse } from "./request.ts";
import type { Slot } from "./slots.ts";
import type { Reply, Transport } from "./transport.ts";
import { showUrl } from "./url.ts";

export interface Attempt {
  readonly transport: Transport;
  readonly request: HttpRequest;
  readonly subject: string;
  readonly events: EventSink;
  readonly limits: Limits;
  readonly stallMilliseconds: number;
  /** Goes to the body that is still to be read, which gives it back. */
  readonly slot: Slot | undefined;
}

export interface Answer {
  readonly kind: "answer";
  readonly response: HttpResponse;
  /** The body is still to be read, and holds the slot until then. */
  readonly streams: boolean;
}

/** Sends the request, and follows redirects to the answer that was asked for. */
export async function attemptRequest(attempt: Attempt, first: Hop): Promise<Answer | Failure> {
  const { redirects } = attempt.limits;
  let hop = first;
  for (let count = 0; ; count++) {
    const reply = await send(attempt, hop);
    if (reply.kind === "failure") return redirected(reply, first, hop);
    if (isAccepted(reply.status, attempt.request)) {
      const answer = await receive(attempt, hop, reply);
      return answer.kind === "failure" ? redirected(answer, first, hop) : answer;
    }
    if (!isRedirect(reply.status)) {
      const refused = statusFailure(reply.status, reply.statusText, reply.headers);
      const explanation = await explain(attempt, hop, reply);
      return redirected(
        explanation === undefined ? refused : { ...refused, explanation },
        first,
        hop,
      );
    }
    discard(reply);
    const next =
      count < redirects
        ? nextHop(hop, reply.status, reply.headers.get("location"))
        : endless(redirects);
    if (next.kind === "failure") return redirected(next, first, hop);
    hop = next;
  }
}

function endless(redirects: number): Failure {
  return failure("http-redirects", `more than ${redirects} redirects`, {
    hint: "The server redirects in circles; if not, raise the limit with --limit redirects=N.",
  });
}

function redirected(found: Failure, first: Hop, last: Hop): Failure {
  if (first === last || found.code === "aborted") return found;
  return { ...found, reason: `${found.reason} (redirected to ${showUrl(last.url)})` };
}

/** Uploads below this size are not worth an event. */
const reportedUploadBytes = 64 * 1024;

async function send(attempt: Attempt, hop: Hop): Promise<Reply | Failure> {
  const { transport, request, subject, events, stallMilliseconds } = attempt;
  const { body } = hop;
  const size = body instanceof Uint8Array ? body.byteLength : Number(hop.headers["content-length"]);
  const total = Number.isNaN(size) ? undefined : size;
  const isReported =
    body !== undefined && request.progress !== false && (total ?? Infinity) >= reportedUploadBytes;
  const report = isReported ? transferProgress(events, subject) : undefined;
  return transport.send({
    method: hop.method,
    url: hop.url,
    headers: {
      "user-agent": "bivy",
      accept: "*/*",
      "accept-encoding": "identity",
      ...(body instanceof Uint8Array ? { "content-length": String(body.byteLength) } : {}),
      ...hop.headers,
    },
    body,
    trust: await request.trust?.(hop.url.host),
    signal: request.signal,
    stallMilliseconds,
    idempotent: isIdempotent(request),
    onSent: (bytes, done) => report?.(bytes, total, done),
  });
}

async function receive(attempt: Attempt, hop: Hop, reply: Reply): Promise<Answer | Failure> {
  const { request, subject, limits, slot } = attempt;
  const response = { status: reply.status, headers: reply.headers, url: hop.url.href };
  if (hop.method === "HEAD" || reply.status === 204 || reply.status === 304) {
    reply.stream.resume();
    return { kind: "answer", response: { ...response, body: replayed([]) }, streams: false };
  }
  const isWhole = reply.status >= 200 && reply.status < 300 && reply.status !== 206;
  const expectations: BodyExpectations = {
    subject,
    maxBytes: request.maxBytes,
    limits,
    expectedSize: isWhole ? request.expectedSize : undefined,
    stallMilliseconds: attempt.stallMilliseconds,
    signal: request.signal,
    ...(isWhole && hop.method === "GET" && request.progress !== false
      ? { onProgress: transferProgress(attempt.events, subject) }
      : {}),
  };
  const frame = frameBody(reply, hop.url, expectations);
  if ("kind" in frame) {
    reply.stream.destroy();
    return frame;
  }
  const streams = hop.method === "GET" && reply.status < 300 && frame.length !== 0;
  const body = readBody(reply, frame, expectations, streams ? slot : undefined);
  if (streams) slot?.setBusy(false);
  // Answers that are not the content asked for are small, and callers often do not look at them; an
  // unread one would hold its connection for good.
  return {
    kind: "answer",
    response: { ...response, body: streams ? body : await readAside(body) },
    streams,
  };
}

/** The bytes of an error page or a confirmation that are kept. */
const asideBytes = 1024 * 1024;

async function readAside(body: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of body) {
      chunks.push(chunk.subarray(0, asideBytes - size));
      size += chunk.byteLength;
      if (size >= asideBytes) break;
    }
  } catch (error) {
    return replayed(chunks, error as Error);
  }
  return replayed(chunks);
}

async function* replayed(
  chunks: readonly Uint8Array[],
  error?: Error,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* chunks;
  if (error !== undefined) throw error;
}

/** Reads what an answer that is not accepted says; lets go of it where nobody asked. */
async function explain(attempt: Attempt, hop: Hop, reply: Reply): Promise<string | undefined> {
  const read = attempt.request.explain;
  const answer = read === undefined ? undefined : await receive(attempt, hop, reply);
  if (read === undefined || answer?.kind !== "answer") {
    discard(reply);
    return undefined;
  }
  const parts: Uint8Array[] = [];
  try {
    for await (const chunk of answer.response.body) parts.push(chunk);
  } catch {
    // What came is enough, or there is none.
  }
  return read(concatBytes(parts));
}

/** Lets go of an answer whose body does not matter, keeping the connection when that is cheap. */
function discard(reply: Reply): void {
  const length = Number(reply.headers.get("content-length") ?? Number.NaN);
  if (!(length <= 64 * 1024)) return void reply.stream.destroy();
  // Should the rest never come, the process can still end.
  reply.stream.socket.unref();
  reply.stream.resume();
}
