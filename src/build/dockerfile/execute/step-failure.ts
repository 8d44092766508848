/** Failures of steps: what went wrong, at the line of the Dockerfile where it did. */
import { BivyError, isBivyError } from "../../../base/index.ts";
import { formatProblem, type Location, type Source } from "../../../dockerfile/index.ts";

/** The same error, told with its line; one that has its place already stays as it is. */
export function failureAt(error: unknown, source: Source, location: Location): unknown {
  if (!isBivyError(error) || error.code === "aborted") return error;
  if (error.message.startsWith(`${source.subject}:`)) return error;
  const { offset, line, column } = location;
  const end = endOfLine(source, location);
  return new BivyError(
    error.code,
    formatProblem(source, { offset, end, line, column, message: error.message }),
    { cause: error, ...(error.hint === undefined ? {} : { hint: error.hint }) },
  );
}

/** What to do about a command that failed, as far as the end of what it printed tells of apk's reasons. */
export function adviceOn(said: string): string {
  const missing = [...said.matchAll(/^\s+(\S+) \(no such package\):?$/gm)].map(([, name]) => name);
  const unreached = /^WARNING: (?:fetching|opening|updating) (\S+): /m.exec(said)?.[1];
  if (unreached !== undefined)
    return `apk could not reach ${unreached}: check the network, or build from a lock with --locked.`;
  if (missing.length > 0)
    return `No repository of the image has ${missing.join(" or ")}: check the name, and the lines of /etc/apk/repositories.`;
  return "What it printed is above.";
}

/** An instruction may have many lines, and an excerpt shows where it begins. */
function endOfLine({ text }: Source, { offset, end }: Location): number {
  const newline = text.indexOf("\n", offset);
  return newline === -1 ? end : Math.min(end, newline);
}

/** The longest text of an instruction that is shown on one line. */
const longestTitle = 160;

/** An instruction on one line, without the marks that join its lines, and of a heredoc its first line. */
export function titleOf({ text }: Source, { offset, end }: Location): string {
  const whole = text.slice(offset, Math.min(end, offset + 20 * longestTitle));
  const joined = whole.replace(/[\\`][ \t]*\r?\n(?:[ \t]*#[^\n]*\n)*[ \t]*/g, "");
  const first = joined.split("\n", 1)[0]!.replace(/\s+/g, " ").trim();
  return first.length > longestTitle ? `${first.slice(0, longestTitle - 1)}…` : first;
}
