/**
 * GoScan: looks for Go's build information in a program that streams by and is too large to be kept.
 *
 * A window of the stream is in memory. What begins like build information or module data is read once
 * all that can belong to it is in the window; the next window begins where the search has come to. Since
 * Go 1.18 the module data stand twice, and first without the Go version: so the search goes on for the
 * build information, and the module data alone count only where there is none.
 */
import type { ElfPiece } from "../../elf/index.ts";
import {
  buildMagic,
  dataStart,
  mostModuleData,
  tryParseInlineBuild,
  tryParseMarkedData,
  type GoBuild,
} from "./go.ts";

/** Bytes that belong to build information at most: the module data, and what stands before it. */
const longestBuild = mostModuleData + 4096;
export const goWindowSize = 2 * longestBuild;
/** Bytes at the end of the stream that stay in the window: the section headers, as a rule. */
const tailSize = 256 * 1024;
/** How many places may look like one without being one: a hostile program could have any number. */
const mostCandidates = 64;

export class GoScan {
  readonly #window: Buffer;
  #filled = 0;
  /** Where the window begins in the stream. */
  #offset = 0;
  /** Where in the window the search goes on. */
  #from = 0;
  #candidates = 0;
  #inline: GoBuild | undefined;
  #marked: GoBuild | undefined;

  /** `window` has `goWindowSize` bytes, which are its own as long as it is in use. */
  constructor(window: Buffer) {
    this.#window = window;
  }

  take(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.byteLength;) {
      const size = Math.min(chunk.byteLength - at, this.#window.byteLength - this.#filled);
      this.#window.set(chunk.subarray(at, at + size), this.#filled);
      this.#filled += size;
      at += size;
      if (this.#filled === this.#window.byteLength) this.#advance();
    }
  }

  /** What was found, once the stream is over. */
  finish(): GoBuild | undefined {
    this.#search(true);
    return this.#inline ?? this.#marked;
  }

  /** The end of the stream, as far as it is in the window. */
  get tail(): ElfPiece {
    return { offset: this.#offset, bytes: this.#window.subarray(0, this.#filled) };
  }

  #advance(): void {
    this.#search(false);
    const start = Math.min(this.#from, this.#filled - tailSize);
    this.#window.copyWithin(0, start, this.#filled);
    this.#filled -= start;
    this.#from -= start;
    this.#offset += start;
  }

  #search(isOver: boolean): void {
    const buffer = this.#window.subarray(0, this.#filled);
    while (this.#inline === undefined && this.#candidates < mostCandidates) {
      const at = nearest(buffer, this.#from);
      if (at === -1) {
        // A mark may go on in the next chunk.
        this.#from = Math.max(this.#from, this.#filled - dataStart.byteLength);
        return;
      }
      this.#from = at;
      if (!isOver && at + longestBuild > this.#filled) return;
      const candidate = buffer.subarray(at, at + longestBuild);
      this.#inline = tryParseInlineBuild(candidate);
      if (candidate[0] === dataStart[0]) this.#marked ??= tryParseMarkedData(candidate);
      this.#candidates += 1;
      this.#from = at + 1;
    }
    this.#from = this.#filled;
  }
}

function nearest(buffer: Buffer, from: number): number {
  const places = [buildMagic, dataStart].map((mark) => buffer.indexOf(mark, from));
  const found = places.filter((at) => at !== -1);
  return found.length === 0 ? -1 : Math.min(...found);
}
