/** Answers of a registry as values, which faults can change before they are sent. */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

export interface AnswerBody {
  /** In bytes; without it the body is sent in chunks of unknown number. */
  readonly size?: number;
  chunks(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | AnswerBody;
  readonly delivery?: Delivery;
}

/** How the bytes of an answer go wrong on their way. */
export interface Delivery {
  /** The Content-Length, whatever is sent. */
  readonly announces?: number;
  /** Bytes of the body after which the connection breaks; -1 is before the status line. */
  readonly breaksAfter?: number;
  /** Bytes of the body after which nothing more comes; -1 is before the status line. */
  readonly stallsAfter?: number;
  /** Sends one piece of so many bytes at a time, with a pause in between. */
  readonly drips?: { readonly bytes: number; readonly pauseMilliseconds: number };
}

export function json(status: number, value: unknown, headers: Answer["headers"] = {}): Answer {
  return {
    status,
    headers: { "content-type": "application/json", ...headers },
    body: Buffer.from(JSON.stringify(value)),
  };
}

/** An error in the form of the distribution specification, under "Error Codes". */
export function refusal(
  status: number,
  code: string,
  message = code.toLowerCase().replaceAll("_", " "),
  headers: Answer["headers"] = {},
): Answer {
  return json(status, { errors: [{ code, message, detail: {} }] }, headers);
}

/** Sends an answer; true when its last byte was handed over. */
export async function send(
  response: ServerResponse,
  method: string,
  answer: Answer,
): Promise<boolean> {
  const { status, headers = {}, delivery = {} } = answer;
  const body = bodyOf(answer);
  const { announces = body.size, breaksAfter = Infinity, stallsAfter = Infinity } = delivery;
  if (stallsAfter < 0) return false;
  if (breaksAfter < 0) {
    response.destroy();
    return false;
  }
  const hasNoLength = status === 204 || status === 304 || announces === undefined;
  response.writeHead(status, {
    "docker-distribution-api-version": "registry/2.0",
    ...(hasNoLength ? {} : { "content-length": String(announces) }),
    ...headers,
  });
  if (method === "HEAD" || status === 204 || status === 304) {
    response.end();
    return true;
  }
  response.flushHeaders();
  const gone = once(response, "close").catch(() => undefined);
  const last = Math.min(breaksAfter, stallsAfter);
  let sent = 0;
  for await (const piece of piecesOf(body, delivery)) {
    const bytes = piece.subarray(0, last - sent);
    // Until the bytes are with the operating system, or the connection is gone.
    if (bytes.byteLength > 0)
      await Promise.race([new Promise((resolve) => response.write(bytes, resolve)), gone]);
    sent += bytes.byteLength;
    if (sent >= last || response.destroyed) break;
  }
  if (sent >= stallsAfter || response.destroyed) return false;
  const isCut = sent >= breaksAfter || (announces !== undefined && sent < announces);
  if (isCut) {
    response.destroy();
    return false;
  }
  await readOn(response.req);
  response.end();
  return true;
}

/**
 * Reads what is left of a request that was answered early. To close a connection with bytes unread
 * resets it, and the client may never see the answer; the servers of real registries avoid that too.
 */
async function readOn(request: IncomingMessage): Promise<void> {
  if (request.complete || request.destroyed) return;
  request.resume();
  await Promise.race([once(request, "end"), once(request, "close")]).catch(() => undefined);
}

function bodyOf({ body }: Answer): AnswerBody {
  if (body === undefined) return { size: 0, chunks: () => [] };
  return body instanceof Uint8Array ? { size: body.byteLength, chunks: () => [body] } : body;
}

async function* piecesOf(body: AnswerBody, { drips }: Delivery): AsyncGenerator<Uint8Array> {
  for await (const chunk of body.chunks()) {
    if (drips === undefined) {
      yield chunk;
      continue;
    }
    for (let at = 0; at < chunk.byteLength; at += drips.bytes) {
      yield chunk.subarray(at, at + drips.bytes);
      await sleep(drips.pauseMilliseconds);
    }
  }
}
