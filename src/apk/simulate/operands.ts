/** Operands: the names that words on a command line mean. */
import type { Name } from "../solver/candidate.ts";
import type { ProviderIndex } from "../solver/providers.ts";

export interface MatchedOperand {
  readonly word: string;
  /** Undefined when nothing knows the name. */
  readonly name: Name | undefined;
}

/** The names that operands mean: as they stand, or as patterns when any of them has a `*`. */
export function matchOperands(index: ProviderIndex, operands: readonly string[]): MatchedOperand[] {
  if (!operands.some((word) => word.includes("*")))
    return operands.map((word) => ({ word, name: index.findName(word) }));
  const patterns = operands.map((word) => ({ word, form: globForm(word) }));
  return [...index.allNames()].flatMap((name) => {
    const match = patterns.find(({ form }) => form.test(name.text));
    return match === undefined ? [] : [{ word: match.word, name }];
  });
}

/** A shell pattern without regard to case; `*` matches slashes too. */
function globForm(pattern: string): RegExp {
  const source = pattern.replaceAll(/\[[!^]?\]?[^\]]*\]|[\\^$.*+?()[\]{}|]/g, (part) => {
    if (part === "*") return ".*";
    if (part === "?") return ".";
    if (part.length > 1) return part.replace(/^\[!/, "[^").replaceAll("\\", "\\\\");
    return `\\${part}`;
  });
  return new RegExp(`^${source}$`, "is");
}
