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
      outcomes[at] = await tryTarget({ target, value: target }, work);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, targets.length) }, worker));
  return outcomes;
}

/** Goes on with what came out; what failed stays as it is. */
export async function mapOutcomes<T, R>(
  outcomes: readonly Outcome<T>[],
  work: (value: T, target: string) => Promise<R>,
): Promise<readonly Outcome<R>[]> {
  const results: Outcome<R>[] = [];
  for (const outcome of outcomes)
    results.push("value" in outcome ? await tryTarget(outcome, work) : outcome);
  return results;
}

async function tryTarget<T, R>(
  { target, value }: { readonly target: string; readonly value: T },
  work: (value: T, target: string) => Promise<R>,
): Promise<Outcome<R>> {
  try {
    return { target, value: await work(value, target) };
  } catch (error) {
    if (!isBivyError(error) || error.code === "aborted") throw error;
    return { target, error };
  }
}

/** What became of an argument that failed, for standard error: its name, which most messages begin with. */
export function describeOutcome(target: string, { message, code }: BivyError): string {
  return `error: ${message.startsWith(target) ? "" : `${target}: `}${message} [${code}]`;
}

/** The subject that an argument names: an image, a root, or a bill of materials. */
export async function subjectOf(
  argument: string,
  flags: ImageFlags,
  session: Session,
): Promise<ScanSubject> {
  const target = await readTarget(argument, flags, session, { inspects: true });
  const { subjectOfDocument, subjectOfInventory } = await import("../../scan/index.ts");
  return target.kind === "sbom"
    ? subjectOfDocument(target.document, argument)
    : subjectOfInventory(target.inventory);
}
