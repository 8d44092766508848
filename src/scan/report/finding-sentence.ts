/** Finding sentences: a finding in one line, for formats that have a message for each. */
import type { Finding } from "../finding.ts";
import type { ScanReport } from "../report.ts";
import { remedyCommand } from "./next-steps.ts";
import { shortPlace } from "./finding-facts.ts";
import { shownName, shownProse } from "./shown-text.ts";

/** Such as `libssl3 3.1.4-r0 is vulnerable to CVE-2024-1: fixed in 3.1.4-r1 (layer 1, world)`. */
export function findingSentence(finding: Finding, report: ScanReport): string {
  const { id, package: each, fixed } = finding;
  const place = shortPlace(finding, report);
  const where = place === "" ? "" : ` (${place})`;
  return shownName(
    `${each.name} ${each.version} is vulnerable to ${id}: fixed in ${fixed} for ${finding.branch}${where}`,
  );
}

/** What mends it, with the command where there is one. */
export function remedySentence({ remedy, fixed }: Finding): string {
  const command = remedyCommand(remedy);
  return `${shownProse(remedy.text) || shownName(`fixed in ${fixed}`)}${command === undefined ? "" : `: ${command}`}`;
}
