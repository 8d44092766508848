/** Writing reports: each format is loaded when it is asked for, since a scan needs one of them. */
import { BivyError } from "../../base/index.ts";
import type { ScanReport } from "../report.ts";
import type { ReportOptions } from "./failure.ts";

/** What programs and browsers read; `cyclonedx` and `openvex` are VEX documents. */
export type ReportFormat =
  | "json"
  | "sarif"
  | "junit"
  | "gitlab"
  | "markdown"
  | "html"
  | "cyclonedx"
  | "openvex";

/** The text of reports. A VEX document is about one subject: several are refused with `usage`. */
export async function writeReport(
  format: ReportFormat,
  reports: readonly ScanReport[],
  options: ReportOptions,
): Promise<string> {
  switch (format) {
    case "json":
      return (await import("./json.ts")).scanJson(reports, options);
    case "sarif":
      return (await import("./sarif.ts")).scanSarif(reports, options);
    case "junit":
      return (await import("./junit.ts")).scanJunit(reports, options);
    case "gitlab":
      return (await import("./gitlab.ts")).scanGitlab(reports, options);
    case "markdown":
      return (await import("./markdown.ts")).scanMarkdown(reports, options);
    case "html":
      return (await import("./html.ts")).scanHtml(reports, options);
    case "cyclonedx":
      return (await import("../vex/write-cyclonedx.ts")).writeCycloneDxVex(only(reports));
    case "openvex":
      return (await import("../vex/write-openvex.ts")).writeOpenVex(only(reports));
  }
}

function only(reports: readonly ScanReport[]): ScanReport {
  const [report, ...others] = reports;
  if (report !== undefined && others.length === 0) return report;
  throw new BivyError("usage", `a VEX document: expected one report, found ${reports.length}`, {
    hint: "Such a document is about one thing; write one for each.",
  });
}
