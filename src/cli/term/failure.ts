/** Failures as a person reads them: what went wrong, why, and what to do. */
import { BivyError, isBivyError, type ErrorCode } from "../../base/index.ts";
import { paint, printNote } from "./streams.ts";

/** 0 done, 1 a check found something, 2 wrong usage or configuration, 3 it could not be done. */
export type ExitCode = 0 | 1 | 2 | 3 | 130;

const usageCodes: ReadonlySet<ErrorCode> = new Set([
  "usage",
  "config-invalid",
  "dockerfile-invalid",
  "pattern-invalid",
  "atom-invalid",
  "version-invalid",
  "reference-invalid",
  "repositories-invalid",
  "url-invalid",
  "arch-invalid",
  "ignore-file-invalid",
  "lock-missing",
  "lock-invalid",
  "lock-outdated",
]);

/** Says what went wrong, and gives the exit code that belongs to it. */
export function printFailure(error: unknown, asJson: boolean): ExitCode {
  const failure = asBivyError(error);
  if (failure === undefined) {
    printNote(`${paint("red", "error:")} ${describeBug(error)}`);
    return 3;
  }
  if (asJson)
    printNote(
      JSON.stringify({
        type: "error",
        code: failure.code,
        message: failure.message,
        hint: failure.hint,
      }),
    );
  else {
    printNote(`${paint("red", "error:")} ${failure.message} ${paint("dim", `[${failure.code}]`)}`);
    if (failure.hint !== undefined) printNote(`${paint("bold", "hint:")} ${failure.hint}`);
  }
  return exitCodeOf(failure);
}

function exitCodeOf(error: BivyError): ExitCode {
  if (error.code === "aborted") return 130;
  return usageCodes.has(error.code) ? 2 : 3;
}

function asBivyError(error: unknown): BivyError | undefined {
  if (isBivyError(error)) return error;
  if (error instanceof Error && error.name === "AbortError")
    return new BivyError("aborted", "interrupted", { cause: error });
  return undefined;
}

function describeBug(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `this is a fault in bivy itself; please report it with what follows.\n${stack}`;
}
