/**
 * Inspection: contents looked at while the layers of an image stream by, for what they say about
 * packages and programs.
 *
 * A file is chosen by its path where it is a document (package.json, METADATA), else by its first bytes;
 * nothing more is looked at of any other. What is chosen is read as a whole where it is not larger than
 * `inspected-size` (documents: `document-size`), into one buffer that all files share, one after the
 * other. So memory is bounded by the limits, not by the image; what is found is small, and stays.
 */
import { concatBytes, defaultLimits, emptyBytes, type Limits } from "../base/index.ts";
import { looksLikeElf } from "../elf/index.ts";
import type { FileNode, Inspector } from "../tree/index.ts";
import { largeExecutable, besideWindow, readExecutable } from "./executable.ts";
import type { Finding, Reader } from "./finding.ts";
import { documentReader, type DocumentReader } from "./languages/documents.ts";
import { goWindowSize } from "./languages/go-scan.ts";
import { isJavaArchive, mayBeJavaArchive, readJavaArchive } from "./languages/java.ts";

export interface Inspection {
  /** The hook of `ReadLayersOptions`. */
  readonly inspect: (path: string, size: number) => Inspector | undefined;
  findingOf(file: FileNode): Finding | undefined;
  /** The most bytes of contents that were kept at once. */
  readonly mostKept: number;
}

/** Packages that are kept of one image, which no image has: those of replaced files count. */
const mostPackages = 250_000;

/** Bytes that tell what a file is. */
const firstBytes = 4;
/** Bytes of the smallest file that can be looked at: an empty archive. */
const smallestFile = 22;

export function startInspection(limits: Limits = defaultLimits): Inspection {
  const findings = new WeakMap<FileNode, Finding>();
  const room = new Room(limits["inspected-size"]);
  let left = mostPackages;
  /** Within what is left; said once for each file that goes without. */
  const withinReason = (finding: Finding, path: string): Finding => {
    const { packages, problems } = finding;
    if (packages.length <= left) {
      left -= packages.length;
      return finding;
    }
    const said = `${path}: the image has more than ${mostPackages} packages; those in it were left out`;
    return { ...finding, packages: [], problems: [...problems, said] };
  };
  const inspectorFor = (
    path: string,
    needed: number,
    choose: (first: Uint8Array) => Reader | undefined,
  ): Inspector => {
    let reader: Reader | undefined;
    let first = emptyBytes;
    return {
      take(chunk) {
        if (reader !== undefined) return reader.take(chunk);
        const known = first.byteLength === 0 ? chunk : concatBytes([first, chunk]);
        if (known.byteLength < needed) {
          first = Uint8Array.from(known);
          return true;
        }
        reader = choose(known);
        return reader?.take(known) ?? false;
      },
      finish(file) {
        const finding = reader?.finding();
        if (finding !== undefined) findings.set(file, withinReason(finding, path));
      },
    };
  };
  return {
    inspect(path, size) {
      const document = documentReader(path);
      if (document !== undefined)
        return inspectorFor(path, 1, () => documentFile(path, size, document, limits, room));
      if (size < smallestFile) return undefined;
      return inspectorFor(path, firstBytes, (first) => binaryFile(first, path, size, limits, room));
    },
    findingOf: (file) => findings.get(file),
    get mostKept() {
      return room.most;
    },
  };
}

function documentFile(
  path: string,
  size: number,
  read: DocumentReader,
  limits: Limits,
  room: Room,
): Reader {
  const most = limits["document-size"];
  if (size > most) return tooLarge(path, size, most);
  return wholeFile(size, room, (bytes) => {
    const packages = read(bytes);
    const problems = packages === undefined ? [`${path}: states no package`] : [];
    return { packages: packages ?? [], isStatic: false, problems };
  });
}

function binaryFile(
  first: Uint8Array,
  path: string,
  size: number,
  limits: Limits,
  room: Room,
): Reader | undefined {
  const most = limits["inspected-size"];
  if (looksLikeElf(first)) {
    if (size <= most) return wholeFile(size, room, (bytes) => readExecutable(bytes, path));
    return largeExecutable(path, room.take(goWindowSize, besideWindow));
  }
  if (!isJavaArchive(path) || !mayBeJavaArchive(first)) return undefined;
  if (size > most) return tooLarge(path, size, most);
  return wholeFile(size, room, (bytes) => ({
    ...readJavaArchive(bytes, path, limits),
    isStatic: false,
  }));
}

function tooLarge(path: string, size: number, most: number): Reader {
  const said = `${path}: expected at most ${most} bytes, found ${size}; it was not looked into`;
  return {
    take: () => false,
    finding: () => ({ packages: [], isStatic: false, problems: [said] }),
  };
}

/** Reads a file once all of it is there; most come in one chunk, and are not copied. */
function wholeFile(
  size: number,
  room: Room,
  read: (bytes: Uint8Array) => Finding | undefined,
): Reader {
  let gathered: Buffer | undefined;
  let filled = 0;
  let finding: Finding | undefined;
  return {
    take(chunk) {
      if (filled === 0 && chunk.byteLength === size) {
        finding = read(chunk);
        return false;
      }
      gathered ??= room.take(size);
      gathered.set(chunk, filled);
      filled += chunk.byteLength;
      if (filled < size) return true;
      finding = read(gathered);
      return false;
    },
    finding: () => finding,
  };
}

/** The buffer that all files share, one after the other. */
class Room {
  most = 0;
  readonly #limit: number;
  #buffer = Buffer.alloc(0);

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Room for `size` bytes, whatever stands in it; `beside` is what is kept elsewhere for the file. */
  take(size: number, beside = 0): Buffer {
    if (this.#buffer.byteLength < size) {
      // Not by a little for each file that is a little larger.
      const grown = Math.min(2 * this.#buffer.byteLength, this.#limit);
      this.#buffer = Buffer.allocUnsafeSlow(Math.max(size, grown));
    }
    this.most = Math.max(this.most, this.#buffer.byteLength + beside);
    return this.#buffer.subarray(0, size);
  }
}
