/** Problems of an ignore file: what is wrong, and where it stands. */
import { BivyError } from "../../base/index.ts";
import type { IgnoreRule } from "./ignore-rules.ts";

export interface IgnoreProblem {
  /** In UTF-16 units from the start of the text. */
  readonly offset: number;
  readonly message: string;
  readonly hint?: string;
}

/** What a file holds: its rules count only where there is no problem. */
export interface ReadIgnore {
  readonly rules: readonly IgnoreRule[];
  readonly problems: readonly IgnoreProblem[];
  readonly warnings: readonly string[];
}

/** As many as a person reads at once. */
const mostShown = 20;

/** One error for all problems of a file: the first is the message, the others follow on their own lines. */
export function ignoreError(
  subject: string,
  text: string,
  problems: readonly IgnoreProblem[],
): BivyError {
  const sorted = problems.toSorted((a, b) => a.offset - b.offset);
  const lines = sorted
    .slice(0, mostShown)
    .map(({ offset, message }) => `${subject}:${placeOf(text, offset)}: ${message}`);
  if (sorted.length > mostShown) lines.push(`and ${sorted.length - mostShown} more`);
  return new BivyError("ignore-file-invalid", lines.join("\n  "), {
    hint: sorted[0]?.hint ?? "The format is described in docs/formats/ignore-file.md.",
  });
}

/** `line:column`, both counted from 1. */
function placeOf(text: string, offset: number): string {
  const lines = text.slice(0, offset).split("\n");
  return `${lines.length}:${lines.at(-1)!.length + 1}`;
}
