/**
 * Risk: severity × exploitability × impact, from 0 to 100. Many harmless findings must not outweigh the
 * one that is being exploited, so findings are ranked by it, and images by their worst.
 *
 * Severity is the CVSS base score over 10. Exploitability is 1 for what CISA lists as exploited, else
 * the square root of the EPSS probability (which is far below 0.01 for nearly all), at least 0.05.
 * Impact is what the owner says about the image. What no feed tells is assumed, and said to be so.
 */
import type { Exploited, ExploitProbability, Severity } from "../advisory/index.ts";
import { BivyError } from "../base/index.ts";

export interface Risk {
  /** From 0 to 100, with one digit after the point. */
  readonly score: number;
  /** Each from 0 to 1. */
  readonly severity: number;
  readonly exploitability: number;
  readonly impact: number;
  /** Which of them are assumed, because no feed tells. */
  readonly assumed: readonly ("severity" | "exploitability")[];
}

/** What the loss of the image would mean. */
export const impacts = { low: 0.25, medium: 0.5, high: 0.75, critical: 1 } as const;

export type ImpactName = keyof typeof impacts;

/** The label of an image that says what its loss would mean: a name of `impacts`, or 0 to 1. */
export const impactLabel = "dev.bivy.impact";

export const defaultImpact: number = impacts.medium;

/** Of a vulnerability that nobody has scored: in the middle, neither hidden nor on top. */
const unknownSeverity = 0.5;
const unknownExploitability = 0.1;
const leastExploitability = 0.05;

export function riskOf(
  severity: Severity | undefined,
  epss: ExploitProbability | undefined,
  kev: Exploited | undefined,
  impact: number,
): Risk {
  const parts = {
    severity: severity === undefined ? unknownSeverity : severity.score / 10,
    exploitability:
      kev !== undefined
        ? 1
        : epss === undefined
          ? unknownExploitability
          : Math.max(leastExploitability, Math.sqrt(epss.probability)),
    impact,
  };
  const assumed: ("severity" | "exploitability")[] = [];
  if (severity === undefined) assumed.push("severity");
  if (kev === undefined && epss === undefined) assumed.push("exploitability");
  const score = Math.round(parts.severity * parts.exploitability * parts.impact * 1000) / 10;
  return { score, ...round(parts), assumed };
}

function round<T extends Readonly<Record<string, number>>>(parts: T): T {
  return Object.fromEntries(
    Object.entries(parts).map(([name, value]) => [name, Math.round(value * 1000) / 1000]),
  ) as T;
}

/** Reads an impact as users write it; `subject` says where. */
export function parseImpact(text: string, subject: string): number {
  if (Object.hasOwn(impacts, text)) return impacts[text as ImpactName];
  if (/^(?:0(?:\.\d+)?|1(?:\.0+)?|\.\d+)$/.test(text)) return Number(text);
  throw new BivyError(
    "usage",
    `${subject}: expected ${Object.keys(impacts).join(", ")} or a number from 0 to 1, found ${JSON.stringify(text)}`,
  );
}
