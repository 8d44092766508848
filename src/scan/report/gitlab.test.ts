import assert from "node:assert/strict";
import { test } from "node:test";
import type { ScanReport } from "../report.ts";
import { object, validParser } from "./closed-schema.test.ts";
import { scanGitlab } from "./gitlab.ts";
import {
  cleanReport,
  disturbing,
  failedOptions,
  hostileReport,
  hostileTexts,
  options,
  sampleReport,
} from "./sample-report.test.ts";

const text = (maxLength = 1_048_576): object => ({ type: "string", minLength: 1, maxLength });
const url = { type: "string", pattern: "^https?://.+" };
const moment = { type: "string", pattern: "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}$" };

const tool = object({
  id: text(),
  name: text(255),
  version: text(255),
  vendor: object({ name: text(255) }),
});

/** Of GitLab's schema of container scanning, version 15, what is used here. */
const schema = object({
  version: { type: "string", pattern: "^15\\.\\d+\\.\\d+$" },
  scan: object({
    analyzer: tool,
    scanner: tool,
    type: { const: "container_scanning" },
    start_time: moment,
    end_time: moment,
    status: { enum: ["success", "failure"] },
    messages: {
      type: "array",
      items: object({ level: { enum: ["info", "warn", "fatal"] }, value: text() }),
    },
  }),
  vulnerabilities: {
    type: "array",
    items: object({
      id: {
        type: "string",
        pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
      },
      name: text(255),
      description: text(),
      severity: { enum: ["Info", "Unknown", "Low", "Medium", "High", "Critical"] },
      solution: text(7000),
      identifiers: {
        type: "array",
        minItems: 1,
        items: object({ type: text(), name: text(), value: text() }, { url }),
      },
      links: { type: "array", items: object({ name: text(255), url }) },
      location: object({
        dependency: object({ package: object({ name: text() }), version: text() }),
        operating_system: text(255),
        image: text(255),
      }),
    }),
  },
  remediations: { type: "array", maxItems: 0 },
});

const parse = validParser(schema);

function gitlabOf(reports: readonly ScanReport[], more = options) {
  return parse(scanGitlab(reports, more));
}

test("each finding that counts is a vulnerability", () => {
  const { scan, vulnerabilities } = gitlabOf([sampleReport]);
  assert.equal(scan.start_time, "2025-01-04T12:00:00");
  assert.equal(scan.status, "success");
  assert.deepEqual(
    scan.messages.map(({ level }: { level: string }) => level),
    ["warn", "info", "info"],
  );
  assert.equal(vulnerabilities.length, sampleReport.findings.length);
  const [first] = vulnerabilities;
  assert.equal(first.severity, "Critical");
  assert.match(first.solution, /RUN apk upgrade --no-cache libcrypto3 libssl3$/);
  assert.deepEqual(first.location, {
    dependency: { package: { name: "libcrypto3" }, version: "3.1.4-r2" },
    operating_system: "alpine 3.19.1",
    image: "registry.example.com/team/app:1.4",
  });
  assert.deepEqual(
    first.identifiers.map(({ type, value }: { type: string; value: string }) => [type, value]),
    [
      ["cve", "CVE-2024-12797"],
      ["ghsa", "GHSA-abcd-efgh-1234"],
    ],
  );
  assert.equal(vulnerabilities[3].severity, "Unknown", "nobody has scored it");
});

test("ids come from contents: the same in each scan, and no two are equal", () => {
  const other = { ...sampleReport, subject: { ...sampleReport.subject, name: "other" } };
  const idsOf = (reports: readonly ScanReport[]): string[] =>
    gitlabOf(reports).vulnerabilities.map(({ id }: { id: string }) => id);
  const ids = idsOf([sampleReport, other]);
  assert.equal(new Set(ids).size, ids.length);
  assert.deepEqual(idsOf([structuredClone(sampleReport), other]), ids);
});

test("a subject that could not be scanned makes the scan a failure", () => {
  const { scan, vulnerabilities } = gitlabOf([cleanReport], failedOptions);
  assert.equal(scan.status, "failure");
  assert.match(scan.messages[0].value, /^debian:12: /);
  assert.deepEqual(vulnerabilities, []);
});

test("hostile words stay words, and within bounds", () => {
  for (const hostile of hostileTexts) {
    gitlabOf([hostileReport(hostile)]);
    assert.doesNotMatch(scanGitlab([hostileReport(hostile)], options), disturbing);
  }
});
