/** Linkage: what a file needs of others when it is loaded (ELF gABI, "Dynamic Linking"). */
import { bytesAt, Fields, textAt, wordSize } from "./fields.ts";
import type { Elf } from "./elf.ts";
import { offsetOfAddress, segmentType } from "./segments.ts";

export interface DynamicEntry {
  readonly tag: number;
  readonly value: number;
}

const tags = { end: 0, needed: 1, texts: 5, textsSize: 10, flags1: 0x6ffffffb } as const;

/** Tags whose values are texts: a library's own name, and where libraries are looked for. */
export const dynamicTag = { needed: tags.needed, soname: 14, rpath: 15, runpath: 29 } as const;

/** DF_1_PIE of DT_FLAGS_1: an executable, which the type of the file does not tell from a library. */
const isExecutable = 0x08000000;

/** Those of large programs have some sixty. */
const mostEntries = 4096;

/**
 * The entries of PT_DYNAMIC; none where there is no such segment, undefined where it is not in the
 * bytes at hand.
 */
export function dynamicEntries({
  header,
  segments,
  pieces,
}: Elf): readonly DynamicEntry[] | undefined {
  if (segments === undefined) return undefined;
  const segment = segments.find(({ type }) => type === segmentType.dynamic);
  if (segment === undefined) return [];
  const word = wordSize(header);
  const size = Math.min(segment.size, mostEntries * 2 * word);
  const bytes = bytesAt(pieces, segment.offset, size);
  if (bytes === undefined) return undefined;
  const fields = new Fields(bytes, header);
  const entries: DynamicEntry[] = [];
  for (let at = 0; at + 2 * word <= size; at += 2 * word) {
    const tag = fields.address(at);
    if (tag === tags.end) break;
    entries.push({ tag, value: fields.address(at + word) });
  }
  return entries;
}

/**
 * The libraries that it needs (DT_NEEDED), in order, such as `libc.musl-x86_64.so.1`; undefined where
 * that is not in the bytes at hand.
 */
export function neededLibraries(elf: Elf): readonly string[] | undefined {
  return dynamicStrings(elf, tags.needed);
}

/**
 * The texts of all entries of a tag of `dynamicTag`, which are places among the dynamic texts (DT_STRTAB);
 * undefined where they are not in the bytes at hand.
 */
export function dynamicStrings(elf: Elf, tag: number): readonly string[] | undefined {
  const entries = dynamicEntries(elf);
  const wanted = entries?.filter((entry) => entry.tag === tag);
  if (entries === undefined || wanted === undefined || wanted.length === 0) return wanted && [];
  const valueOf = (named: number) => entries.find((entry) => entry.tag === named)?.value;
  const address = valueOf(tags.texts);
  const offset = address === undefined ? undefined : offsetOfAddress(elf, address);
  const texts =
    offset === undefined
      ? undefined
      : bytesAt(elf.pieces, offset, Math.min(valueOf(tags.textsSize) ?? 0, mostTexts));
  if (texts === undefined) return undefined;
  return wanted.map(({ value }) => textAt(texts, value)).filter((text) => text !== undefined);
}

/** Libraries of C++ with very many symbols have some 10 MB. */
const mostTexts = 256 * 1024 * 1024;

/**
 * Whether it is an executable that needs no other file to run: it names no interpreter and needs no
 * library, and is of the type "executable", or position-independent (of the type "shared", and marked
 * as executable by DF_1_PIE: the dynamic linker itself is a library that needs no other). Undefined
 * where that is not in the bytes at hand.
 */
export function isStaticExecutable(elf: Elf): boolean | undefined {
  const { header, segments } = elf;
  if (header.type !== "executable" && header.type !== "shared") return false;
  if (segments === undefined) return undefined;
  if (segments.some(({ type }) => type === segmentType.interpreter)) return false;
  if (!segments.some(({ type }) => type === segmentType.load)) return false;
  const entries = dynamicEntries(elf);
  if (entries === undefined) return undefined;
  if (entries.some(({ tag }) => tag === tags.needed)) return false;
  if (header.type === "executable") return true;
  return entries.some(({ tag, value }) => tag === tags.flags1 && hasFlag(value, isExecutable));
}

/** By arithmetic: the value may have more than 32 bits. */
function hasFlag(value: number, flag: number): boolean {
  return Math.floor(value / flag) % 2 === 1;
}
