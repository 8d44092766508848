/** Two scans side by side, for people: what is mended, what is new, what is left. */
import {
  describeCount,
  describeSeverities,
  joinByOrigin,
  shownName,
  type Finding,
  type PackageStep,
  type ScanComparison,
} from "../../scan/index.ts";
import { findingLegend, findingLines } from "./finding-rows.ts";
import { fitMiddle, wrapWords } from "./fit.ts";

export interface ComparisonTableOptions {
  readonly width: number;
  /** Whether lists are shown whole. */
  readonly all: boolean;
}

const mostRows = 25;
const mostSteps = 10;
const leastWidth = 60;

export function formatComparison(
  comparison: ScanComparison,
  options: ComparisonTableOptions,
): string {
  const { mended, introduced, remaining, packages } = comparison;
  const width = Math.max(leastWidth, options.width);
  const sized = { ...options, width };
  const by = Map.groupBy(mended, (finding) => finding.by);
  const shown = [...mended, ...introduced, ...remaining];
  const legend = findingLegend(shown);
  return [
    [
      fitMiddle(`old  ${shownName(comparison.old)}`, width),
      fitMiddle(`new  ${shownName(comparison.new)}`, width),
    ].join("\n"),
    formatList("NEW", introduced, sized),
    formatList("MENDED BY AN UPGRADE", by.get("upgrade") ?? [], sized),
    formatList("GONE WITH THEIR PACKAGES", by.get("removal") ?? [], sized),
    formatList("SUPPRESSED NOW", by.get("suppression") ?? [], sized),
    formatList("LEFT", remaining, sized),
    legend === "" ? "" : wrapWords(`(${legend})`, { width, indent: 0 }).join("\n"),
    formatSteps("UPGRADED", packages.upgraded, sized),
    formatSteps("DOWNGRADED", packages.downgraded, sized),
    formatVerdict(comparison, width),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function formatList(
  title: string,
  findings: readonly Finding[],
  { width, all }: ComparisonTableOptions,
): string {
  if (findings.length === 0) return "";
  const rows = joinByOrigin(findings);
  const shown = all ? rows : rows.slice(0, mostRows);
  const more = rows.length - shown.length;
  return [
    `${title}: ${describeCount(findings)}`,
    ...findingLines(
      shown.flatMap((row) => row.findings),
      undefined,
      width,
    ),
    ...(more > 0 ? [`… and ${more} more of lower risk (--all shows them)`] : []),
  ].join("\n");
}

function formatSteps(
  title: string,
  steps: readonly PackageStep[],
  { width, all }: ComparisonTableOptions,
): string {
  if (steps.length === 0) return "";
  const shown = all ? steps : steps.slice(0, mostSteps);
  const more = steps.length - shown.length;
  return [
    `${title} (${steps.length})`,
    ...shown.map(({ name, from, to }) => fitMiddle(shownName(`  ${name} ${from} → ${to}`), width)),
    ...(more > 0 ? [`  … and ${more} more (--all shows them)`] : []),
  ].join("\n");
}

function formatVerdict({ mended, introduced, remaining }: ScanComparison, width: number): string {
  const left = remaining.length === 0 ? "" : `; left are ${describeSeverities(remaining)}`;
  return wrapWords(
    `${countOf(mended)} mended, ${countOf(introduced)} new, ${countOf(remaining)} left${left}.`,
    { width, indent: 0 },
  ).join("\n");
}

function countOf(findings: readonly Finding[]): number {
  return joinByOrigin(findings).length;
}
