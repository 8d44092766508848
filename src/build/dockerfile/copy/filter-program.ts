/**
 * Filter programs: bzip2 and xz of the host, which unpack what Node cannot. They see bytes and nothing
 * else, and what they give is bounded like every other stream.
 */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import {
  throwIfAborted,
  BivyError,
  limitExceeded,
  type Chunks,
  type Limits,
} from "../../../base/index.ts";

export type FilterProgram = "bzip2" | "xz";

export interface FilterOptions {
  readonly limits: Limits;
  readonly signal?: AbortSignal | undefined;
}

/** What a program's messages are cut to. */
const longestComplaint = 4096;

/**
 * Unpacks a stream. Throws `file-not-found` where the program is not installed, `tar-invalid` where it
 * refuses the data, `limit-exceeded`, and what reading the source throws.
 */
export async function* filterThrough(
  program: FilterProgram,
  source: Chunks,
  subject: string,
  options: FilterOptions,
): AsyncGenerator<Uint8Array> {
  const child = spawn(program, ["-dc"], { stdio: "pipe", env: filterEnvironment() });
  const running = new RunningFilter(child, program, subject);
  try {
    const meter = new Meter(subject, options.limits);
    const feeding = running.feed(meter.count(source));
    for await (const chunk of child.stdout as AsyncIterable<Uint8Array>) {
      throwIfAborted(options.signal);
      meter.add(chunk.byteLength);
      yield chunk;
    }
    await running.finish(feeding);
  } finally {
    child.kill("SIGKILL");
  }
}

/** Only what a program is found by: xz takes options from variables. */
function filterEnvironment(): NodeJS.ProcessEnv {
  const { PATH = "/usr/local/bin:/usr/bin:/bin" } = process.env;
  return { PATH, LC_ALL: "C" };
}

class RunningFilter {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #program: FilterProgram;
  readonly #subject: string;
  readonly #closed: Promise<number | null>;
  #failure: NodeJS.ErrnoException | undefined;
  #complaint = "";

  constructor(child: ChildProcessWithoutNullStreams, program: FilterProgram, subject: string) {
    this.#child = child;
    this.#program = program;
    this.#subject = subject;
    child.on("error", (error) => (this.#failure = error));
    child.stderr.on("data", (chunk: Buffer) => {
      this.#complaint = (this.#complaint + chunk.toString()).slice(0, longestComplaint);
    });
    this.#closed = once(child, "close").then(
      ([code]) => code as number | null,
      () => null,
    );
  }

  /** Gives the error of the source; that the program stops reading early is told by its exit code. */
  async feed(source: AsyncGenerator<Uint8Array>): Promise<unknown> {
    let failure: unknown;
    const watched = Readable.from(
      (async function* () {
        try {
          yield* source;
        } catch (error) {
          failure = error;
          throw error;
        }
      })(),
      { objectMode: false },
    );
    await pipeline(watched, this.#child.stdin).catch(() => undefined);
    return failure;
  }

  async finish(feeding: Promise<unknown>): Promise<void> {
    const code = await this.#closed;
    if (this.#failure !== undefined) throw this.#notStarted(this.#failure);
    const failure = await feeding;
    if (failure !== undefined) throw failure;
    if (code === 0) return;
    throw new BivyError(
      "tar-invalid",
      `${this.#subject}: the ${this.#program} data is damaged: ${this.#complaint.trim() || "no reason given"}`,
      { hint: "Make the archive anew, or add it as it is with --unpack=false." },
    );
  }

  #notStarted(cause: NodeJS.ErrnoException): BivyError {
    return new BivyError(
      "file-not-found",
      `${this.#subject}: to unpack it, the program ${this.#program} is needed, and could not be started (${cause.code ?? cause.message})`,
      {
        cause,
        hint: `Install ${this.#program}, pack the archive with gzip or zstd, or add it as it is with --unpack=false.`,
      },
    );
  }
}

/** Counts both sides, and stops a bomb while it goes off. */
class Meter {
  readonly #subject: string;
  readonly #limits: Limits;
  #packed = 0;
  #unpacked = 0;

  constructor(subject: string, limits: Limits) {
    this.#subject = subject;
    this.#limits = limits;
  }

  async *count(source: Chunks): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      this.#packed += chunk.byteLength;
      yield chunk;
    }
  }

  add(size: number): void {
    this.#unpacked += size;
    const limits = this.#limits;
    if (this.#unpacked > limits["unpacked-size"])
      throw limitExceeded("unpacked-size", limits, this.#subject);
    if (this.#unpacked > Math.max(limits["ratio-floor"], this.#packed * limits.ratio))
      throw limitExceeded("ratio", limits, this.#subject);
  }
}
