/** Sections: the parts of a file by name, for linkers and tools (ELF gABI, "Sections"). */
import { bytesAt, Fields, textAt, type ElfPiece } from "./fields.ts";
import type { Elf } from "./elf.ts";
import type { ElfHeader, TablePlace } from "./header.ts";

export interface Section {
  /** Empty where the names are not in the bytes at hand, or where it is longer than 255 bytes. */
  readonly name: string;
  /** sh_type; those that are used here have names in `sectionType`. */
  readonly type: number;
  /** Where it stands in the file, and how many bytes it has. */
  readonly offset: number;
  readonly size: number;
  /** Where it stands in memory; 0 for what is not mapped. */
  readonly address: number;
  /** sh_link: another section, by its number; for a dynamic section that of its texts. */
  readonly link: number;
}

/** Of a section without bytes in the file (SHT_NOBITS), `size` is that in memory. */
export const sectionType = { texts: 3, dynamic: 6, noBits: 8 } as const;

/** A count or a number that its field cannot hold stands in the first section header instead. */
const nameSectionElsewhere = 0xffff;
/** More sections than any linker of executables writes; the format allows 2^32. */
const mostSections = 0xffff;
/** Bytes of a name; with every function in a section of its own, some have more, and are none here. */
const longestName = 255;

export function readSections(
  header: ElfHeader,
  pieces: readonly ElfPiece[],
): readonly Section[] | undefined {
  const { offset, entrySize } = header.sectionTable;
  if (offset === 0) return [];
  if (entrySize < (header.class === 64 ? 64 : 40)) return undefined;
  const first = bytesAt(pieces, offset, entrySize);
  if (first === undefined) return undefined;
  const zeroth = readSection(first, header);
  const count = header.sectionTable.count === 0 ? zeroth.size : header.sectionTable.count;
  if (count > mostSections) return undefined;
  const sections = readTable({ offset, entrySize, count }, header, pieces);
  if (sections === undefined) return undefined;
  const { nameSection } = header;
  const names = sections[nameSection === nameSectionElsewhere ? zeroth.link : nameSection];
  const texts =
    names?.type === sectionType.texts ? bytesAt(pieces, names.offset, names.size) : undefined;
  return sections.map(({ nameAt, ...section }) => ({
    ...section,
    name: (texts && textAt(texts, nameAt, longestName)) ?? "",
  }));
}

type UnnamedSection = Omit<Section, "name"> & { readonly nameAt: number };

function readTable(
  { offset, entrySize, count }: TablePlace,
  header: ElfHeader,
  pieces: readonly ElfPiece[],
): readonly UnnamedSection[] | undefined {
  const table = bytesAt(pieces, offset, entrySize * count);
  return (
    table &&
    Array.from({ length: count }, (_, at) => readSection(table.subarray(at * entrySize), header))
  );
}

function readSection(bytes: Uint8Array, header: ElfHeader): UnnamedSection {
  const fields = new Fields(bytes, header);
  const wide = header.class === 64;
  return {
    nameAt: fields.word(0),
    type: fields.word(4),
    address: fields.address(wide ? 16 : 12),
    offset: fields.address(wide ? 24 : 16),
    size: fields.address(wide ? 32 : 20),
    link: fields.word(wide ? 40 : 24),
  };
}

/** The first section of this name. */
export function findSection({ sections }: Elf, name: string): Section | undefined {
  return sections?.find((each) => each.name === name);
}

/** The bytes of a section; undefined where they are not at hand, or where it has none. */
export function sectionBytes({ pieces }: Elf, section: Section): Uint8Array | undefined {
  if (section.type === sectionType.noBits) return undefined;
  return bytesAt(pieces, section.offset, section.size);
}
