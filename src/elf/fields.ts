/**
 * Fields: the numbers of an ELF structure, by class and byte order (ELF gABI, "Data Representation").
 * A file is read from the pieces of it that are at hand.
 */

/** 32 or 64: the bits of an address. */
export type ElfClass = 32 | 64;

/** Bytes of a file, and where in it they stand. */
export interface ElfPiece {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface Encoding {
  readonly class: ElfClass;
  readonly littleEndian: boolean;
}

/** Bytes of an address, an offset or a word of this class. */
export function wordSize(encoding: Encoding): number {
  return encoding.class / 8;
}

/** One structure, whose fields are read by their place in it. */
export class Fields {
  readonly #view: DataView;
  readonly #encoding: Encoding;

  constructor(bytes: Uint8Array, encoding: Encoding) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#encoding = encoding;
  }

  half(at: number): number {
    return this.#view.getUint16(at, this.#encoding.littleEndian);
  }

  word(at: number): number {
    return this.#view.getUint32(at, this.#encoding.littleEndian);
  }

  /** An address, an offset or a size. Beyond 2^53 it is no exact number, but larger than any file. */
  address(at: number): number {
    if (this.#encoding.class === 32) return this.word(at);
    return Number(this.#view.getBigUint64(at, this.#encoding.littleEndian));
  }
}

/** The bytes at `offset`, from the piece that has all of them; undefined where none has. */
export function bytesAt(
  pieces: readonly ElfPiece[],
  offset: number,
  length: number,
): Uint8Array | undefined {
  for (const piece of pieces) {
    const from = offset - piece.offset;
    // Not by adding, which for a hostile offset would not be exact.
    if (from >= 0 && from <= piece.bytes.byteLength && length <= piece.bytes.byteLength - from)
      return piece.bytes.subarray(from, from + length);
  }
  return undefined;
}

/** Names of libraries, and paths, are shorter (Linux: PATH_MAX). */
const longestText = 4096;

/**
 * The text that ends with the first NUL at or after `at`; undefined where there is none within `longest`
 * bytes. Any number of texts can be cut from the same bytes, so none is searched further.
 */
export function textAt(bytes: Uint8Array, at: number, longest = longestText): string | undefined {
  if (at >= bytes.byteLength) return undefined;
  const found = bytes.subarray(at, at + longest + 1);
  const length = found.indexOf(0);
  if (length === -1) return undefined;
  return Buffer.from(found.buffer, found.byteOffset, length).toString("latin1");
}
