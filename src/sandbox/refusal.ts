/** What it means when a container runtime did not start a command: the exit codes that shells and Docker use. */
import { BivyError } from "../base/index.ts";
import type { RuntimeName } from "./execute-request.ts";

const notFound = 127;
const notExecutable = 126;

/**
 * The command's exit code; `said` is the end of what was printed on standard error. The runtime's own
 * code is 1 for all failures, so that its words decide.
 */
export function exitCodeOf(
  runtime: RuntimeName,
  exitCode: number,
  wasRefused: boolean,
  said: string,
): number {
  const lastLine = said.trimEnd().split("\n").at(-1) ?? "";
  // bubblewrap leaves no sign of having started a command, only of not having.
  const isRefusal = wasRefused && (runtime !== "bwrap" || lastLine.startsWith("bwrap: "));
  if (!isRefusal || exitCode === 0 || exitCode > 128) return exitCode;
  if (/permission denied|exec format error|is a directory/i.test(lastLine)) return notExecutable;
  if (/not found|no such file/i.test(lastLine)) return notFound;
  throw new BivyError("sandbox-unavailable", `${runtime} did not start the command: ${lastLine}`, {
    hint: "Choose another runtime.",
  });
}
