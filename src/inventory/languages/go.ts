/**
 * Go: the build information that the Go linker puts into every program of modules (debug/buildinfo,
 * cmd/link): a magic number at a multiple of 16 bytes, then, since Go 1.18, the Go version and the module
 * data as texts with their length; before, pointers to them. The module data stand between two marks of
 * 16 bytes, by which they are found where the pointers cannot be followed.
 */
import { decodeName } from "../../base/index.ts";
import {
  findSection,
  offsetOfAddress,
  sectionBytes,
  segmentType,
  type Elf,
} from "../../elf/index.ts";
import { statedPackage, type StatedPackage } from "./language-package.ts";

export interface GoBuild {
  /** Such as `go1.22.1`; undefined where it was not found. */
  readonly goVersion?: string;
  readonly modules: readonly StatedPackage[];
}

export const buildMagic = Buffer.from("\xff Go buildinf:", "latin1");
/** The mark before the module data, and the one after. */
export const dataStart = Buffer.from("3077af0c9274080241e1c107e6d618e6", "hex");
const dataEnd = Buffer.from("f932433186182072008242104116d8f2", "hex");

/** Bytes of module data; those of the largest programs have some 100 KB. */
export const mostModuleData = 1024 * 1024;

const headerSize = 32;
const inlineFlag = 2;
const bigEndianFlag = 1;
const buildSection = ".go.buildinfo";

/** How often a program may hold the magic number without build information, as Go's own tools do. */
const mostCandidates = 32;

/** The build information of a program that is in memory; undefined where it has none. */
export function findGoBuild(bytes: Uint8Array, elf: Elf): GoBuild | undefined {
  let hasMagic = false;
  for (const candidate of candidates(bytes, elf)) {
    hasMagic = true;
    const found = tryParseInlineBuild(candidate) ?? readPointers(candidate, bytes, elf);
    if (found !== undefined) return found;
  }
  return hasMagic ? tryParseMarkedData(bytes) : undefined;
}

/**
 * What begins with the magic number: in its section, else, where sections were stripped or the linker put
 * it elsewhere, in the first data that can be written, as Go does it.
 */
function* candidates(bytes: Uint8Array, elf: Elf): Generator<Uint8Array> {
  const section = findSection(elf, buildSection);
  const data = elf.segments?.find(({ type, writable }) => type === segmentType.load && writable);
  const places = [
    section && sectionBytes(elf, section),
    data && bytes.subarray(data.offset, data.offset + data.size),
  ].filter((place) => place !== undefined);
  let tried = 0;
  for (const place of places) {
    const buffer = bufferOf(place);
    let at = buffer.indexOf(buildMagic);
    for (; at !== -1 && tried < mostCandidates; tried++) {
      yield buffer.subarray(at);
      at = buffer.indexOf(buildMagic, at + 1);
    }
  }
}

/** Build information with the texts behind it, at the start of `bytes`. */
export function tryParseInlineBuild(bytes: Uint8Array): GoBuild | undefined {
  const buffer = bufferOf(bytes);
  if (buffer.byteLength < headerSize || buffer.indexOf(buildMagic) !== 0) return undefined;
  if ((buffer[15]! & inlineFlag) === 0) return undefined;
  const version = readText(buffer, headerSize);
  if (version === undefined || version.text === "") return undefined;
  const data = readText(buffer, version.end);
  return data && buildOf(version.text, withoutMarks(data.text));
}

/** A text after its length in the base of 128 (encoding/binary, Uvarint). */
function readText(buffer: Buffer, at: number): { text: string; end: number } | undefined {
  let length = 0;
  let scale = 1;
  let next = at;
  for (;;) {
    const byte = buffer[next];
    if (byte === undefined || scale > 2 ** 28) return undefined;
    next += 1;
    length += (byte & 0x7f) * scale;
    if (byte < 0x80) break;
    scale *= 128;
  }
  const end = next + length;
  if (length > mostModuleData || end > buffer.byteLength) return undefined;
  // By bytes, because of the marks.
  return { text: buffer.toString("latin1", next, end), end };
}

/** Before Go 1.18: the addresses of two texts, each an address and a length. */
function readPointers(at: Uint8Array, bytes: Uint8Array, elf: Elf): GoBuild | undefined {
  const size = at[14];
  if (at.byteLength < headerSize || (size !== 4 && size !== 8)) return undefined;
  const littleEndian = (at[15]! & bigEndianFlag) === 0;
  const word = (from: Uint8Array, place: number): number => {
    const view = new DataView(from.buffer, from.byteOffset, from.byteLength);
    if (size === 4) return view.getUint32(place, littleEndian);
    return Number(view.getBigUint64(place, littleEndian));
  };
  const follow = (address: number, length: number): Uint8Array | undefined => {
    const offset = offsetOfAddress(elf, address);
    if (offset === undefined || offset + length > bytes.byteLength) return undefined;
    return bytes.subarray(offset, offset + length);
  };
  const [version, data] = [16, 16 + size].map((place) => {
    const text = follow(word(at, place), 2 * size);
    if (text === undefined) return undefined;
    const length = word(text, size);
    const found = length > mostModuleData ? undefined : follow(word(text, 0), length);
    return found && bufferOf(found).toString("latin1");
  });
  return version === undefined || version === "" || data === undefined
    ? undefined
    : buildOf(version, withoutMarks(data));
}

/** The module data between the first two marks in `bytes`; without the Go version, which is elsewhere. */
export function tryParseMarkedData(bytes: Uint8Array): GoBuild | undefined {
  const buffer = bufferOf(bytes);
  const start = buffer.indexOf(dataStart);
  const end = start === -1 ? -1 : buffer.indexOf(dataEnd, start);
  if (end === -1 || end - start > mostModuleData) return undefined;
  const data = buffer.toString("latin1", start + dataStart.byteLength, end);
  return /^(?:path|mod)\t/.test(data) ? buildOf(undefined, data) : undefined;
}

function withoutMarks(data: string): string {
  const marked =
    data.startsWith(dataStart.toString("latin1")) && data.endsWith(dataEnd.toString("latin1"));
  return marked ? data.slice(dataStart.byteLength, -dataEnd.byteLength) : "";
}

/** `data` is one byte for each character. */
function buildOf(goVersion: string | undefined, data: string): GoBuild {
  const modules = readModules(decodeName(Buffer.from(data, "latin1")));
  const release = /^go(\d[^\s]*)/.exec(goVersion ?? "")?.[1];
  const library =
    release === undefined
      ? undefined
      : statedPackage("golang", { name: "stdlib", version: release });
  return {
    ...(goVersion === undefined ? {} : { goVersion }),
    modules: library === undefined ? modules : [...modules, library],
  };
}

interface Module {
  readonly path: string;
  readonly version: string;
}

/**
 * Lines of fields with tabs between (runtime/debug, BuildInfo): `mod` is the main module, `dep` another,
 * and `=>` what stands in for the one before. A folder that does has no version: whose code it is, is
 * not known, and it keeps the name of what it replaces.
 */
function readModules(data: string): readonly StatedPackage[] {
  const modules: Module[] = [];
  for (const line of data.split("\n")) {
    const [kind, path = "", version = ""] = line.split("\t");
    if (kind === "mod" || kind === "dep") modules.push({ path, version });
    const last = kind === "=>" ? modules.pop() : undefined;
    if (last !== undefined)
      modules.push(version === "" ? { path: last.path, version: "" } : { path, version });
  }
  return modules
    .map(({ path, version }) =>
      statedPackage("golang", { name: path, version: version === "(devel)" ? "" : version }),
    )
    .filter((each) => each !== undefined);
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
