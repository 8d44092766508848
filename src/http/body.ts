/** Body: the bytes of an answer as they arrive: bounded, counted, and complete or an error. */
import type { Transform } from "node:stream";
import { createGunzip } from "node:zlib";
import { BivyError, limitExceeded, type Limits } from "../base/index.ts";
import { abortedError, failure, type Failure } from "./failure.ts";
import type { Slot } from "./slots.ts";
import { seconds, type Reply } from "./transport.ts";

export interface BodyExpectations {
  readonly subject: string;
  /** No more bytes than this; the limit `download-size` when absent. */
  readonly maxBytes: number | undefined;
  readonly limits: Limits;
  readonly expectedSize: number | undefined;
  readonly stallMilliseconds: number;
  readonly signal: AbortSignal | undefined;
  /** Called with the bytes that have come so far. */
  onProgress?(received: number, total: number | undefined, done: boolean): void;
}

/** Files whose name says that they are gzip: a Content-Encoding of gzip then describes the file. */
const gzipFile = /\.(?:gz|tgz|apk|svgz)$/i;

/** What an answer says about its body. */
export interface BodyFrame {
  /** Content-Length in bytes. */
  readonly length: number | undefined;
  /** The body is gzip on the wire only, and is unpacked. */
  readonly packed: boolean;
}

/** Judges the head of an answer before its body is read. */
export function frameBody(
  reply: Reply,
  url: URL,
  expectations: BodyExpectations,
): BodyFrame | Failure {
  const { maxBytes, limits, expectedSize } = expectations;
  const encoding = (reply.headers.get("content-encoding") ?? "identity").trim().toLowerCase();
  const isGzip = encoding === "gzip" || encoding === "x-gzip";
  if (!isGzip && encoding !== "identity" && encoding !== "")
    return failure(
      "http-invalid",
      `Content-Encoding ${JSON.stringify(encoding.slice(0, 40))}, expected identity`,
      {
        hint: "The server compresses although it was asked not to; use another mirror.",
      },
    );
  // Some servers label every .gz file so. Only identity was asked for: the file itself is gzip.
  const packed = isGzip && !gzipFile.test(url.pathname);
  const lengthText = reply.headers.get("content-length");
  const length =
    lengthText !== undefined && /^\d{1,15}$/.test(lengthText) ? Number(lengthText) : undefined;
  if (length !== undefined && length > (maxBytes ?? limits["download-size"])) {
    const { message, hint } = tooLarge("", maxBytes, limits, length);
    return failure("limit-exceeded", message, { hint });
  }
  if (!packed && length !== undefined && expectedSize !== undefined && length !== expectedSize)
    return failure("http-invalid", sizeMismatch(expectedSize, `${length}`), { hint: changedHint });
  return { length, packed };
}

const changedHint =
  "The file was replaced, or the mirror is out of step: refresh the index, or use another mirror.";

function sizeMismatch(expected: number, found: string): string {
  return `expected ${expected} bytes, found ${found}`;
}

function tooLarge(
  subject: string,
  maxBytes: number | undefined,
  limits: Limits,
  found: number | undefined,
): { message: string; hint: string } {
  const prefix = subject === "" ? "" : `${subject}: `;
  const announced = found === undefined ? "" : `, the server announces ${found}`;
  if (maxBytes !== undefined)
    return {
      message: `${prefix}larger than the ${maxBytes} bytes that are allowed${announced}`,
      hint: "The server may be hostile or out of step; use another mirror.",
    };
  const { message, hint } = limitExceeded("download-size", limits, "");
  return { message: `${prefix}${message.replace(/^: /, "")}${announced}`, hint: hint ?? "" };
}

/** Reads the body once. Ends the connection when the reader stops early. */
export async function* readBody(
  reply: Reply,
  frame: BodyFrame,
  expectations: BodyExpectations,
  slot: Slot | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { subject, maxBytes, limits, expectedSize, signal, stallMilliseconds } = expectations;
  const { stream } = reply;
  const total = frame.packed ? expectedSize : (frame.length ?? expectedSize);
  const bound = maxBytes ?? limits["download-size"];
  let waiting = true;
  slot?.setBusy(true);
  const stall = setTimeout(() => {
    // A reader that takes its time is not a server that stalls.
    if (waiting) stream.destroy(stalledError(subject, stallMilliseconds, received));
  }, stallMilliseconds);
  const abort = (): void => void stream.destroy(abortedError(subject));
  signal?.addEventListener("abort", abort, { once: true });
  if (signal?.aborted === true) abort();

  let received = 0;
  let complete = false;
  const source = frame.packed ? unpacked(reply, bound) : stream;
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      received += chunk.byteLength;
      if (received > bound)
        throw new BivyError(
          "limit-exceeded",
          tooLarge(subject, maxBytes, limits, undefined).message,
          {
            hint: tooLarge(subject, maxBytes, limits, undefined).hint,
          },
        );
      if (expectedSize !== undefined && received > expectedSize)
        throw new BivyError("http-invalid", `${subject}: ${sizeMismatch(expectedSize, "more")}`, {
          hint: changedHint,
        });
      expectations.onProgress?.(received, total, false);
      waiting = false;
      slot?.setBusy(false);
      yield chunk;
      slot?.setBusy(true);
      waiting = true;
      stall.refresh();
    }
    if (expectedSize !== undefined && received < expectedSize)
      throw truncatedError(subject, received, expectedSize);
    complete = true;
    expectations.onProgress?.(received, total, true);
  } catch (error) {
    if (error instanceof BivyError) throw error;
    if (isPackingError(error))
      throw new BivyError(
        "http-invalid",
        `${subject}: the server's gzip Content-Encoding is damaged`,
        {
          cause: error,
          hint: "Try again, or use another mirror.",
        },
      );
    throw truncatedError(subject, received, frame.packed ? undefined : total, error);
  } finally {
    clearTimeout(stall);
    signal?.removeEventListener("abort", abort);
    if (!complete) stream.destroy();
    slot?.release();
  }
}

/** Unpacks a body; a source that breaks breaks the result, and the other way round. */
function unpacked(reply: Reply, bound: number): Transform {
  const gunzip = createGunzip({ chunkSize: Math.min(256 * 1024, Math.max(bound, 64)) });
  reply.stream.once("error", (error) => gunzip.destroy(error));
  reply.stream.pipe(gunzip);
  return gunzip;
}

function isPackingError(error: unknown): boolean {
  return ((error as NodeJS.ErrnoException | undefined)?.code ?? "").startsWith("Z_");
}

export function truncatedError(
  subject: string,
  received: number,
  total: number | undefined,
  cause?: unknown,
): BivyError {
  const of = total === undefined ? "" : ` of ${total}`;
  return new BivyError(
    "http-truncated",
    `${subject}: the connection broke after ${received}${of} bytes`,
    {
      hint: "The network or the server is unreliable: try again, or use a mirror.",
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

function stalledError(subject: string, milliseconds: number, received: number): BivyError {
  return new BivyError(
    "http-stalled",
    `${subject}: no byte came for ${seconds(milliseconds)}, after ${received} bytes`,
    { hint: "The server or the network hangs: try again, or use a mirror." },
  );
}
