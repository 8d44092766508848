/** Reading gzip, member by member, with the exact bounds of each in the compressed data (RFC 1952). */
import { crc32, createInflateRaw } from "node:zlib";
import { defaultLimits, limitExceeded, type Chunks } from "../base/index.ts";
import { ChunkInput, lend, type ReadOptions } from "./chunk-input.ts";
import { engineChunkSize, runEngine, type Engine } from "./engine.ts";
import {
  checkTrailer,
  gzipHeaderLength,
  gzipInvalid,
  gzipTruncated,
  inflateWhole,
  smallestHeader,
  startsAsGzip,
  trailerSize,
  type Inflated,
} from "./gzip-member.ts";
import { UnpackMeter } from "./unpack-meter.ts";

export interface GzipMember {
  /** Counts from 0. */
  readonly index: number;
  /** What the member unpacks to; to be read once. */
  chunks(): AsyncIterable<Uint8Array>;
}

export interface GzipReadOptions extends ReadOptions {
  /** Is given the compressed bytes of each member, header and trailer included, in order. */
  readonly onCompressed?: ((member: number, chunk: Uint8Array) => void) | undefined;
}

/**
 * The members of a gzip stream, one after the other. What a caller leaves of a member is still
 * unpacked and checked before the next one. Zero bytes after the last member are padding; anything
 * else there is an error. Throws `gzip-invalid`, `gzip-truncated` and `limit-exceeded`.
 */
export async function* readGzipMembers(
  source: Chunks,
  options: GzipReadOptions,
): AsyncGenerator<GzipMember> {
  const input = new ChunkInput(source);
  const reader = new MemberReader(input, options);
  try {
    for (let index = 0; await reader.hasNext(index); index++) {
      const body = reader.member(index);
      let taken = false;
      try {
        yield {
          index,
          chunks() {
            if (taken) throw new Error("the chunks of a gzip member can be read once");
            taken = true;
            return lend(body);
          },
        };
        while ((await body.next()).done !== true);
      } finally {
        await body.return(undefined);
      }
    }
  } finally {
    await input.close();
  }
}

/** Unpacks a gzip stream: the members, joined. Throws as `readGzipMembers` does. */
export async function* gunzip(source: Chunks, options: ReadOptions): AsyncGenerator<Uint8Array> {
  const input = new ChunkInput(source);
  const reader = new MemberReader(input, options);
  try {
    for (let index = 0; await reader.hasNext(index); index++) yield* reader.member(index);
  } finally {
    await input.close();
  }
}

/** Bytes up to which a member is unpacked in one synchronous call, instead of by a stream. */
const wholeMemberSize = 64 * 1024;

class MemberReader {
  readonly #input: ChunkInput;
  readonly #options: GzipReadOptions;
  readonly #meter: UnpackMeter;

  constructor(input: ChunkInput, options: GzipReadOptions) {
    this.#input = input;
    this.#options = options;
    this.#meter = new UnpackMeter(options);
  }

  async hasNext(index: number): Promise<boolean> {
    const { subject, limits = defaultLimits } = this.#options;
    const input = this.#input;
    await input.ensure(smallestHeader);
    if (index === 0) {
      if (input.available === 0) throw gzipTruncated(subject, 0, "the first header");
      return true;
    }
    if (input.available === 0) return false;
    if (index >= limits.entries) throw limitExceeded("entries", limits, subject);
    if (startsAsGzip(input.buffered)) return true;
    const end = input.position;
    while (await input.fill()) {
      if (!isZero(input.buffered)) throw trailingBytes(subject, end);
      input.advance(input.available);
    }
    return false;
  }

  async *member(index: number): AsyncGenerator<Uint8Array> {
    await this.#header(index);
    // Small members are the rule in packages, and setting up a stream costs more than unpacking them.
    const whole = this.#tryWhole();
    let crc: number;
    let size: number;
    if (whole !== undefined) {
      crc = crc32(whole.unpacked);
      size = whole.unpacked.byteLength;
      this.#take(index, whole.taken);
      this.#meter.add(size, this.#input.position);
      if (size > 0) yield whole.unpacked;
    } else {
      crc = 0;
      size = 0;
      for await (const chunk of this.#inflate(index)) {
        crc = crc32(chunk, crc);
        size += chunk.byteLength;
        yield chunk;
      }
    }
    await this.#input.ensure(trailerSize);
    if (this.#input.available < trailerSize) throw this.#truncated(index);
    checkTrailer(this.#input.buffered, crc, size, this.#subject(index));
    this.#take(index, trailerSize);
  }

  async #header(index: number): Promise<void> {
    const { subject, limits = defaultLimits } = this.#options;
    const input = this.#input;
    let length: number | undefined;
    while (true) {
      const before = input.available;
      length = gzipHeaderLength(input.buffered, this.#subject(index));
      if (length !== undefined) break;
      if (before > limits["header-size"]) throw limitExceeded("header-size", limits, subject);
      await input.ensure(Math.max(smallestHeader, before * 2));
      if (input.available === before) throw this.#truncated(index);
    }
    this.#take(index, length);
  }

  /** The member at the start of what is buffered, when it is whole and small. */
  #tryWhole(): Inflated | undefined {
    if (this.#input.available === 0) return undefined;
    try {
      return inflateWhole(this.#input.buffered, wholeMemberSize);
    } catch {
      // Larger, cut off, or damaged: the stream finds out which.
      return undefined;
    }
  }

  async *#inflate(index: number): AsyncGenerator<Uint8Array> {
    const input = this.#input;
    const engine: Engine = createInflateRaw({ chunkSize: engineChunkSize });
    const start = input.position;
    try {
      const output = runEngine(engine, {
        next: async () => ((await input.fill()) ? input.buffered : undefined),
        used: (count) => this.#take(index, count),
      });
      for await (const chunk of output) {
        this.#meter.add(chunk.byteLength, start + engine.bytesWritten);
        yield chunk;
      }
    } catch (error) {
      throw this.#engineError(error, index);
    }
  }

  /** Takes compressed bytes that belong to the member. */
  #take(index: number, count: number): void {
    const { onCompressed } = this.#options;
    if (onCompressed !== undefined && count > 0)
      onCompressed(index, this.#input.buffered.subarray(0, count));
    this.#input.advance(count);
  }

  #engineError(error: unknown, index: number): unknown {
    const code = (error as NodeJS.ErrnoException | undefined)?.code;
    if (code === "Z_BUF_ERROR") return this.#truncated(index);
    if (code === "Z_DATA_ERROR" || code === "Z_NEED_DICT")
      return gzipInvalid(this.#subject(index), "the deflate data is damaged", error);
    return error;
  }

  #subject(index: number): string {
    return index === 0
      ? this.#options.subject
      : `${this.#options.subject} (gzip member ${index + 1})`;
  }

  #truncated(index: number): Error {
    const position = this.#input.position + this.#input.available;
    return gzipTruncated(this.#options.subject, position, `member ${index + 1}`);
  }
}

/** One gzip member of a small file, packed and unpacked. */
export interface WholeGzipMember {
  /** Header, deflate data and trailer. */
  readonly compressed: Uint8Array;
  readonly unpacked: Uint8Array;
}

/** The members of a small gzip file that is in memory. Throws as `readGzipMembers` does. */
export function splitGzipMembers(bytes: Uint8Array, options: ReadOptions): WholeGzipMember[] {
  const { subject, limits = defaultLimits } = options;
  const meter = new UnpackMeter(options);
  const members: WholeGzipMember[] = [];
  for (let at = 0; at < bytes.byteLength || members.length === 0;) {
    const rest = bytes.subarray(at);
    if (members.length > 0 && !startsAsGzip(rest)) {
      if (!isZero(rest)) throw trailingBytes(subject, at);
      break;
    }
    if (members.length >= limits.entries) throw limitExceeded("entries", limits, subject);
    const inside = `member ${members.length + 1}`;
    const header = gzipHeaderLength(rest, subject);
    if (header === undefined) throw gzipTruncated(subject, bytes.byteLength, inside);
    const { unpacked, taken } = inflateChecked(rest.subarray(header), meter, bytes.byteLength, {
      subject,
      inside,
    });
    const end = header + taken + trailerSize;
    if (end > rest.byteLength) throw gzipTruncated(subject, bytes.byteLength, inside);
    checkTrailer(rest.subarray(end - trailerSize), crc32(unpacked), unpacked.byteLength, subject);
    meter.add(unpacked.byteLength, bytes.byteLength);
    members.push({ compressed: rest.subarray(0, end), unpacked });
    at += end;
  }
  return members;
}

function inflateChecked(
  bytes: Uint8Array,
  meter: UnpackMeter,
  compressed: number,
  about: { subject: string; inside: string },
): Inflated {
  try {
    return inflateWhole(bytes, meter.remaining(compressed));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ERR_BUFFER_TOO_LARGE") throw meter.excess(compressed);
    if (code === "Z_BUF_ERROR") throw gzipTruncated(about.subject, compressed, about.inside);
    throw gzipInvalid(about.subject, "the deflate data is damaged", error);
  }
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

function trailingBytes(subject: string, position: number): Error {
  return gzipInvalid(
    subject,
    `bytes that are not gzip follow the last member, at byte ${position}`,
  );
}
