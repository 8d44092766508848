/**
 * Engine: drives one of node:zlib's streams by hand, so that the exact number of bytes that it took
 * from its input is known, no more than one chunk waits on either side, and it is always destroyed.
 */
import type { Transform } from "node:stream";
import { concatBytes, type Chunks } from "../base/index.ts";

/** Bytes of one output chunk; the 16 KiB default costs 40% of the speed of unpacking. */
export const engineChunkSize = 256 * 1024;

/** A stream of node:zlib; `bytesWritten` counts the bytes that it took. */
export type Engine = Transform & { readonly bytesWritten: number };

export interface EngineInput {
  /** The next bytes, which are asked for once those before are used up; undefined at the end. */
  next(): Promise<Uint8Array | undefined>;
  /** Is told how many bytes of the last chunk were taken: all of them, unless the data ended within. */
  used(count: number): void;
}

/**
 * Yields what the engine makes of its input, until the end of the input or the end that the data
 * itself marks. Errors of the engine are thrown as they are.
 */
export async function* runEngine(engine: Engine, input: EngineInput): AsyncGenerator<Uint8Array> {
  let wake: (() => void) | undefined;
  let woken = false;
  let taking = false;
  let ended = false;
  let failure: Error | undefined;
  const signal = (): void => {
    woken = true;
    wake?.();
  };
  engine.on("readable", signal);
  engine.once("end", () => {
    ended = true;
    signal();
  });
  engine.on("error", (error: Error) => {
    failure = error;
    signal();
  });
  let pending = 0;
  let takenBefore = 0;
  let inputEnded = false;
  /** Reports what was taken of the last chunk; false when the data ended within it. */
  const settle = (): boolean => {
    const taken = engine.bytesWritten - takenBefore;
    const all = taken >= pending;
    if (pending > 0) input.used(taken);
    pending = 0;
    takenBefore = engine.bytesWritten;
    return all;
  };
  try {
    while (true) {
      woken = false;
      const out = engine.read() as Uint8Array | null;
      if (out !== null) {
        yield out;
        continue;
      }
      if (failure !== undefined) throw failure;
      if (ended) break;
      if (!taking && !inputEnded) {
        // Data that ended within a chunk is followed by the engine's own end.
        inputEnded = !settle();
        const chunk = inputEnded ? undefined : await input.next();
        if (chunk !== undefined) {
          taking = true;
          pending = chunk.byteLength;
          engine.write(chunk, () => {
            taking = false;
            signal();
          });
        } else if (!inputEnded) {
          inputEnded = true;
          engine.end();
        }
      }
      if (!woken) await new Promise<void>((resolve) => (wake = resolve));
    }
    settle();
  } finally {
    engine.destroy();
  }
}

/**
 * Joins and cuts chunks into pieces of one size: compressors then give the same bytes however their
 * input was cut, and are not called for every little piece.
 */
export async function* regroup(source: Chunks, size: number): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = [];
  let held = 0;
  for await (const chunk of source) {
    let at = 0;
    while (held + chunk.byteLength - at >= size) {
      const end = at + size - held;
      parts.push(chunk.subarray(at, end));
      yield concatBytes(parts);
      parts = [];
      held = 0;
      at = end;
    }
    if (at < chunk.byteLength) {
      parts.push(at === 0 ? chunk : chunk.subarray(at));
      held += chunk.byteLength - at;
    }
  }
  if (held > 0) yield concatBytes(parts);
}

/** The input of an engine that is to take a whole source. */
export function wholeInput(source: AsyncGenerator<Uint8Array>): EngineInput {
  return {
    async next() {
      const result = await source.next();
      return result.done === true ? undefined : result.value;
    },
    used() {},
  };
}
