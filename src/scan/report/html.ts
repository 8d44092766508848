/**
 * Scan reports as a page: one file that asks nothing of the network, whole without script and quicker to
 * search with it. All words from outside are text in it, and its content security policy lets no other
 * script or style work than its own.
 */
import { countOf, pagePolicy } from "../../base/index.ts";
import { worstRisk, type ScanReport } from "../report.ts";
import {
  advisoriesAge,
  describeCount,
  describeNoFindings,
  describeSubject,
  feedAge,
  feedTitle,
} from "./basis.ts";
import type { ReportOptions, ScanFailure } from "./failure.ts";
import { nextSteps } from "./next-steps.ts";
import { joinByOrigin, type OriginFinding } from "./origin-finding.ts";
import { entryTitles, findingEntry, notAffectedEntry, type OriginNumbers } from "./page/entries.ts";
import { startFilters } from "./page/filters.ts";
import { html, nothing, when, type Markup } from "./page/markup.ts";
import { pageStyle } from "./page/style.ts";
import { sentences } from "./shown-text.ts";

export function scanHtml(
  reports: readonly ScanReport[],
  { version, failures = [] }: ReportOptions,
): string {
  const script = `"use strict";\n(${startFilters.toString()})(document);\n`;
  const title =
    reports.length === 1
      ? `Scan of ${reports[0]!.subject.name}`
      : `Scan of ${countOf(reports.length, "subject")}`;
  const origins = numberOrigins(reports);
  // In one piece: a blank more than was hashed, and the policy would refuse them.
  const own = {
    policy: { html: pagePolicy(script, pageStyle) },
    style: { html: `<style>${pageStyle}</style>` },
    script: { html: `<script>${script}</script>` },
  };
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${own.policy}" />
        <meta name="referrer" content="no-referrer" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        ${own.style}
      </head>
      <body>
        <header>
          <h1>${title}</h1>
          <p class="soft">bivy ${version}</p>
          ${failures.map(failureNote)}${when(reports.length > 1, () => summaryTable(reports))}
        </header>
        ${when(reports.length > 1, () => filterBar(origins))}
        <main>
          ${reports.map((report, at) => section(report, at, origins, reports.length === 1))}
        </main>
        ${own.script}
      </body>
    </html> `.html;
}

function numberOrigins(reports: readonly ScanReport[]): OriginNumbers {
  const packages = reports.flatMap(({ findings, suppressed, notAffected }) =>
    [...findings, ...suppressed, ...notAffected].map(({ package: { origin } }) => origin),
  );
  return new Map([...new Set(packages)].sort().map((name, index) => [name, index]));
}

function failureNote({ text, hint }: ScanFailure): Markup {
  return html`<p class="note bad" role="note">
    <strong>Not scanned:</strong> ${sentences(text, hint)}
  </p> `;
}

const levels = ["critical", "high", "medium", "low", "none", "unknown"] as const;

function countLevels(rows: readonly OriginFinding[]): ReadonlyMap<string, number> {
  const groups = Map.groupBy(rows, ({ finding }) => finding.severity?.level ?? "unknown");
  return new Map(Array.from(groups, ([level, each]) => [level, each.length]));
}

/** The worst first. */
function summaryTable(reports: readonly ScanReport[]): Markup {
  const rows = reports
    .map((report, at) => ({ report, at, found: joinByOrigin(report.findings) }))
    .sort((a, b) => worstRisk(b.report) - worstRisk(a.report) || a.at - b.at)
    .map(({ report, at, found }) => {
      const counts = countLevels(found);
      const [step] = nextSteps(found);
      return html`<tr>
        <td class="number">${worstRisk(report).toFixed(1)}</td>
        <td class="name"><a href="#s${at + 1}">${report.subject.name}</a></td>
        ${levels.map((level) => html`<td class="number">${counts.get(level) ?? 0}</td>`)}
        <td class="next">
          ${step === undefined ? "none known" : `${step.text} (mends ${step.mends} of ${found.length})`}
        </td>
      </tr> `;
    });
  return html`<h3 id="all">All subjects</h3>
    <div class="scroll">
      <table aria-labelledby="all">
        <thead>
          <tr>
            <th class="number" scope="col">worst risk</th>
            <th scope="col">subject</th>
            ${levels.map((level) => html`<th class="number" scope="col">${level}</th>`)}
            <th scope="col">next</th>
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>`;
}

/** Hidden until the script that it needs shows it. */
function filterBar(origins: OriginNumbers): Markup {
  const states = {
    "": "all",
    vulnerable: "vulnerable",
    available: "fix available",
    exploited: "exploited",
    suppressed: "suppressed",
    "not-affected": "not affected",
  };
  return html`<div
    id="filters"
    class="filters"
    role="search"
    aria-label="Filter the findings"
    hidden
  >
    <label
      >Search
      <input id="search" type="search" placeholder="id, package, layer …" autocomplete="off"
    /></label>
    <label
      >Severity
      <select id="severity">
        ${["", ...levels].map((level) => option(level, level === "" ? "all" : level))}
      </select></label
    >
    <label
      >State
      <select id="state">
        ${Object.entries(states).map(([value, text]) => option(value, text))}
      </select></label
    >
    <label
      >Package
      <select id="origin">
        ${[option("", "all"), ...Array.from(origins, ([name, number]) => option(String(number), name))]}
      </select></label
    >
    <button id="unfold" type="button">Unfold all</button>
    <button id="reset" type="button">Reset</button>
    <span id="status" class="soft" role="status"></span>
  </div>`;
}

function option(value: string, text: string): Markup {
  return html`<option value="${value}">${text}</option>`;
}

/** The title of the only subject is that of the page, and its filters stand where they are needed. */
function section(report: ScanReport, at: number, origins: OriginNumbers, isOnly: boolean): Markup {
  const { subject, findings, suppressed, warnings, notAffected } = report;
  const found = joinByOrigin(findings);
  const entries = found.map((row) => findingEntry(row, report, origins));
  const ignored = joinByOrigin(suppressed).map((row) => findingEntry(row, report, origins));
  return html`<section class="subject" id="s${at + 1}" aria-label="${subject.name}">
    ${when(!isOnly, () => html`<h2>${subject.name}</h2>`)}
    <p class="soft">
      ${describeSubject(report)};
      ${advisoriesAge(report)}${subject.digest === undefined ? "" : `; ${subject.digest}`}
    </p>
    ${warnings.map(
      ({ text, hint }) =>
        html`<p class="note" role="note"><strong>Warning:</strong> ${sentences(text, hint)}</p> `,
    )}
    <p class="verdict">
      ${found.length === 0 ? describeNoFindings(report) : html`<strong>${describeCount(findings)}</strong>, worst risk <strong>${worstRisk(report).toFixed(1)}</strong> of 100`}
    </p>
    ${when(found.length > 0, () => html`${countChips(found)}${stepsList(found)}`)}
    ${when(isOnly, () => filterBar(origins))}
    ${when(
      found.length > 0,
      () =>
        html`<h3>Vulnerabilities by risk</h3>
          <div class="group">${entryRows(entries, "rows", true)}</div>`,
    )}
    ${when(ignored.length > 0, () => group(`Suppressed (${ignored.length})`, entryRows(ignored, "rows", true)))}
    ${when(notAffected.length > 0, () =>
      group(
        `Not affected, says Alpine (${notAffected.length})`,
        entryRows(
          notAffected.map((each) => notAffectedEntry(each, origins)),
          "rows plain",
          false,
        ),
      ),
    )}
    ${counted(report)} ${feedsTable(report)}
  </section> `;
}

function countChips(rows: readonly OriginFinding[]): Markup {
  const counts = countLevels(rows);
  const chips = levels
    .filter((level) => counts.has(level))
    .map(
      (level) =>
        html`<li class="${level === "none" ? "none-severity" : level}">
          <b>${counts.get(level)!}</b> ${level}
        </li>`,
    );
  return html`<ul class="counts" aria-label="By severity">
    ${chips}
  </ul> `;
}

function stepsList(rows: readonly OriginFinding[]): Markup {
  const steps = nextSteps(rows).map(
    ({ command, text, mends }) =>
      html`<li>
        ${text}
        <span class="soft">(mends ${mends} of ${rows.length})</span
        >${command === undefined ? nothing : html`<pre tabindex="0"><code>${command.join(" ")}</code></pre>`}
      </li> `,
  );
  return html`<h3>What to do next</h3>
    <ol class="steps">
      ${steps}
    </ol> `;
}

/** Entries that fold together. */
function group(title: string, rows: Markup): Markup {
  return html`<details class="group">
    <summary>${title}</summary>
    ${rows}
  </details> `;
}

function entryRows(entries: readonly Markup[], kind: string, isTitled: boolean): Markup {
  return html`<div class="${kind}">
    ${when(isTitled, () => entryTitles)} ${entries}
    <p class="none soft" hidden>Nothing here matches the filters.</p>
  </div>`;
}

/** What is known of by name only. */
function counted({ noFixData, unreadable, unjudged }: ScanReport): Markup {
  const languages = unjudged.reduce((sum, { count }) => sum + count, 0);
  const lists: readonly (readonly [title: string, items: readonly string[]])[] = [
    [`No known fix data, which is not “not vulnerable” (${noFixData.length})`, noFixData],
    [
      `Advisories whose version is none (${unreadable.length})`,
      unreadable.map(
        ({ origin, version, ids }) => `${origin}: ${ids.join(" ")} fixed in ${version}`,
      ),
    ],
    [
      `Packages of languages, not judged (${languages})`,
      unjudged.map(({ ecosystem, count }) => `${count} ${ecosystem}`),
    ],
  ];
  return html`${lists
    .filter(([, items]) => items.length > 0)
    .map(([title, items]) =>
      group(
        title,
        html`<ul class="rows names">
          ${items.map((item) => html`<li>${item}</li> `)}
        </ul>`,
      ),
    )}`;
}

function feedsTable({ feeds, time }: ScanReport): Markup {
  const rows = feeds.map(
    (feed) =>
      html`<tr>
        <td>${feedTitle(feed)}</td>
        <td>${feedAge(feed, time)}</td>
        <td class="number">${feed.entries.toLocaleString("en")}</td>
        <td class="soft">${feed.url}</td>
      </tr> `,
  );
  return html`<details class="group">
    <summary>What this rests on (${countOf(feeds.length, "feed")})</summary>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">feed</th>
            <th scope="col">as of</th>
            <th class="number" scope="col">entries</th>
            <th scope="col">from</th>
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>
  </details>`;
}
