/** Report: the table of one benchmark, medians with their ratio to the peer of the same run. */
import type { Measurements } from "./race.ts";

export interface Comparison {
  readonly name: string;
  readonly peer: string;
  /** How many times the peer's median it is meant to stay below. */
  readonly goal?: number;
}

/** What a benchmark found, or why it could not run. */
export type Result =
  | {
      readonly measured: Measurements;
      readonly comparisons: readonly Comparison[];
      /** What a reader must know to understand a figure. */
      readonly notes?: readonly string[];
    }
  | { readonly skipped: string };

export interface Benchmark {
  readonly name: string;
  /** What is timed, and what it is compared with. */
  readonly summary: string;
  run(): Result | Promise<Result>;
}

export function formatReport({ name, summary }: Benchmark, result: Result): string {
  const title = `${name}: ${summary}`;
  if ("skipped" in result) return `${title}\n  skipped: ${result.skipped}\n`;
  const { measured, comparisons, notes = [] } = result;
  const width = Math.max(...[...measured.keys()].map((each) => each.length));
  const lines = [...measured].map(([each, { median, fastest, runs }]) => {
    const times = `${milliseconds(median)}  ${milliseconds(fastest)}  ${String(runs).padStart(4)}`;
    const compared = comparisons.filter((comparison) => comparison.name === each);
    const ratios = compared.map((comparison) => formatRatio(comparison, measured));
    return `  ${each.padEnd(width)}  ${times}  ${ratios.join("; ")}`.trimEnd();
  });
  const head = `  ${"".padEnd(width)}      median     fastest  runs`;
  return [title, head, ...lines, ...notes.map((note) => `  ${note}`), ""].join("\n");
}

function formatRatio({ name, peer, goal }: Comparison, measured: Measurements): string {
  const [own, other] = [measured.get(name), measured.get(peer)];
  if (own === undefined || other === undefined) return `(no figure for ${peer})`;
  const ratio = own.median / other.median;
  const verdict =
    goal === undefined ? "" : ` (goal: below ${goal}x, ${ratio < goal ? "met" : "missed"})`;
  return `${ratio.toFixed(2)}x ${peer}${verdict}`;
}

function milliseconds(value: number): string {
  return `${value.toFixed(1).padStart(7)} ms`;
}
