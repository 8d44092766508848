/** elf: reading ELF files: header, segments, sections, what is linked. */
export { looksLikeElf, parseElf, tryParseElf, type Elf, type ElfPiece } from "./elf.ts";
export type { ElfClass, ElfHeader, ElfType } from "./header.ts";
export {
  dynamicStrings,
  dynamicTag,
  isStaticExecutable,
  neededLibraries,
  type DynamicEntry,
} from "./linkage.ts";
export { machineName } from "./machine.ts";
export { interpreterOf, offsetOfAddress, segmentType, type Segment } from "./segments.ts";
export { findSection, sectionBytes, type Section } from "./sections.ts";
