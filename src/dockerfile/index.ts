/** dockerfile: the Dockerfile language, parsed without loss, as BuildKit reads it. */
export * from "./dockerfile.ts";
export {
  expandWord,
  expandWords,
  type ExpandedWord,
  type ExpandedWords,
  type ExpandOptions,
  type Variables,
} from "./expand.ts";
export { ExpansionError } from "./expansion-error.ts";
export { matchGlob } from "./go-match.ts";
export { type IgnorePattern } from "./ignore-pattern.ts";
export {
  createIgnore,
  parseIgnore,
  type Ignore,
  type IgnoreEntry,
  type IgnoreLine,
} from "./ignore.ts";
export * from "./instruction.ts";
export { textOfHeredoc } from "./heredoc.ts";
export { runCommandOf, type RunCommand } from "./instructions/command.ts";
export { parseMount, type Mount, type MountType } from "./mount.ts";
export { parseSyntax } from "./parser.ts";
export { printSyntax, type Token, type TokenKind } from "./print.ts";
export {
  formatProblem,
  reportTo,
  type Problem,
  type ProblemRule,
  type Report,
  type Severity,
} from "./problem.ts";
export { readSource, type Location, type Source, type SourceOptions } from "./source.ts";
export * from "./syntax.ts";
