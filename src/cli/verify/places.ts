/** Places: folders of no package stand for all that is in them, where a report is read by people. */
import { parentPath } from "../../base/index.ts";
import type { Finding, VerifyReport } from "../../verify/index.ts";

/** Findings whose folder is of no package either, and of the same layer, are counted there. */
export function placesOf(findings: readonly Finding[], report: VerifyReport): Finding[] {
  const folders = new Set(
    report.files.filter(({ kind }) => kind === "directory").map(({ path }) => path),
  );
  const byPath = new Map(findings.map((finding) => [finding.subject, finding]));
  const inside = new Map<Finding, number>();
  const places: Finding[] = [];
  for (const finding of findings) {
    const top = topOf(finding, byPath);
    if (top === finding) places.push(finding);
    else inside.set(top, (inside.get(top) ?? 0) + 1);
  }
  return places.map((place) => {
    if (!folders.has(place.subject)) return place;
    const count = inside.get(place);
    return {
      ...place,
      subject: count === undefined ? `${place.subject}/` : `${place.subject}/ and ${count} in it`,
    };
  });
}

/** The highest folder above that is a finding of the same layer and says the same. */
function topOf(finding: Finding, byPath: ReadonlyMap<string, Finding>): Finding {
  let top = finding;
  for (let path = parentPath(finding.subject); path !== ""; path = parentPath(path)) {
    const above = byPath.get(path);
    if (above === undefined || above.text !== finding.text) break;
    // A folder that no layer has an entry of is there for what is in it.
    if (above.layer !== undefined && above.layer !== finding.layer) break;
    top = above;
  }
  return top;
}
