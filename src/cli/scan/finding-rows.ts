/** Rows of findings, as the tables of bivy scan show them: each vulnerability of an origin once, in two lines or, on a wide terminal, one. */
import {
  joinByOrigin,
  packageNames,
  percent,
  shortPlace,
  shownName,
  type Finding,
  type OriginFinding,
  type ScanReport,
} from "../../scan/index.ts";
import { displayWidth } from "../term/display-width.ts";
import { fitMiddle, pad } from "./fit.ts";

/** From so many columns on a finding takes one line. */
const wideFrom = 130;

const longestId = 24;
const longestVersions = 44;

interface Column {
  readonly title: string;
  readonly align?: "right";
  readonly cell: (row: OriginFinding) => string;
}

/** With the titles; none without findings. `report` says where packages are. */
export function findingLines(
  findings: readonly Finding[],
  report: ScanReport | undefined,
  width: number,
  more: (row: OriginFinding) => readonly string[] = () => [],
): readonly string[] {
  const rows = joinByOrigin(findings);
  if (rows.length === 0) return [];
  const fixed: readonly Column[] = [
    {
      title: "RISK",
      align: "right",
      cell: ({ finding }) => finding.risk.score.toFixed(1),
    },
    { title: "ID", cell: ({ finding }) => fitMiddle(shownName(finding.id), longestId) },
    { title: "SEVERITY", cell: ({ finding }) => severityCell(finding) },
    {
      title: "EPSS",
      align: "right",
      cell: ({ finding: { epss } }) => (epss === undefined ? "" : percent(epss.probability)),
    },
    { title: "KEV", cell: ({ finding: { kev } }) => (kev === undefined ? "" : "KEV") },
  ];
  const cells = rows.map((row) => fixed.map(({ cell }) => cell(row)));
  const widths = fixed.map(({ title }, at) =>
    Math.max(title.length, ...cells.map((each) => displayWidth(each[at]!))),
  );
  const left = width - widths.reduce((sum, each) => sum + each + 2, 0);
  const isWide = width >= wideFrom;
  const place = ({ finding }: OriginFinding): string =>
    report === undefined ? "" : shortPlace(finding, report);
  const lineOf = (texts: readonly string[], rest: string): string =>
    [...fixed.map(({ align }, at) => pad(texts[at]!, widths[at]!, align)), rest]
      .join("  ")
      .trimEnd();
  const titles = fixed.map(({ title }) => title);
  const indent = widths[0]! + 2;

  if (!isWide)
    return [
      lineOf(titles, report === undefined ? "" : "WHERE"),
      `${" ".repeat(indent)}PACKAGE  INSTALLED → FIXED`,
      ...rows.flatMap((row, at) => [
        lineOf(cells[at]!, fitMiddle(place(row), left)),
        " ".repeat(indent) + packageCell(row, width - indent),
        ...more(row),
      ]),
    ];
  const most = Math.floor(left * 0.65);
  const packages = rows.map((row) => packageCell(row, most));
  const packageWidth = Math.max(26, ...packages.map(displayWidth));
  return [
    lineOf(titles, `${pad("PACKAGE  INSTALLED → FIXED", packageWidth)}  WHERE`),
    ...rows.flatMap((row, at) => [
      lineOf(
        cells[at]!,
        `${pad(packages[at]!, packageWidth)}  ${fitMiddle(place(row), left - packageWidth - 2)}`,
      ),
      ...more(row),
    ]),
  ];
}

/** The letter says who scored it. */
function severityCell({ severity }: Finding): string {
  if (severity === undefined) return "unknown";
  const letter = /^[A-Z]/.exec(severity.source)?.[0] ?? "?";
  return `${severity.level} ${severity.score.toFixed(1)} ${letter}`;
}

/** Names, then both versions, which are shortened last. */
function packageCell(row: OriginFinding, columns: number): string {
  const { finding } = row;
  const { package: each, fixed, availability, vex } = finding;
  const notes = [
    ...(availability.state === "not-available" ? ["not there yet"] : []),
    ...(vex === undefined ? [] : [`VEX: ${vex.status.replaceAll("_", " ")}`]),
  ];
  const note = notes.length === 0 ? "" : ` (${notes.join(", ")})`;
  const versions = fitMiddle(
    `${shownName(each.version)} → ${shownName(fixed)}${note}`,
    Math.min(columns - 16, longestVersions + note.length),
  );
  const names = fitMiddle(
    packageNames(row).map(shownName).join(", "),
    columns - 2 - displayWidth(versions),
  );
  return `${names}  ${versions}`;
}

/** What the columns mean, for those that are there. */
export function findingLegend(findings: readonly Finding[]): string {
  const sources = [
    ...new Set(
      findings.flatMap(({ severity }) => (severity === undefined ? [] : [severity.source])),
    ),
  ].sort();
  return [
    ...(sources.length === 0 ? [] : [`severity by ${sources.map(shownName).join(", ")}`]),
    ...(findings.some(({ epss }) => epss !== undefined)
      ? ["EPSS: how likely it is exploited within 30 days"]
      : []),
    ...(findings.some(({ kev }) => kev !== undefined)
      ? ["KEV: it is being exploited, says CISA"]
      : []),
  ].join("; ");
}
