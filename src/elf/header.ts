/** The header of an ELF file (ELF gABI, "ELF Header"). */
import { Fields, type ElfClass, type Encoding } from "./fields.ts";

export type { ElfClass } from "./fields.ts";

/** `shared` is also what a position-independent executable is. */
export type ElfType = "relocatable" | "executable" | "shared" | "core" | "other";

/** Where a table stands in the file. */
export interface TablePlace {
  readonly offset: number;
  /** Bytes of one entry. */
  readonly entrySize: number;
  readonly count: number;
}

export interface ElfHeader extends Encoding {
  readonly class: ElfClass;
  readonly littleEndian: boolean;
  /** EI_OSABI: 0 for System V, 3 for GNU extensions. */
  readonly abi: number;
  readonly type: ElfType;
  /** e_machine; `machineName` has names. */
  readonly machine: number;
  /** Address at which it starts; 0 for none. */
  readonly entry: number;
  readonly segmentTable: TablePlace;
  readonly sectionTable: TablePlace;
  /** The section that holds the names of sections; 0 for none. */
  readonly nameSection: number;
}

const types: readonly ElfType[] = ["other", "relocatable", "executable", "shared", "core"];

/** Whether the bytes begin as every ELF file does. */
export function looksLikeElf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/** The header at the start of `bytes`, or what is wrong with it. */
export function readHeader(bytes: Uint8Array): ElfHeader | { readonly wrong: string } {
  if (!looksLikeElf(bytes)) return { wrong: "expected an ELF file (7f 45 4c 46)" };
  const elfClass = bytes[4] === 1 ? 32 : bytes[4] === 2 ? 64 : undefined;
  if (elfClass === undefined) return { wrong: `expected class 1 or 2, found ${bytes[4]}` };
  if (bytes[5] !== 1 && bytes[5] !== 2)
    return { wrong: `expected byte order 1 or 2, found ${bytes[5]}` };
  const encoding = { class: elfClass, littleEndian: bytes[5] === 1 } as const;
  const wide = elfClass === 64;
  const size = wide ? 64 : 52;
  if (bytes.byteLength < size)
    return { wrong: `expected a header of ${size} bytes, found ${bytes.byteLength}` };
  const fields = new Fields(bytes, encoding);
  const sizes = wide ? 52 : 40;
  return {
    ...encoding,
    abi: bytes[7]!,
    type: types[fields.half(16)] ?? "other",
    machine: fields.half(18),
    entry: fields.address(24),
    segmentTable: {
      offset: fields.address(wide ? 32 : 28),
      entrySize: fields.half(sizes + 2),
      count: fields.half(sizes + 4),
    },
    sectionTable: {
      offset: fields.address(wide ? 40 : 32),
      entrySize: fields.half(sizes + 6),
      count: fields.half(sizes + 8),
    },
    nameSection: fields.half(sizes + 10),
  };
}
