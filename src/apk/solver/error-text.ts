/** Solver errors in words: apk's, line by line, and bivy's, root cause first. */
import { BivyError, nearestName } from "../../base/index.ts";
import { formatAtom, formatUntagged, type Atom } from "../atom.ts";
import { formatIndentedList } from "../indented-list.ts";
import { packageLabel } from "../package.ts";
import { explainFailure, type Problem, type Reason, type Requirer } from "./error.ts";
import type { Failure } from "./solver.ts";

/** The problems as apk prints them below "unable to select packages:". */
export function formatProblems(
  problems: readonly Problem[],
  options: { readonly width?: number } = {},
): string {
  if (problems.length === 0) return "Huh? Error reporter did not find the broken constraints.\n";
  return problems
    .map((problem) => {
      const rows = problemRows(problem).map(([label, words]) =>
        formatIndentedList(`    ${label}:`, words, options),
      );
      return `  ${problemTitle(problem)}:\n${rows.join("")}`;
    })
    .join("");
}

type Row = readonly [label: string, words: readonly string[]];

function problemTitle(problem: Problem): string {
  switch (problem.kind) {
    case "missing":
      return `${problem.name} (no such package)`;
    case "virtual":
      return `${problem.name} (virtual)`;
    case "package":
      return packageLabel(problem.package);
  }
}

function problemRows(problem: Problem): Row[] {
  switch (problem.kind) {
    case "missing":
      return [["required by", problem.requiredBy.map(formatRequirer)]];
    case "virtual":
      return [
        ["note", "please select one of the 'provided by' packages explicitly".split(" ")],
        ["provided by", problem.providedBy],
        ["required by", problem.requiredBy.map(formatRequirer)],
      ];
    case "package":
      return problem.reasons.flatMap(reasonRows);
  }
}

function reasonRows(reason: Reason): Row[] {
  switch (reason.kind) {
    case "uninstallable":
      return [
        ["error", ["uninstallable"]],
        ...(reason.arch === undefined ? [] : ([["arch", [reason.arch]]] satisfies Row[])),
        ...brokenAtoms("depends", reason.brokenDepends),
        ...brokenAtoms("provides", reason.brokenProvides),
      ];
    case "masked":
      return [["masked in", reason.by]];
    case "conflicts":
      return [["conflicts", reason.with.map((rival) => formatRival(rival))]];
    case "breaks":
    case "satisfies":
      return [[reason.kind, reason.requirers.map(formatRequirer)]];
  }
}

function brokenAtoms(label: string, atoms: readonly Atom[]): Row[] {
  return atoms.length === 0 ? [] : [[label, atoms.map(formatUntagged)]];
}

function formatRequirer({ package: subject, atom }: Requirer): string {
  return subject === undefined
    ? `world[${formatUntagged(atom)}${atom.tag === undefined ? "" : `@${atom.tag}`}]`
    : `${packageLabel(subject)}[${formatUntagged(atom)}]`;
}

type Rival = Extract<Reason, { kind: "conflicts" }>["with"][number];

function formatRival({ package: subject, provide }: Rival): string {
  const label = packageLabel(subject);
  return provide === undefined ? label : `${label}[${formatUntagged(provide)}]`;
}

/** The failure as an error of bivy: the likeliest root causes in the message, what to do in the hint. */
export function unsatisfiableError(failure: Failure): BivyError {
  const problems = explainFailure(failure).toSorted(
    (a, b) => rootRank(a) - rootRank(b) || Number(isFromWorld(b)) - Number(isFromWorld(a)),
  );
  const [first] = problems;
  if (first === undefined)
    return new BivyError(
      "world-unsatisfiable",
      "packages: no choice was found that meets every dependency of world",
      { hint: "Name the packages that you want where several provide the same, or ask for fewer." },
    );
  // What is missing are causes of their own; of what contradicts, one usually follows from another.
  const roots =
    first.kind === "missing" ? problems.filter(({ kind }) => kind === "missing") : [first];
  const shown = roots.slice(0, 5).map((problem) => describeRoot(problem, failure));
  const more = problems.length - shown.length;
  const rest =
    more === 0
      ? ""
      : ` (and ${more} more ${more === 1 ? "problem" : "problems"} that may follow from it)`;
  const message = shown.map((root) => root.message).join("\n  ");
  return new BivyError("world-unsatisfiable", `${message}${rest}`, { hint: shown[0]!.hint });
}

/** What is missing explains what conflicts, and not the other way round. */
function rootRank(problem: Problem): number {
  if (problem.kind === "missing") return 0;
  if (problem.kind === "virtual") return 1;
  const has = (kind: Reason["kind"]) => problem.reasons.some((reason) => reason.kind === kind);
  if (has("uninstallable")) return 2;
  return has("masked") ? 3 : 4;
}

/** What the user named says more than what it brings along. */
function isFromWorld(problem: Problem): boolean {
  const requirers =
    problem.kind === "package"
      ? problem.reasons.flatMap((each) => (each.kind === "satisfies" ? each.requirers : []))
      : problem.requiredBy;
  return requirers.some((each) => each.package === undefined);
}

function describeRoot(problem: Problem, failure: Failure): { message: string; hint: string } {
  switch (problem.kind) {
    case "missing":
      return {
        message: `${problem.name}: expected in a repository, found nowhere${askedBy(problem.requiredBy)}${suggestion(problem.name, failure)}`,
        hint: "Check the spelling, the branch and the architecture, or add the repository that has it.",
      };
    case "virtual":
      return {
        message: `${problem.name}: several packages provide it (${problem.providedBy.join(", ")})${askedBy(problem.requiredBy)}`,
        hint: "Name the one that you want.",
      };
    case "package":
      return describePackageRoot(problem);
  }
}

function suggestion(name: string, { index }: Failure): string {
  const known = [...index.allNames()].filter(({ providers }) => providers.length > 0);
  const near = nearestName(
    name,
    known.map(({ text }) => text),
  );
  return near === undefined ? "" : `; did you mean ${near}?`;
}

function describePackageRoot(problem: Extract<Problem, { kind: "package" }>) {
  const label = packageLabel(problem.package);
  const reason = problem.reasons[0]!;
  const supporters = problem.reasons.find((candidate) => candidate.kind === "satisfies");
  const asked = supporters === undefined ? "" : askedBy(supporters.requirers);
  switch (reason.kind) {
    case "uninstallable":
      return {
        message: `${label}: it cannot be installed${reason.arch === undefined ? ": its record is not understood" : `: it is for ${reason.arch}`}${asked}`,
        hint: "Choose another version or architecture.",
      };
    case "masked":
      return {
        message: `${label}: it is only in ${reason.by.join(" ")}${asked}`,
        hint: reason.by.some((mask) => mask.startsWith("@"))
          ? `Ask for ${problem.package.name}${reason.by[0]} to take it from there.`
          : "Allow the network, or provide the package's file.",
      };
    case "conflicts":
      return {
        message: `${label}: it cannot be installed beside ${reason.with.map(formatRival).join(", ")}${asked}`,
        hint: "Leave one of them out.",
      };
    default:
      return {
        message: `${label}: it contradicts ${describeRequirers(reason.kind === "breaks" ? reason.requirers : [])}${asked}`,
        hint: "Change one of these version constraints.",
      };
  }
}

function askedBy(requirers: readonly Requirer[]): string {
  return requirers.length === 0 ? "" : `; asked for by ${describeRequirers(requirers)}`;
}

function describeRequirers(requirers: readonly Requirer[]): string {
  const shown = requirers
    .slice(0, 3)
    .map(({ package: subject, atom }) =>
      subject === undefined
        ? `world (${formatAtom(atom)})`
        : `${packageLabel(subject)} (${formatAtom(atom)})`,
    );
  if (requirers.length > 3) shown.push(`${requirers.length - 3} more`);
  return shown.join(", ");
}
