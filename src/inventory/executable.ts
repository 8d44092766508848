/**
 * Executables: what an ELF file says about itself: what it is made of, and whether it is statically
 * linked. One that is larger than `inspected-size` is looked at while it streams by: its first and last
 * bytes, its dynamic entries, and whatever looks like Go's build information.
 */
import {
  findSection,
  isStaticExecutable,
  sectionBytes,
  segmentType,
  tryParseElf,
  type Elf,
  type ElfPiece,
} from "../elf/index.ts";
import { GoScan } from "./languages/go-scan.ts";
import { findGoBuild, type GoBuild } from "./languages/go.ts";
import { crateSection, tryParseCrates } from "./languages/rust.ts";
import type { Finding, Reader } from "./finding.ts";

/** Undefined where there is nothing to say about it. */
export function readExecutable(bytes: Uint8Array, path: string): Finding | undefined {
  const elf = tryParseElf(bytes);
  if (elf === undefined) return problem(`${path}: begins as an ELF file, and is none`);
  if (!isLinked(elf)) return undefined;
  return describe(elf, findGoBuild(bytes, elf), path);
}

/** Object files and kernel modules are parts of programs. */
function isLinked({ header: { type } }: Elf): boolean {
  return type === "executable" || type === "shared";
}

function describe(elf: Elf, go: GoBuild | undefined, path: string): Finding | undefined {
  const problems: string[] = [];
  const isStatic = isStaticExecutable(elf);
  if (isStatic === undefined) problems.push(`${path}: how it is linked could not be read`);
  const crates = readCrates(elf, go, (said) => problems.push(`${path}: ${said}`));
  const packages = [...(go?.modules ?? []), ...crates];
  if (packages.length === 0 && isStatic !== true && problems.length === 0) return undefined;
  return { packages, isStatic: isStatic === true, problems };
}

function readCrates(elf: Elf, go: GoBuild | undefined, note: (said: string) => void) {
  if (elf.sections === undefined) {
    // A Go program has none, whatever its sections are.
    if (go === undefined) note("its sections could not be read, so its Rust crates are not known");
    return [];
  }
  const section = findSection(elf, crateSection);
  if (section === undefined) return [];
  const bytes = sectionBytes(elf, section);
  if (bytes === undefined) note("its list of Rust crates lies beyond what is looked at");
  const crates = bytes && tryParseCrates(bytes);
  if (bytes !== undefined && crates === undefined) note("its list of Rust crates is damaged");
  return crates ?? [];
}

function problem(said: string): Finding {
  return { packages: [], isStatic: false, problems: [said] };
}

/** Bytes at the start that are kept: the header and the program headers. */
const headSize = 64 * 1024;
/** Bytes of dynamic entries that are kept. */
const dynamicSize = 64 * 1024;

/** Bytes that reading a large executable keeps beside the window. */
export const besideWindow = headSize + dynamicSize;

/** Reads an executable of which little more than a window of `goWindowSize` bytes is kept. */
export function largeExecutable(path: string, window: Buffer): Reader {
  const scan = new GoScan(window);
  const head = new Capture(0, headSize);
  let dynamic: Capture | undefined;
  let position = 0;
  return {
    take(chunk) {
      head.take(position, chunk);
      if (dynamic === undefined && head.isFull) {
        dynamic = dynamicCapture(head.piece.bytes);
        dynamic.take(0, head.piece.bytes);
      }
      dynamic?.take(position, chunk);
      scan.take(chunk);
      position += chunk.byteLength;
      return true;
    },
    finding() {
      const go = scan.finish();
      const pieces = [dynamic?.piece, scan.tail].filter((piece) => piece !== undefined);
      const elf = tryParseElf(head.piece.bytes, pieces);
      if (elf === undefined) return problem(`${path}: begins as an ELF file, and is none`);
      return isLinked(elf) ? describe(elf, go, path) : undefined;
    },
  };
}

function dynamicCapture(head: Uint8Array): Capture {
  const segment = tryParseElf(head)?.segments?.find(({ type }) => type === segmentType.dynamic);
  return new Capture(segment?.offset ?? 0, Math.min(segment?.size ?? 0, dynamicSize));
}

/** A part of a stream that is kept. */
class Capture {
  readonly #offset: number;
  readonly #bytes: Uint8Array;
  #filled = 0;

  constructor(offset: number, size: number) {
    this.#offset = offset;
    this.#bytes = new Uint8Array(size);
  }

  get isFull(): boolean {
    return this.#filled === this.#bytes.byteLength;
  }

  get piece(): ElfPiece {
    return { offset: this.#offset, bytes: this.#bytes.subarray(0, this.#filled) };
  }

  /** Is shown a chunk that begins at `position`; what it has already is passed over. */
  take(position: number, chunk: Uint8Array): void {
    const from = this.#offset + this.#filled - position;
    if (this.isFull || from < 0 || from >= chunk.byteLength) return;
    const part = chunk.subarray(from, from + this.#bytes.byteLength - this.#filled);
    this.#bytes.set(part, this.#filled);
    this.#filled += part.byteLength;
  }
}
