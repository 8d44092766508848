/**
 * The syntax of shell scripts, as unbash reads it. The package is loaded when the first script is read: a
 * build, which shares modules with the lock, does without.
 */
import { createRequire } from "node:module";
import type * as Unbash from "unbash";
import type { ParsedScript, SyntaxNode } from "unbash";

export type { SyntaxNode } from "unbash";

let loaded: typeof Unbash | undefined;

function unbash(): typeof Unbash {
  return (loaded ??= createRequire(import.meta.url)("unbash") as typeof Unbash);
}

export function forEachChild(node: SyntaxNode, visit: (child: SyntaxNode) => void): void {
  unbash().forEachChild(node, visit);
}

export type NodeOf<Type extends SyntaxNode["type"]> = Extract<SyntaxNode, { type: Type }>;
export type Script = ParsedScript;
export type Word = NodeOf<"Word">;
export type WordPart = NonNullable<Word["parts"]>[number];
export type Assignment = NodeOf<"Assignment">;
export type Redirection = NodeOf<"Redirect"> | NodeOf<"HereDoc"> | NodeOf<"HereString">;
export type StatementList = NodeOf<"CompoundList"> | Script;
export type CompoundNode = NodeOf<"Function">["body"];
export type CommandNode = NodeOf<"Statement">["command"];

/** A script of more than a megabyte is no script that anyone wrote. */
const longestScript = 1 << 20;

/** Undefined where it cannot be read whole: what follows a mistake is anybody's guess. */
export function tryParseScript(text: string): Script | undefined {
  if (text.length > longestScript) return undefined;
  const script = unbash().parse(text);
  return script.errors === undefined || script.errors.length === 0 ? script : undefined;
}
