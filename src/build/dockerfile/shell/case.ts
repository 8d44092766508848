/** `case`: which of its items may be taken. */
import { expandPattern, expandText, type Expander } from "./expand.ts";
import { matchesPattern, readPattern } from "./pattern.ts";
import { type Scope } from "./scope.ts";
import { type NodeOf, type Word } from "./syntax.ts";
import { originsOf, unite, type Value } from "./value.ts";

export interface MatchedCase {
  /** The items that may be taken, up to the first that is taken for certain. */
  readonly possible: readonly number[];
  /** Whether one of them is. */
  readonly isCertain: boolean;
  /** What the choice depends on. */
  readonly from: ReadonlySet<string>;
}

export function matchCase(
  { word, items }: NodeOf<"Case">,
  scope: Scope,
  shell: Expander,
): MatchedCase {
  const subject = expandText(word, scope, shell);
  const possible: number[] = [];
  let from = subject.from;
  for (const [index, { pattern }] of items.entries()) {
    const found = pattern.map((each) => matchItem(each, subject, scope, shell));
    from = unite(from, originsOf(found.map(({ value }) => value)));
    if (found.every(({ matches }) => matches === false)) continue;
    possible.push(index);
    if (found.some(({ matches }) => matches === true)) return { possible, isCertain: true, from };
  }
  return { possible, isCertain: false, from };
}

function matchItem(
  word: Word,
  subject: Value,
  scope: Scope,
  shell: Expander,
): { readonly matches: boolean | undefined; readonly value: Value } {
  const { pieces, value } = expandPattern(word, scope, shell);
  if (pieces?.length === 1 && !pieces[0]!.quoted && pieces[0]!.text === "*")
    return { matches: true, value };
  if (pieces === undefined || subject.text === undefined) return { matches: undefined, value };
  const matches = matchesPattern(readPattern(pieces), subject.text, shell.matching);
  return { matches: shell.matching.isSpent ? undefined : matches, value };
}
