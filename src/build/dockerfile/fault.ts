/** Faults: errors of a build that stand at a place in the Dockerfile. */
import { BivyError } from "../../base/index.ts";
import {
  ExpansionError,
  formatProblem,
  type Location,
  type Source,
} from "../../dockerfile/index.ts";

/** An error with line, column and an excerpt. */
export function faultAt(
  source: Source,
  location: Location,
  message: string,
  hint?: string,
): BivyError {
  return new BivyError(
    "dockerfile-invalid",
    formatProblem(source, { ...location, message }),
    hint === undefined ? {} : { hint },
  );
}

/** Runs `read`, and tells of what cannot be expanded where it stands. */
export function located<Result>(source: Source, location: Location, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (error instanceof ExpansionError) throw faultAt(source, location, error.message, error.hint);
    throw error;
  }
}
