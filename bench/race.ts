/**
 * Race: commands that run in turns, again and again, as whole processes, so that whatever else the
 * machine does falls on all of them alike. The median of each counts.
 */
import { spawnSync } from "node:child_process";

/** One command of a race. */
export interface Contender {
  readonly name: string;
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Done before each run, and not timed. */
  readonly prepare?: () => void;
  /** Times that the program took inside, in milliseconds, read from what it wrote on stderr. */
  readonly inside?: (stderr: string) => Readonly<Record<string, number>>;
}

/** Milliseconds, as a median, and how many runs it stands for. */
export interface Measured {
  readonly median: number;
  readonly fastest: number;
  readonly runs: number;
}

export type Measurements = ReadonlyMap<string, Measured>;

/** Runs every contender `runs` times, after one run each that does not count. */
export function race(contenders: readonly Contender[], runs: number): Measurements {
  const times = new Map<string, number[]>();
  const note = (name: string, milliseconds: number) => {
    const before = times.get(name);
    if (before === undefined) times.set(name, [milliseconds]);
    else before.push(milliseconds);
  };
  for (const contender of contenders) runOnce(contender);
  for (let run = 0; run < runs; run++)
    for (const contender of contenders) {
      const { milliseconds, stderr } = runOnce(contender);
      note(contender.name, milliseconds);
      for (const [part, inside] of Object.entries(contender.inside?.(stderr) ?? {}))
        note(`${contender.name}: ${part}`, inside);
    }
  return new Map([...times].map(([name, values]) => [name, summarize(values)]));
}

function runOnce(contender: Contender): { milliseconds: number; stderr: string } {
  const { name, command, environment, prepare } = contender;
  prepare?.();
  const [program, ...words] = command;
  const start = performance.now();
  const { error, status, stderr } = spawnSync(program!, words, {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...environment },
    encoding: "utf8",
  });
  const milliseconds = performance.now() - start;
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${name} ended with exit code ${status}: ${stderr}`);
  return { milliseconds, stderr };
}

/** What a contender prints, for a check that all of them do the same work. */
export function outputOf({ name, command, environment }: Contender): string {
  const [program, ...words] = command;
  const { error, status, stdout, stderr } = spawnSync(program!, words, {
    env: { ...process.env, ...environment },
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${name} ended with exit code ${status}: ${stderr}`);
  return stdout;
}

function summarize(values: readonly number[]): Measured {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median =
    sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, fastest: sorted[0]!, runs: values.length };
}
