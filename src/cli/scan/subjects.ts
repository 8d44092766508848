/** The subjects of a command: what its arguments name, read several at once. */
import { isBivyError, type BivyError } from "../../base/index.ts";
import type { ScanSubject } from "../../scan/index.ts";
import type { ImageFlags } from "../image-source.ts";
import { readTarget } from "../read-target.ts";
import type { Session } from "../session.ts";

/** What became of one argument. */
export type Outcome<T> =
  | { readonly target: string; readonly value: T }
  | { readonly target: string; readonly error: BivyError };

/** Arguments that are worked at once: each keeps one processor busy while it reads. */
const atOnce = 4;

/**
 * Does the work for each argument; the results are in their order. What fails does not keep the others
 * from being done, but an interruption does.
 */
export async function forEachTarget<T>(
  targets: readonly string[],
  work: (target: string) => Promise<T>,
): Promise<readonly Outcome<T>[]> {
  const outcomes: Outcome<T>[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < targets.length) {
      const at = next++;
      const target = targets[at]!;
      try {
        outcomes[at] = { target, value: await work(target) };
      } catch (error) {
        if (!isBivyError(error) || error.code === "aborted") throw error;
        outcomes[at] = { target, error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, targets.length) }, worker));
  return outcomes;
}

/** The subject that an argument names: an image, a root, or a bill of materials. */
export async function subjectOf(
  argument: string,
  flags: ImageFlags,
  session: Session,
): Promise<ScanSubject> {
  const { subjectOfDocument, subjectOfInventory } = await import("../../scan/index.ts");
  const target = await readTarget(argument, flags, session, { inspects: true });
  return target.kind === "sbom"
    ? subjectOfDocument(target.document, argument)
    : subjectOfInventory(target.inventory);
}
