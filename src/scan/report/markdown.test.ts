import assert from "node:assert/strict";
import { test } from "node:test";
import { scanMarkdown } from "./markdown.ts";
import {
  cleanReport,
  disturbing,
  failedOptions,
  hostileReport,
  hostileTexts,
  options,
  sampleReport,
} from "./sample-report.test.ts";

test("warnings come first, then a verdict, a table by risk, and what to do", () => {
  const text = scanMarkdown([sampleReport], options);
  const order = [
    /^## <code>registry\.example\.com\/team\/app&#58;1\.4<\/code>$/m,
    /^> \*\*Warning:\*\* not of v3\.19/m,
    /^\*\*4 vulnerabilities in 4 packages\*\*, worst risk \*\*45\.5\*\* of 100 \(1 critical, 1 medium, 1 low, 1 of unknown severity\)\.$/m,
    /^\| Risk \| Id \|/m,
    /^\| 45\.5 \| \[CVE-2024-12797\]\(https:\/\/nvd\.nist\.gov\/vuln\/detail\/CVE-2024-12797\) \| <code>libcrypto3<\/code>, <code>libssl3<\/code> \|/m,
    /^\*\*What to do next\*\*$/m,
    /\(mends 2 of 4\):<br><code>RUN apk upgrade --no-cache busybox/m,
    /^<details><summary>Details<\/summary>$/m,
    /^<details><summary>Suppressed: 2<\/summary>$/m,
    /^- 3 packages without known fix data, which is not the same as "not vulnerable"$/m,
  ].map((pattern) => text.search(pattern));
  assert.ok(!order.includes(-1), `${order}\n${text}`);
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
  );
});

test("no findings are a sentence that says what it rests on", () => {
  const text = scanMarkdown([cleanReport], options);
  assert.match(
    text,
    /^No known vulnerability in the 8 packages that Alpine has published fixes for in v3\.19 \(Alpine's advisories from 2025-01-04, 3 hours old\)\. Nothing is known of the other 3 packages\.$/m,
  );
});

test("several subjects are summed up, the worst first, and failures stand before all", () => {
  const text = scanMarkdown([cleanReport, sampleReport], failedOptions);
  assert.match(text, /^> \*\*Not scanned:\*\* <code>debian&#58;12<\/code>/);
  const [worst, clean] = text.match(/^\| \d+\.\d \| <code>.*$/gm)!;
  assert.match(worst!, /^\| 45\.5 \|.*app/);
  assert.match(clean!, /^\| 0\.0 \|.*none known/);
});

test("a long report stays within the bounds of a comment", () => {
  const findings = Array.from({ length: 2000 }, (_, index) => ({
    ...sampleReport.findings[0]!,
    id: `CVE-2024-${10_000 + index}`,
  }));
  const text = scanMarkdown([{ ...sampleReport, findings }], options);
  assert.ok(text.length < 60_000, `${text.length}`);
  assert.match(text, /^… and 1950 more of lower risk\.$/m);
});

/** Markup that bivy writes itself; what is left must be text, in character references. */
const own = [
  /<\/?(?:code|details|summary|sub|br)>/g,
  /\]\(https:\/\/(?:nvd\.nist\.gov|security\.alpinelinux\.org)\/[\w/.-]+\)/g,
  /&(?:#\d+|lt);/g,
];

test("hostile words are no markup, no mention, no link and no row of their own", () => {
  const rows = (text: string): number => text.match(/^\|/gm)!.length;
  const usual = rows(scanMarkdown([hostileReport("x")], options));
  for (const hostile of hostileTexts) {
    const text = scanMarkdown([hostileReport(hostile)], options);
    assert.doesNotMatch(text, disturbing);
    assert.equal(rows(text), usual);
    const rest = own.reduce((left, pattern) => left.replaceAll(pattern, ""), text);
    assert.doesNotMatch(rest, /[<&@`_~\\]|:\/\/|www\.|!\[|\]\(/, hostile);
    assert.equal(text.match(/^#+ /gm)!.length, 1);
    assert.equal(text, scanMarkdown([structuredClone(hostileReport(hostile))], options));
  }
});
