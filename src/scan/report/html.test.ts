import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { ScanReport } from "../report.ts";
import { scanHtml } from "./html.ts";
import {
  cleanReport,
  failedOptions,
  hostileReport,
  hostileTexts,
  options,
  sampleFinding,
  samplePackage,
  sampleReport,
} from "./sample-report.test.ts";

/** Whether there is a command, and what else is known, depends on what packages are called. */
const varying = /^\/?(?:dt|dd|pre|code)\b/;

/** Names of all elements and attributes, with how often each is there. */
function shapeOf(html: string): Readonly<Record<string, number>> {
  const body = html.replace(/<(style|script)>.*?<\/\1>/gs, "");
  const counts: Record<string, number> = {};
  const tags = /<(\/?[\w!]+)((?:\s+[\w-]+(?:="[^"]*")?)*)\s*\/?>/g;
  for (const [, tag, attributes] of body.matchAll(tags)) {
    const names = [...attributes!.matchAll(/\s([\w-]+)(?:="[^"]*")?/g)].map(([, name]) => name);
    for (const name of [tag!, ...names.map((each) => `${tag} ${each}`)])
      if (!varying.test(name)) counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

test("the policy lets only the page's own script and style work, and nothing is loaded", () => {
  const html = scanHtml([sampleReport], options);
  const [, policy] = /http-equiv="Content-Security-Policy"\s+content="([^"]*)"/.exec(html)!;
  const hash = (text: string): string => createHash("sha256").update(text).digest("base64");
  const [, script] = /<script>(.*?)<\/script>/s.exec(html)!;
  const [, style] = /<style>(.*?)<\/style>/s.exec(html)!;
  assert.equal(
    policy,
    `default-src 'none'; script-src 'sha256-${hash(script!)}'; style-src 'sha256-${hash(style!)}'; base-uri 'none'; form-action 'none'`,
  );
  assert.doesNotMatch(html, /\b(?:src|style|on\w+)=|url\(|@import/);
  assert.doesNotMatch(script!, /innerHTML|insertAdjacentHTML|document\.write|eval\(|fetch\(/);
  for (const [, address] of html.matchAll(/href="([^"]*)"/g))
    assert.match(
      address!,
      /^https:\/\/(?:nvd\.nist\.gov|security\.alpinelinux\.org|github\.com|xenbits\.xen\.org)\/[\w./-]+$/,
    );
});

test("nothing that a report says becomes markup", () => {
  const usual = shapeOf(scanHtml([hostileReport("x")], options));
  for (const hostile of hostileTexts) {
    const html = scanHtml([hostileReport(hostile)], options);
    assert.deepEqual(shapeOf(html), usual, hostile);
    assert.equal(html.match(/<script/g)!.length, 1);
    // oxlint-disable-next-line no-control-regex
    assert.doesNotMatch(html, /[\0-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/);
  }
});

test("what matters most is said first", () => {
  const html = scanHtml([sampleReport], options);
  const order = [
    "<strong>Warning:</strong>",
    "4 vulnerabilities in 4 packages",
    "What to do next",
    "RUN apk upgrade --no-cache busybox busybox-binsh libcrypto3 libssl3 ssl_client",
    'id="filters"',
    "Vulnerabilities by risk",
    "CVE-2024-12797",
    "CVE-2023-42363",
    "Suppressed (2)",
    "We never parse XML;",
    "Not affected, says Alpine (1)",
    "No known fix data, which is not “not vulnerable” (3)",
    "What this rests on (2 feeds)",
    "2025-01-04, 3 hours old</td>",
  ].map((words) => html.indexOf(words, words.startsWith("2025") ? html.indexOf("What this") : 0));
  assert.ok(!order.includes(-1), `${order}`);
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
  );
});

test("several subjects have a table, the worst first, and a section each", () => {
  const html = scanHtml([cleanReport, sampleReport], failedOptions);
  const links = [...html.matchAll(/<a href="#(s\d)"\s*>([^<]*)</g)].map(([, id, name]) => [
    id,
    name,
  ]);
  assert.deepEqual(links, [
    ["s2", sampleReport.subject.name],
    ["s1", cleanReport.subject.name],
  ]);
  for (const [id] of links) assert.ok(html.includes(`id="${id}"`));
  assert.ok(html.indexOf("Not scanned:") < html.indexOf("All subjects"));
  assert.match(html, /No known vulnerability in the 8 packages/);
});

test("equal reports give equal pages, and a thousand findings fit into a few megabytes", () => {
  const reports: readonly ScanReport[] = [sampleReport, cleanReport];
  assert.equal(scanHtml(reports, options), scanHtml(structuredClone(reports), options));
  const findings = Array.from({ length: 1000 }, (_, index) =>
    sampleFinding(`CVE-2024-${10_000 + index}`, samplePackage(`package-${index} 1-r0`), {
      score: 5,
    }),
  );
  const { length } = scanHtml([{ ...sampleReport, findings }], options);
  assert.ok(length < 5_000_000, `${length}`);
});
