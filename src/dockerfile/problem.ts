/** Problems: what is wrong with a Dockerfile, each with its place and, where one is known, the way out. */
import { BivyError, nearestName } from "../base/index.ts";
import { excerptOf, quoted, type Location, type Source } from "./source.ts";

/** What kind of problem it is, for programs. */
export type ProblemRule =
  // The text
  | "empty-file"
  | "line-too-long"
  | "not-utf8"
  | "empty-continuation"
  // Directives
  | "directive-repeated"
  | "directive-invalid"
  // Instructions
  | "unknown-instruction"
  | "argument-count"
  | "argument-invalid"
  | "assignment-invalid"
  | "json-not-strings"
  | "json-required"
  | "heredoc-unterminated"
  | "heredoc-misplaced"
  | "flag-unknown"
  | "flag-repeated"
  | "flag-value"
  | "variable-not-expanded"
  | "trigger-not-allowed"
  // Stages
  | "stage-missing"
  | "stage-name-invalid";

/** An `error` keeps the file from being built; a `warning` does not. */
export type Severity = "error" | "warning";

export interface Problem extends Location {
  readonly rule: ProblemRule;
  readonly severity: Severity;
  /** One line, without the place. */
  readonly message: string;
  /** What to do about it: one or two sentences. */
  readonly hint?: string;
}

/** Takes a problem down. */
export type Report = (
  rule: ProblemRule,
  location: Location,
  message: string,
  hint?: string,
) => void;

const warnings: ReadonlySet<ProblemRule> = new Set(["empty-continuation"]);

/** A file that is no Dockerfile can have a problem in every line; nobody reads so many. */
const mostProblems = 1000;

/** Collects problems into `problems`. */
export function reportTo(problems: Problem[]): Report {
  return (rule, { offset, end, line, column }, message, hint) => {
    if (problems.length >= mostProblems) return;
    const severity = warnings.has(rule) ? "warning" : "error";
    const problem = { rule, severity, message, offset, end, line, column } as const;
    problems.push(hint === undefined ? problem : { ...problem, hint });
  };
}

/** `SUBJECT:LINE:COLUMN: MESSAGE`, and the line with a caret under the place. */
export function formatProblem(
  source: Source,
  problem: Location & Pick<Problem, "message">,
): string {
  const place = `${source.subject}:${problem.line}:${problem.column}`;
  const head = `${place}: ${problem.message}`;
  return source.text === "" ? head : `${head}\n${excerptOf(source, problem)}`;
}

/** The message for a value that is not among those allowed. */
export function notOneOf(subject: string, found: string, choices: readonly string[]): string {
  const list = `${choices.slice(0, -1).join(", ")} or ${choices.at(-1)}`;
  const near = nearestName(found, choices);
  const meant = near === undefined ? "" : `; did you mean ${near}?`;
  return `${subject} expects ${list}, found ${quoted(found)}${meant}`;
}

const mostShown = 5;

/** All errors as one: the first ones with their excerpts, and the hint of the first. */
export function dockerfileInvalid(source: Source, problems: readonly Problem[]): BivyError {
  const errors = problems.filter(({ severity }) => severity === "error");
  const parts = errors.slice(0, mostShown).map((problem) => formatProblem(source, problem));
  const more = errors.length - parts.length;
  if (more > 0) parts.push(`${more} more ${more === 1 ? "problem" : "problems"}`);
  const hint = errors[0]?.hint;
  return new BivyError("dockerfile-invalid", parts.join("\n"), hint === undefined ? {} : { hint });
}
