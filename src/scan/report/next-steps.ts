/** Next steps: the remedies of many findings, joined to the few things that a person has to do. */
import { compareNames } from "../../base/index.ts";
import type { Finding, Remedy } from "../finding.ts";
import type { OriginFinding } from "./origin-finding.ts";
import { cutText, shownName } from "./shown-text.ts";

export interface NextStep {
  readonly kind: Remedy["kind"];
  /** The words to type or to write into a Dockerfile; absent where there is nothing to type. */
  readonly command?: readonly string[];
  /** One sentence without an end. */
  readonly text: string;
  /** How many vulnerabilities (each of an origin once) have it for a remedy. */
  readonly mends: number;
}

const texts: Readonly<Record<Remedy["kind"], string>> = {
  upgrade: "upgrade the packages",
  "rebuild-base": "in the base image: rebuild on a newer one, or upgrade in a layer of your own",
  "move-branch": "the branch gets no more fixes: move to one that is supported",
  wait: "the repository does not have the fixes yet: scan again later",
};

const kinds = Object.keys(texts);

/** Most helpful first. */
export function nextSteps(rows: readonly OriginFinding[]): readonly NextStep[] {
  const steps = new Map<
    string,
    { parts: Command[]; findings: Finding[]; rows: Set<OriginFinding> }
  >();
  for (const row of rows)
    for (const finding of row.findings) {
      const command = parseCommand(finding.remedy.command);
      const key = `${finding.remedy.kind} ${command?.verb.join(" ") ?? ""}`;
      let step = steps.get(key);
      if (step === undefined) steps.set(key, (step = { parts: [], findings: [], rows: new Set() }));
      if (command !== undefined) step.parts.push(command);
      step.findings.push(finding);
      step.rows.add(row);
    }
  return Array.from(steps.values(), ({ parts, findings, rows: mended }): NextStep => {
    const { kind } = findings[0]!.remedy;
    const names = [...new Set(parts.flatMap((part) => part.names))].sort(compareNames);
    const isCommand = parts.length > 0 && (names.length > 0 || parts[0]!.isWhole);
    const unnamed = parts.some(({ isComplete }) => !isComplete);
    return {
      kind,
      ...(isCommand ? { command: [...parts[0]!.verb, ...names] } : {}),
      text: `${texts[kind]}${kind === "wait" ? awaited(findings) : ""}${unnamed ? "; some packages have names that no command can hold" : ""}`,
      mends: mended.size,
    };
  }).sort((a, b) => b.mends - a.mends || kinds.indexOf(a.kind) - kinds.indexOf(b.kind));
}

const mostAwaited = 8;

function awaited(findings: readonly Finding[]): string {
  const wanted = [
    ...new Set(findings.map(({ package: each, fixed }) => `${each.origin} ${fixed}`)),
  ].sort(compareNames);
  const shown = wanted.slice(0, mostAwaited).map((each) => cutText(shownName(each), 60));
  const more = wanted.length - shown.length;
  return ` (${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""})`;
}

interface Command {
  readonly verb: readonly string[];
  /** Packages. */
  readonly names: readonly string[];
  /** Whether it says something without names. */
  readonly isWhole: boolean;
  /** Whether all of its packages can be named. */
  readonly isComplete: boolean;
}

/**
 * What is pasted into a shell holds no more than this, whatever a database calls its packages. No word is
 * so long that a terminal's line could not hold it whole.
 */
const nameForm = /^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,47}$/;
const wholeForm = /^[A-Za-z]{1,48}(?: [A-Za-z0-9_./:@+=-]{1,48})+$/;
const upgradeForm = /^((?:RUN )?apk upgrade(?: --no-cache)?) (.*)$/s;

function parseCommand(command: string | undefined): Command | undefined {
  if (command === undefined) return undefined;
  const [, verb, list] = upgradeForm.exec(command) ?? [];
  if (verb === undefined || list === undefined)
    return wholeForm.test(command)
      ? { verb: command.split(" "), names: [], isWhole: true, isComplete: true }
      : undefined;
  const words = list.split(" ");
  const names = words.filter((word) => nameForm.test(word));
  return {
    verb: verb.split(" "),
    names,
    isWhole: false,
    isComplete: names.length === words.length,
  };
}

/** The command of one remedy, if it is safe to be pasted. */
export function remedyCommand({ command }: Remedy): string | undefined {
  const parsed = parseCommand(command);
  if (parsed === undefined || !parsed.isComplete) return undefined;
  return [...parsed.verb, ...parsed.names].join(" ");
}
