/** Explanations: all that is known of one vulnerability in a subject, for `bivy scan --explain`. */
import {
  advisoriesAge,
  findingFacts,
  shownName,
  type Finding,
  type ScanReport,
} from "../../scan/index.ts";
import { fitMiddle, wrapWords } from "./fit.ts";

const leastWidth = 60;
const labelWidth = 18;

export function formatFindingDetails(finding: Finding, report: ScanReport, width: number): string {
  const columns = Math.max(leastWidth, width);
  const facts = findingFacts(finding, report).flatMap(({ name, text }) => {
    const [first = "", ...rest] = wrapWords(text, { width: columns, indent: labelWidth + 2 });
    return [`${`  ${name}`.padEnd(labelWidth + 2)}${first.trimStart()}`, ...rest];
  });
  return [fitMiddle(shownName(`${finding.id} in ${finding.package.name}`), columns), ...facts].join(
    "\n",
  );
}

/** What each subject says about an id or alias; that it says nothing is said too. */
export function formatExplanation(
  id: string,
  reports: readonly ScanReport[],
  width: number,
): string {
  return reports.map((report) => explainIn(id, report, Math.max(leastWidth, width))).join("\n\n");
}

function explainIn(id: string, report: ScanReport, width: number): string {
  const { subject, notAffected, branch } = report;
  const wanted = id.toUpperCase();
  const isWanted = (each: string): boolean => each.toUpperCase() === wanted;
  const found = [...report.findings, ...report.suppressed].filter((finding) =>
    [finding.id, ...finding.aliases].some(isWanted),
  );
  const free = notAffected.filter((each) => isWanted(each.id));
  const say = (text: string): string => wrapWords(shownName(text), { width, indent: 0 }).join("\n");
  return [
    fitMiddle(shownName(subject.name), width),
    ...found.map((finding) => formatFindingDetails(finding, report, width)),
    ...free.map(({ id: each, package: { name, version }, repository, branch: of }) =>
      say(
        `${each}: ${name} ${version} is not affected, say Alpine's advisories for ${of}, ${repository}: its versions never were.`,
      ),
    ),
    ...(found.length + free.length > 0
      ? []
      : [
          say(
            `${id}: not found here. Either no installed package is below a fixed version in ${branch} (${advisoriesAge(report)}), or Alpine has not published a fix: its advisories name what is mended only.`,
          ),
        ]),
  ].join("\n\n");
}
