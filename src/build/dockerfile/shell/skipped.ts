/** Skipped commands: with other values of some variables they would run, and that is worth remembering. */
import { type Scope } from "./scope.ts";
import { forEachChild, type SyntaxNode } from "./syntax.ts";
import { nothing, unite } from "./value.ts";

/**
 * Notes that `node` does not run because of what the variables in `from` are: what it would have assigned
 * depends on them, and so, where it speaks of apk, do the packages (`decisive`).
 */
export function noteSkipped(
  node: SyntaxNode,
  from: ReadonlySet<string>,
  scope: Scope,
  decisive: Set<string>,
): void {
  if (from.size === 0) return;
  const visit = (each: SyntaxNode): void => {
    if (each.type === "Assignment")
      scope.taints.set(each.name, unite(from, scope.taints.get(each.name) ?? nothing));
    else if (each.type === "Word" && /\bapk\b/.test(each.text))
      for (const name of from) decisive.add(name);
    forEachChild(each, visit);
  };
  visit(node);
}
