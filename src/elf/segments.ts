/** Segments: what of a file is mapped into memory, and how it is started (ELF gABI, "Program Header"). */
import { bytesAt, Fields, textAt, type ElfPiece } from "./fields.ts";
import type { Elf } from "./elf.ts";
import type { ElfHeader } from "./header.ts";

export interface Segment {
  /** p_type; those that are used here have names in `segmentType`. */
  readonly type: number;
  readonly executable: boolean;
  readonly writable: boolean;
  /** Where it stands in the file, and how many bytes of it are there. */
  readonly offset: number;
  readonly size: number;
  /** Where it stands in memory. */
  readonly address: number;
  readonly memorySize: number;
}

export const segmentType = { load: 1, dynamic: 2, interpreter: 3 } as const;

export function readSegments(
  header: ElfHeader,
  pieces: readonly ElfPiece[],
): readonly Segment[] | undefined {
  const { offset, entrySize, count } = header.segmentTable;
  if (count === 0) return [];
  const wide = header.class === 64;
  if (entrySize < (wide ? 56 : 32)) return undefined;
  const table = bytesAt(pieces, offset, entrySize * count);
  if (table === undefined) return undefined;
  const places = wide ? wideFields : narrowFields;
  return Array.from({ length: count }, (_, index) => {
    const fields = new Fields(table.subarray(index * entrySize), header);
    const flags = fields.word(places.flags);
    return {
      type: fields.word(0),
      executable: (flags & 1) !== 0,
      writable: (flags & 2) !== 0,
      offset: fields.address(places.offset),
      size: fields.address(places.size),
      address: fields.address(places.address),
      memorySize: fields.address(places.memorySize),
    };
  });
}

const wideFields = { flags: 4, offset: 8, address: 16, size: 32, memorySize: 40 } as const;
const narrowFields = { flags: 24, offset: 4, address: 8, size: 16, memorySize: 20 } as const;

/**
 * The program interpreter (PT_INTERP), such as `/lib/ld-musl-x86_64.so.1`; undefined where it names
 * none, or where that is not in the bytes at hand.
 */
export function interpreterOf({ segments, pieces }: Elf): string | undefined {
  const segment = segments?.find(({ type }) => type === segmentType.interpreter);
  const bytes = segment && bytesAt(pieces, segment.offset, segment.size);
  return bytes && textAt(bytes, 0);
}

/** Where in the file that stands which is at an address in memory; undefined where no segment has it. */
export function offsetOfAddress({ segments }: Elf, address: number): number | undefined {
  const segment = segments?.find(
    (each) =>
      each.type === segmentType.load &&
      address >= each.address &&
      address - each.address < each.size,
  );
  return segment && segment.offset + (address - segment.address);
}
