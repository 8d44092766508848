/** `--impact [TARGET=]LEVEL`: what the loss of a target would mean. */
import { BivyError } from "../../base/index.ts";

/** The impact of each target: what was said of it, else of all, else undefined. */
export async function impactsOf(
  words: readonly string[],
  targets: readonly string[],
): Promise<(target: string) => number | undefined> {
  const { parseImpact } = await import("../../scan/index.ts");
  let all: number | undefined;
  const own = new Map<string, number>();
  for (const word of words) {
    // A target may have an equals sign itself.
    const at = word.lastIndexOf("=");
    const level = parseImpact(word.slice(at + 1), `--impact ${word}`);
    if (at === -1) {
      all = level;
      continue;
    }
    const target = word.slice(0, at);
    if (!targets.includes(target))
      throw new BivyError("usage", `--impact ${word}: ${target} is not among the targets`, {
        hint: "Write the target as it stands on the command line.",
      });
    own.set(target, level);
  }
  return (target) => own.get(target) ?? all;
}
