/** The formats of a scan's result. */
import { BivyError } from "../../base/index.ts";
import type { ScanComparison, ScanFailure, ScanReport } from "../../scan/index.ts";
import { formatJson } from "../result.ts";
import { terminalWidth } from "../term/streams.ts";
import { version } from "../version.ts";

export const scanFormats = [
  "table",
  "json",
  "sarif",
  "cyclonedx",
  "openvex",
  "junit",
  "gitlab",
  "markdown",
  "html",
] as const;

export type ScanFormat = (typeof scanFormats)[number];

export interface FormatFlags {
  readonly format: ScanFormat;
  readonly explain?: string;
  readonly compare?: boolean;
  readonly all?: boolean;
  readonly showSuppressed?: boolean;
  readonly output?: string;
}

/** Refuses what a format cannot show, before any work is done. */
export function checkFormat(flags: FormatFlags, targets: readonly string[]): void {
  const { format, compare, explain } = flags;
  if (compare === true && targets.length !== 2)
    throw new BivyError("usage", `--compare: expected two targets, found ${targets.length}`, {
      hint: "Name the old one first: bivy scan --compare OLD NEW.",
    });
  if ((format === "cyclonedx" || format === "openvex") && targets.length > 1)
    throw new BivyError(
      "usage",
      `--format ${format}: expected one target, found ${targets.length}`,
      {
        hint: "Such a document is about one thing; write one for each.",
      },
    );
  const flag = compare === true ? "--compare" : explain === undefined ? undefined : "--explain";
  if (flag !== undefined && format !== "table" && format !== "json")
    throw new BivyError("usage", `--format ${format}: expected table or json with ${flag}`);
}

export async function formatScan(
  reports: readonly ScanReport[],
  failures: readonly ScanFailure[],
  comparison: ScanComparison | undefined,
  flags: FormatFlags,
): Promise<string> {
  if (flags.format === "table") return formatTable(reports, failures, comparison, flags);
  // Of what is compared there is no format but JSON.
  if (comparison !== undefined) return formatJson(comparison);
  const { writeReport } = await import("../../scan/index.ts");
  return writeReport(flags.format, reports, { version, failures });
}

async function formatTable(
  reports: readonly ScanReport[],
  failures: readonly ScanFailure[],
  comparison: ScanComparison | undefined,
  { explain, all = false, showSuppressed = false, output }: FormatFlags,
): Promise<string> {
  const width = output === undefined ? terminalWidth() : 80;
  if (explain !== undefined) {
    const { formatExplanation } = await import("./explanation.ts");
    return formatExplanation(explain, reports, width);
  }
  if (comparison !== undefined) {
    const { formatComparison } = await import("./comparison-table.ts");
    return formatComparison(comparison, { width, all });
  }
  const { formatScanTable } = await import("./table.ts");
  return formatScanTable(reports, { width, all, showSuppressed, failures });
}
