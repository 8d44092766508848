/** Findings: what locking cannot read out of a Dockerfile, and where that stands. */
import { type Location } from "../../../dockerfile/index.ts";

export interface Finding {
  /** The line of the instruction, from 1. */
  readonly line: number;
  /** The command as it is written. */
  readonly text: string;
  /** As the end of a sentence that begins with "not known:". */
  readonly reason: string;
  /**
   * Whether the packages of the step, and of those behind it, are not known by it. A recording build
   * tells them.
   */
  readonly blocking: boolean;
  /** What the user can do, where it is something else than recording. */
  readonly hint?: string;
}

export function findingAt(
  { line }: Location,
  text: string,
  reason: string,
  details: { readonly blocking: boolean; readonly hint?: string },
): Finding {
  return { line, text, reason, ...details };
}
