/** Interruption: long work looks now and then whether it is still wanted. */
import { BivyError } from "./error.ts";

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true)
    throw new BivyError("aborted", "interrupted", { cause: signal.reason });
}
