import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Ajv } from "ajv";
import type { ScanReport } from "../report.ts";
import { scanJson } from "./json.ts";
import {
  cleanReport,
  disturbing,
  failedOptions,
  hostileReport,
  hostileTexts,
  options,
  sampleReport,
} from "./sample-report.test.ts";

/** The published schema lets readers meet fields that they do not know; what is written has none. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== "object" || schema === null) return schema;
  const entries = Object.entries(schema).map(([name, value]) => [name, closed(value)]);
  const isOpen = "properties" in schema && !("additionalProperties" in schema);
  return { ...Object.fromEntries(entries), ...(isOpen ? { additionalProperties: false } : {}) };
}

const published = JSON.parse(
  readFileSync(new URL("../../../docs/formats/scan-report.schema.json", import.meta.url), "utf8"),
) as object;

const reports: readonly ScanReport[] = [
  sampleReport,
  cleanReport,
  ...hostileTexts.map(hostileReport),
];

test("the published schema describes what is written, and all of it", () => {
  const validate = new Ajv({ strict: false, allErrors: true }).compile(closed(published) as object);
  for (const text of [
    scanJson(reports, failedOptions),
    scanJson([], failedOptions),
    scanJson([], options),
  ])
    assert.ok(validate(JSON.parse(text)), JSON.stringify(validate.errors, null, 2));
});

test("maps become objects, times become text, and nothing is lost", () => {
  const value = JSON.parse(scanJson([sampleReport], options));
  assert.equal(value.schemaVersion, 1);
  assert.deepEqual(value.tool, { name: "bivy", version: "1.2.3" });
  const [report] = value.reports;
  assert.equal(report.time, "2025-01-04T12:00:00Z");
  assert.equal(report.feeds[0].fetched, "2025-01-04T09:00:00Z");
  assert.equal(report.support.repositories.main, "2025-11-01");
  assert.equal(report.versions.libssl3, "3.1.4-r2");
  assert.deepEqual(report.findings, sampleReport.findings);
  assert.deepEqual(report.suppressed, sampleReport.suppressed);
  assert.deepEqual(report.summary, {
    risk: sampleReport.findings[0]!.risk.score,
    vulnerabilities: 4,
    findings: 5,
    bySeverity: { critical: 2, high: 0, medium: 1, low: 1, none: 0, unknown: 1 },
    suppressed: 2,
    notAffected: 1,
    noFixData: 3,
  });
});

test("a name is an object's own, whatever it is", () => {
  const report = { ...sampleReport, versions: new Map([["__proto__", "1-r0"]]) };
  const value = JSON.parse(scanJson([report], options));
  assert.deepEqual(Object.entries(value.reports[0].versions), [["__proto__", "1-r0"]]);
});

test("hostile words come through as they are, and disturb nobody", () => {
  for (const text of hostileTexts) {
    const json = scanJson([hostileReport(text)], options);
    assert.doesNotMatch(json, disturbing);
    assert.equal(JSON.parse(json).reports[0].findings[0].remedy.text, text);
  }
});

test("equal reports give equal text", () => {
  assert.equal(scanJson(reports, options), scanJson(structuredClone(reports), options));
});
