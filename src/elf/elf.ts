/**
 * ELF: executables, shared libraries and object files of Unix systems (System V ABI, chapter 4 and 5,
 * "gABI"). A file is read from what of it is in memory: its first bytes, and others where the caller
 * kept them. What the bytes at hand do not hold is undefined, never guessed.
 *
 * Nothing in a file is trusted: tables have at most 65535 entries by their format, every place is
 * checked against the bytes at hand, and texts are bounded.
 */
import { BivyError } from "../base/index.ts";
import type { ElfPiece } from "./fields.ts";
import { readHeader, type ElfHeader } from "./header.ts";
import { readSections, type Section } from "./sections.ts";
import { readSegments, type Segment } from "./segments.ts";

export type { ElfPiece } from "./fields.ts";
export { looksLikeElf } from "./header.ts";

export interface Elf {
  readonly header: ElfHeader;
  /** The program headers; undefined where they are not in the bytes at hand. */
  readonly segments: readonly Segment[] | undefined;
  /** The section headers; undefined where they are not in the bytes at hand. */
  readonly sections: readonly Section[] | undefined;
  /** The bytes at hand. */
  readonly pieces: readonly ElfPiece[];
}

/**
 * Reads a file that begins with `bytes`, which need not be all of it; `pieces` are other parts of it
 * that are at hand. Throws `elf-invalid` where the header is none.
 */
export function parseElf(
  bytes: Uint8Array,
  options: { readonly subject: string; readonly pieces?: readonly ElfPiece[] },
): Elf {
  const header = readHeader(bytes);
  if ("wrong" in header)
    throw new BivyError("elf-invalid", `${options.subject}: ${header.wrong}`, {
      hint: "The file is damaged, or no ELF file.",
    });
  return assemble(header, bytes, options.pieces);
}

/** As `parseElf`; undefined where the header is none. */
export function tryParseElf(bytes: Uint8Array, pieces?: readonly ElfPiece[]): Elf | undefined {
  const header = readHeader(bytes);
  return "wrong" in header ? undefined : assemble(header, bytes, pieces);
}

function assemble(header: ElfHeader, bytes: Uint8Array, more: readonly ElfPiece[] = []): Elf {
  const pieces = [{ offset: 0, bytes }, ...more];
  return {
    header,
    segments: readSegments(header, pieces),
    sections: readSections(header, pieces),
    pieces,
  };
}
