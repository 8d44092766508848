/**
 * TarScanner: turns the header blocks of a tar archive into headers, without reading anything itself.
 *
 * A reader hands it the blocks that it asks for. Extension headers (PAX `x` and `g`, GNU `L` and `K`)
 * are kept until the entry that they belong to; its header then comes back, and the reader skips the
 * content. Where readers of tar disagree on what an archive holds, the archive is refused: one that
 * shows different files to different tools has no honest use.
 */
import { BivyError, defaultLimits, limitExceeded, type Limits } from "../base/index.ts";
import type { ReadOptions } from "./chunk-input.ts";
import { parsePax } from "./pax.ts";
import { checksumHolds, fields, isZeroBlock, readNumber, readText } from "./tar-block.ts";
import { HeaderDecoder, type Extensions } from "./tar-decode.ts";
import { blockSize, tarPadding, quotePath, type TarHeader } from "./tar-header.ts";

type ExtensionKind = "x" | "g" | "L" | "K";

/** Records that one archive may state for all entries: each of them is looked at for each entry. */
const mostGlobalRecords = 64;

export class TarScanner {
  readonly #subject: string;
  readonly #limits: Limits;
  readonly #decoder: HeaderDecoder;
  /** How many bytes `accept` wants next. */
  wanted = blockSize;
  /** Whether the end of the archive was seen; nothing after it is looked at. */
  ended = false;
  #extension: { readonly kind: ExtensionKind; readonly size: number } | undefined;
  #extensions: Extensions | undefined;
  #globals: ReadonlyMap<string, Uint8Array> | undefined;
  #blocks = 0;
  #zeroBlockAt: number | undefined;
  #lastPath: string | undefined;

  constructor(options: ReadOptions) {
    this.#subject = options.subject;
    this.#limits = options.limits ?? defaultLimits;
    this.#decoder = new HeaderDecoder((reason, position) => this.#invalid(reason, position));
  }

  /**
   * Takes the `wanted` bytes at `at`, which stand at `position` in the archive. Returns the header of
   * an entry once it is complete.
   */
  accept(bytes: Buffer, at: number, position: number): TarHeader | undefined {
    if (this.#extension !== undefined) {
      const { kind, size } = this.#extension;
      this.#extension = undefined;
      this.wanted = blockSize;
      // Copied, because what is kept of it must not keep a whole chunk of the stream alive.
      this.#extend(kind, Buffer.from(bytes.subarray(at, at + size)), position);
      return undefined;
    }
    if (bytes[at] === 0 && isZeroBlock(bytes, at)) {
      this.#acceptZeroBlock(position);
      return undefined;
    }
    // GNU tar ends at a lone zero block, others go on, and Go refuses.
    if (this.#zeroBlockAt !== undefined)
      throw this.#invalid("a header follows a lone zero block", position);
    if (!checksumHolds(bytes, at))
      throw this.#invalid(
        position === 0 ? "not a tar archive" : "expected a tar header, found none (bad checksum)",
        position,
      );
    if (++this.#blocks > this.#limits.entries)
      throw limitExceeded("entries", this.#limits, this.#subject);
    const type = String.fromCharCode(bytes[at + fields.type.at]!);
    if (type === "x" || type === "g" || type === "L" || type === "K" || type === "X") {
      this.#expectExtension(type === "X" ? "x" : type, bytes, at, position);
      return undefined;
    }
    const header = this.#decoder.decode(bytes, at, position, this.#extensions, this.#globals);
    this.#extensions = undefined;
    this.#lastPath = header.path;
    return header;
  }

  /** To be called at the end of the stream, when `left` bytes were there instead of those wanted. */
  finish(left: number, position: number): void {
    if (
      this.ended ||
      (left === 0 && this.#extension === undefined && this.#extensions === undefined)
    )
      return;
    const inside =
      this.#extension !== undefined || this.#extensions !== undefined
        ? "inside an extension header"
        : "inside a header";
    throw this.truncated(position, `${inside}${this.#after()}`);
  }

  /** The error for an archive that ends at `position`; `inside` says in what. */
  truncated(position: number, inside: string): BivyError {
    return new BivyError(
      "tar-truncated",
      `${this.#subject}: the archive ends at byte ${position}, ${inside}`,
      {
        hint: "It is incomplete; fetch or write it again.",
      },
    );
  }

  #acceptZeroBlock(position: number): void {
    if (this.#extensions !== undefined)
      throw this.#invalid("an extension header belongs to no entry", position);
    if (this.#zeroBlockAt !== undefined) this.ended = true;
    this.#zeroBlockAt = position;
  }

  #expectExtension(kind: ExtensionKind, bytes: Buffer, at: number, position: number): void {
    const size = readNumber(bytes, at, fields.size);
    if (size === undefined || size < 0)
      throw this.#invalid("an extension header has an invalid size", position);
    if (size > this.#limits["header-size"])
      throw limitExceeded("header-size", this.#limits, this.#subject);
    if (size === 0) {
      this.#extend(kind, Buffer.alloc(0), position);
      return;
    }
    this.#extension = { kind, size };
    this.wanted = size + tarPadding(size).byteLength;
  }

  #extend(kind: ExtensionKind, bytes: Buffer, position: number): void {
    if (kind === "L" || kind === "K") {
      const name = readText(bytes, 0, { at: 0, size: bytes.byteLength });
      const key = kind === "L" ? "longName" : "longLink";
      this.#extensions ??= {};
      if (this.#extensions[key] !== undefined)
        throw this.#invalid("two GNU long names for one entry", position);
      this.#extensions[key] = name;
      return;
    }
    const records = parsePax(bytes);
    if (typeof records === "string") throw this.#invalid(records, position);
    if (kind === "g") return this.#setGlobals(records, position);
    this.#extensions ??= {};
    if (this.#extensions.records !== undefined)
      throw this.#invalid("two PAX headers for one entry", position);
    this.#extensions.records = records;
  }

  #setGlobals(records: Map<string, Uint8Array>, position: number): void {
    const globals = new Map(this.#globals);
    let size = 0;
    for (const [key, value] of records) {
      // It speaks of the archive (git puts the commit there), not of each entry.
      if (key === "comment") continue;
      if (value.byteLength === 0) globals.delete(key);
      else globals.set(key, value);
    }
    for (const [key, value] of globals) size += key.length + value.byteLength;
    if (globals.size > mostGlobalRecords)
      throw this.#invalid(`more than ${mostGlobalRecords} global PAX records`, position);
    if (size > this.#limits["header-size"])
      throw limitExceeded("header-size", this.#limits, this.#subject);
    for (const key of ["path", "linkpath", "size"])
      if (globals.has(key))
        throw this.#invalid(`a global PAX header states a ${key} for all entries`, position);
    this.#globals = globals.size === 0 ? undefined : globals;
  }

  #after(): string {
    return this.#lastPath === undefined ? "" : ` after entry ${quotePath(this.#lastPath)}`;
  }

  #invalid(reason: string, position: number): BivyError {
    return new BivyError(
      "tar-invalid",
      `${this.#subject}: ${reason}, at byte ${position}${this.#after()}`,
      {
        hint: "The archive is damaged, hostile, or not a tar archive; nothing after this point was read.",
      },
    );
  }
}
