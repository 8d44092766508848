/** The entries of the page: what can be unfolded and filtered, one for each vulnerability of an origin. */
import type { NotAffected } from "../../finding.ts";
import type { ScanReport } from "../../report.ts";
import { findingFacts, percent, shortPlace, suppressionText } from "../finding-facts.ts";
import { packageNames, type OriginFinding } from "../origin-finding.ts";
import { referencesOf } from "../reference.ts";
import { html, nothing, when, type Markup } from "./markup.ts";

/** Numbers stand for origins in the page's attributes, whatever they are called. */
export type OriginNumbers = ReadonlyMap<string, number>;

/** What the columns are called; each entry says it to those who do not see them. */
export const entryTitles: Markup = html`<div class="titles" aria-hidden="true">
  <span>risk</span><span>id</span><span>package, where</span><span>severity</span
  ><span class="number">EPSS</span><span></span>
</div>`;

/** A finding with all that it carries; the first line can be read without the others. */
export function findingEntry(
  row: OriginFinding,
  report: ScanReport,
  origins: OriginNumbers,
): Markup {
  const { finding } = row;
  const { id, package: each, fixed, severity, epss, kev, risk, suppression } = finding;
  const level = severity?.level ?? "unknown";
  const place = shortPlace(finding, report);
  const step = Math.min(20, Math.ceil(risk.score / 5));
  const note = suppression === undefined ? place : suppressionText(finding)!;
  return html`<details
    class="entry"
    data-severity="${level}"
    data-state="${statesOf(row)}"
    data-origin="${origins.get(each.origin) ?? ""}"
  >
    <summary>
      <span class="risk b${step} ${levelClass(level)}"
        ><span class="vh">risk </span>${risk.score.toFixed(1)}</span
      >
      <span class="id">${id}</span>
      <span class="packages"
        >${packageNames(row).join(", ")}
        <span class="soft">${each.version} → ${fixed}${remarkOf(row)}<br />${note}</span></span
      >
      <span class="badge ${levelClass(level)}"
        >${severity === undefined ? "unknown" : `${level} ${severity.score.toFixed(1)}`}</span
      >
      <span class="number"
        >${when(epss !== undefined, () => html`<span class="vh">EPSS </span>${percent(epss!.probability)}`)}</span
      >
      <span>${when(kev !== undefined, () => html`<span class="kev">exploited</span>`)}</span>
    </summary>
    <dl class="facts">
      ${
        row.findings.length === 1
          ? nothing
          : html`<dt>all packages</dt>
              <dd>${packageNames(row).join(", ")}</dd>`
      }${findingFacts(finding, report).map(
        ({ name, text }) =>
          html`<dt>${name}</dt>
            <dd>${name === "command" ? html`<pre><code>${text}</code></pre>` : text}</dd>`,
      )}${referenceFacts([id, ...finding.aliases])}
    </dl>
  </details> `;
}

/** Level `none` must not be taken for the class of what says that nothing is there. */
function levelClass(level: string): string {
  return level === "none" ? "none-severity" : level;
}

function statesOf({ finding }: OriginFinding): string {
  const { suppression, availability, kev } = finding;
  if (suppression !== undefined) return "suppressed";
  return [
    "vulnerable",
    ...(availability.state === "available" ? ["available"] : []),
    ...(kev === undefined ? [] : ["exploited"]),
  ].join(" ");
}

function remarkOf({ finding: { availability, vex } }: OriginFinding): string {
  return [
    ...(availability.state === "not-available" ? [", not there yet"] : []),
    ...(vex === undefined ? [] : [`, VEX: ${vex.status.replaceAll("_", " ")}`]),
  ].join("");
}

function referenceFacts(ids: readonly string[]): Markup {
  const links = referencesOf(ids).map(
    ({ name, url }) => html`<a href="${url}" rel="noreferrer noopener">${name}</a> `,
  );
  return links.length === 0
    ? nothing
    : html`<dt>described by</dt>
        <dd class="links">${links}</dd>`;
}

/** One line; there is nothing to unfold. */
export function notAffectedEntry(
  { id, package: each, branch, repository }: NotAffected,
  origins: OriginNumbers,
): Markup {
  return html`<div
    class="entry"
    data-severity=""
    data-state="not-affected"
    data-origin="${origins.get(each.origin) ?? ""}"
  >
    <span class="id">${id}</span> ${each.name} ${each.version}
    <span class="soft">says Alpine (${branch}, ${repository})</span>
  </div> `;
}
