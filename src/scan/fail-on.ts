/**
 * Fail on: what a user asks a scan to fail on, in words joined by commas: a severity (`high` means high
 * and critical), `risk>=N`, `kev`, `epss>=N`, `fixable`, `any`, `end-of-support`, `stale`, `mixed-branches`.
 */
import { severityLevels, type SeverityLevel } from "../advisory/index.ts";
import { BivyError, nearestName } from "../base/index.ts";
import type { Finding } from "./finding.ts";
import type { ScanReport } from "./report.ts";

export interface FailOn {
  /** As the user wrote them. */
  readonly words: readonly string[];
  /** The findings of a report that it fails on, and its warnings. */
  failing(report: ScanReport): {
    readonly findings: readonly Finding[];
    readonly warnings: readonly string[];
  };
}

/** Words about a report as a whole, by the code of the warning that they stand for. */
const warningWords: Readonly<Record<string, string>> = {
  "end-of-support": "end-of-support",
  stale: "stale-database",
  "mixed-branches": "mixed-branches",
  "no-feed": "no-feed",
};

type Test = (finding: Finding) => boolean;

const findingWords: Readonly<Record<string, Test>> = {
  any: () => true,
  kev: ({ kev }) => kev !== undefined,
  fixable: ({ availability }) => availability.state !== "not-available",
  unknown: ({ severity }) => severity === undefined,
};

export function parseFailOn(flags: readonly string[]): FailOn {
  const words = flags.flatMap((flag) => flag.split(",")).map((word) => word.trim());
  const tests: Test[] = [];
  const codes = new Set<string>();
  for (const word of words) {
    if (Object.hasOwn(warningWords, word)) codes.add(warningWords[word]!);
    else tests.push(testOf(word));
  }
  return {
    words,
    failing: ({ findings, warnings }) => ({
      findings: findings.filter((finding) => tests.some((test) => test(finding))),
      warnings: warnings.filter(({ code }) => codes.has(code)).map(({ code }) => code),
    }),
  };
}

function testOf(word: string): Test {
  if (Object.hasOwn(findingWords, word)) return findingWords[word]!;
  const level = severityLevels.indexOf(word as SeverityLevel);
  // Where nobody says how bad it is, a check that asks for severity must not pass.
  if (level > 0)
    return ({ severity }) =>
      severity === undefined || severityLevels.indexOf(severity.level) >= level;
  const [, name, number] = /^(risk|epss)(?:>=|=|:)(\d{1,3}(?:\.\d+)?)$/.exec(word) ?? [];
  if (name === "risk") return ({ risk }) => risk.score >= Number(number);
  if (name === "epss")
    return ({ epss }) => epss !== undefined && epss.probability >= Number(number);
  const known = [
    ...severityLevels.slice(1),
    ...Object.keys(findingWords),
    "risk>=50",
    "epss>=0.1",
    ...Object.keys(warningWords),
  ];
  const near = nearestName(word, known);
  throw new BivyError("usage", `--fail-on ${word}: expected a severity or condition`, {
    hint: near === undefined ? `It is one of ${known.join(", ")}.` : `Did you mean ${near}?`,
  });
}
