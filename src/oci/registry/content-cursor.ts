/** Content cursors: parts of a content, one after another, from the beginning again where need be. */
import { BivyError, type Chunks } from "../../base/index.ts";

/**
 * One pass over the content. Whoever reads a part may be left in the middle of it, still waiting for the
 * source: such a pass is not gone on with, and what it does yet concerns no other.
 */
interface Pass {
  readonly source: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  /** Where `rest` begins. */
  position: number;
  /** What was read beyond the last part. */
  rest: Uint8Array | undefined;
  /** The last part was read to its end. */
  isAtRest: boolean;
}

/** Reads on from where it is for as long as the parts follow each other. */
export class ContentCursor {
  readonly #open: () => Chunks;
  #pass: Pass | undefined;

  constructor(open: () => Chunks) {
    this.#open = open;
  }

  /**
   * The bytes from `start` to before `end`. With `isLast` the content is read to its end before the last
   * of them is given, so that whoever verifies it can refuse it while it is not whole at the receiver's.
   */
  async *part(start: number, end: number, isLast: boolean): AsyncGenerator<Uint8Array, void, void> {
    const pass = this.#passTo(start);
    try {
      yield* readOn(pass, start, end, isLast);
    } catch (error) {
      // What becomes of a source that nobody waits for any more is no failure.
      if (pass === this.#pass) throw error;
    }
  }

  /** Lets go of the source. */
  close(): void {
    const source = this.#pass?.source;
    this.#pass = undefined;
    // It may be waiting for bytes that never come: nobody waits for it.
    void Promise.resolve(source?.return?.()).catch(() => undefined);
  }

  #passTo(start: number): Pass {
    const before = this.#pass;
    if (before?.isAtRest === true && before.position <= start) {
      before.isAtRest = false;
      return before;
    }
    this.close();
    const chunks = this.#open();
    const source =
      Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]();
    const pass: Pass = { source, position: 0, rest: undefined, isAtRest: false };
    this.#pass = pass;
    return pass;
  }
}

async function* readOn(
  pass: Pass,
  start: number,
  end: number,
  isLast: boolean,
): AsyncGenerator<Uint8Array, void, void> {
  while (pass.position < end) {
    const chunk = pass.rest ?? (await pass.source.next()).value;
    pass.rest = undefined;
    if (chunk === undefined)
      throw new BivyError(
        "image-invalid",
        `blob: expected at least ${end} bytes, found ${pass.position}`,
      );
    const from = Math.max(0, start - pass.position);
    const until = Math.min(chunk.byteLength, end - pass.position);
    if (until < chunk.byteLength) pass.rest = chunk.subarray(until);
    pass.position += until;
    if (pass.position === end) {
      if (isLast) while (pass.rest === undefined && (await pass.source.next()).done !== true);
      // The receiver may answer, and ask for the next part, before this one is told that it was taken.
      pass.isAtRest = true;
    }
    if (from < until) yield chunk.subarray(from, until);
  }
  pass.isAtRest = true;
}
