import assert from "node:assert/strict";
import { test } from "node:test";
import type { ScanReport } from "../report.ts";
import { object, validParser } from "./closed-schema.test.ts";
import { scanSarif } from "./sarif.ts";
import {
  cleanReport,
  disturbing,
  failedOptions,
  hostileReport,
  hostileTexts,
  options,
  sampleReport,
} from "./sample-report.test.ts";

const text = { type: "string", minLength: 1 };
const message = object({ text });
const level = { enum: ["none", "note", "warning", "error"] };
const moment = { type: "string", pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$" };
const properties = { type: "object", properties: { tags: { type: "array", uniqueItems: true } } };

/** Of the specification what is used here: sections 3.13 to 3.58; no object may have other properties. */
const schema = object({
  $schema: { const: "https://json.schemastore.org/sarif-2.1.0.json" },
  version: { const: "2.1.0" },
  runs: {
    type: "array",
    items: object(
      {
        tool: object({
          driver: object(
            {
              name: text,
              version: text,
              rules: {
                type: "array",
                uniqueItems: true,
                items: object(
                  {
                    id: { type: "string" },
                    shortDescription: message,
                    fullDescription: message,
                    help: message,
                    defaultConfiguration: object({ level }),
                    properties,
                  },
                  { name: text, helpUri: { type: "string", pattern: "^https://" } },
                ),
              },
            },
            { semanticVersion: text },
          ),
        }),
        automationDetails: object({ id: text }),
        invocations: {
          type: "array",
          items: object(
            {
              executionSuccessful: { type: "boolean" },
              toolExecutionNotifications: {
                type: "array",
                items: object({ level, descriptor: object({ id: { type: "string" } }), message }),
              },
            },
            { startTimeUtc: moment, endTimeUtc: moment },
          ),
        },
        results: {
          type: "array",
          items: object(
            {
              ruleId: { type: "string" },
              ruleIndex: { type: "integer", minimum: 0 },
              level,
              rank: { type: "number", minimum: 0, maximum: 100 },
              message,
              locations: {
                type: "array",
                items: object({
                  physicalLocation: object({
                    artifactLocation: object({
                      // A relative reference: nothing of it is a scheme or a host.
                      uri: { type: "string", pattern: "^(?!/)[A-Za-z0-9_.!~*'()%/-]+$" },
                    }),
                    region: object({ startLine: { const: 1 } }),
                  }),
                  logicalLocations: {
                    type: "array",
                    items: object({ name: text, fullyQualifiedName: text, kind: text }),
                  },
                }),
              },
              partialFingerprints: { type: "object", additionalProperties: text },
              properties,
            },
            {
              suppressions: {
                type: "array",
                items: object({
                  kind: { enum: ["external", "inSource"] },
                  status: { enum: ["accepted", "underReview", "rejected"] },
                  justification: text,
                }),
              },
            },
          ),
        },
      },
      { columnKind: { const: "unicodeCodePoints" }, properties },
    ),
  },
});

const parse = validParser(schema);

function sarifOf(reports: readonly ScanReport[], more = options) {
  return parse(scanSarif(reports, more)).runs;
}

test("a run has rules by id, and a result for each package", () => {
  const [run] = sarifOf([sampleReport]);
  assert.deepEqual(
    run.tool.driver.rules.map((rule: { id: string }) => rule.id),
    [
      "CVE-2024-12797",
      "CVE-2024-7264",
      "XSA-458",
      "CVE-2023-42363",
      "CVE-2024-45490",
      "CVE-2024-2511",
    ],
  );
  assert.equal(run.results.length, 7);
  for (const { ruleId, ruleIndex } of run.results)
    assert.equal(run.tool.driver.rules[ruleIndex].id, ruleId);
  const [rule] = run.tool.driver.rules;
  assert.equal(rule.properties["security-severity"], "9.1");
  assert.deepEqual(rule.properties.tags, [
    "security",
    "vulnerability",
    "critical",
    "known-exploited",
  ]);
  assert.match(rule.help.text, /RUN apk upgrade --no-cache libcrypto3 libssl3/);
  assert.equal(rule.helpUri, "https://nvd.nist.gov/vuln/detail/CVE-2024-12797");
  assert.deepEqual(
    run.results.map((result: { level: string }) => result.level),
    ["error", "error", "warning", "warning", "note", "error", "warning"],
  );
  const [location] = run.results[0].locations;
  assert.equal(
    location.physicalLocation.artifactLocation.uri,
    "registry.example.com/team/app",
    "without the tag, so that the next build's is the same",
  );
  assert.equal(location.logicalLocations[0].fullyQualifiedName, "openssl/libcrypto3@3.1.4-r2");
});

test("what is suppressed says why, and warnings and failures are notifications", () => {
  const [run, failed] = sarifOf([sampleReport], failedOptions);
  assert.deepEqual(
    run.results.flatMap(({ suppressions = [] }: { suppressions?: { justification: string }[] }) =>
      suppressions.map(({ justification }) => justification),
    ),
    [
      "by an ignore rule: We never parse XML; until 2025-06-30; .bivyignore.yaml, line 3",
      "by VEX: Not reachable; vulnerable code not in execute path; https://example.com/vex/1",
    ],
  );
  const [invocation] = run.invocations;
  assert.equal(invocation.executionSuccessful, true);
  assert.equal(invocation.toolExecutionNotifications[0].descriptor.id, "mixed-branches");
  assert.equal(failed.invocations[0].executionSuccessful, false);
  assert.equal(failed.invocations[0].toolExecutionNotifications[0].level, "error");
});

test("a finding has the same fingerprint in the next build, and another in another image", () => {
  const printsOf = (reports: readonly ScanReport[]): string[][] =>
    sarifOf(reports).map((run: { results: { partialFingerprints: object }[] }) =>
      run.results.map(({ partialFingerprints }) => Object.values(partialFingerprints)[0]),
    );
  const named = (name: string): ScanReport => ({
    ...sampleReport,
    subject: { ...sampleReport.subject, name },
    findings: sampleReport.findings.map((finding) => ({
      ...finding,
      package: { ...finding.package, version: `${finding.package.version}1` },
    })),
  });
  const [first] = printsOf([sampleReport]);
  assert.equal(new Set(first).size, first!.length);
  assert.deepEqual(printsOf([named("registry.example.com/team/app:1.5")]), [first]);
  assert.notDeepEqual(printsOf([named("registry.example.com/team/other:1.4")])[0], first);
  const [one, two] = printsOf([named("app:1"), named("app:2")]);
  assert.equal(new Set([...one!, ...two!]).size, one!.length + two!.length, "told apart by tag");
});

test("a root's findings are in its database", () => {
  const { digest: _, ...subject } = sampleReport.subject;
  const [run] = sarifOf([
    { ...sampleReport, subject: { ...subject, name: "/srv/a", kind: "root" } },
  ]);
  const { uri } = run.results[0].locations[0].physicalLocation.artifactLocation;
  assert.equal(uri, "lib/apk/db/installed");
});

test("no findings are a run without results, not no run", () => {
  const [run] = sarifOf([cleanReport]);
  assert.deepEqual([run.results, run.tool.driver.rules], [[], []]);
});

test("hostile words stay words", () => {
  for (const hostile of hostileTexts) {
    sarifOf([hostileReport(hostile)]);
    const json = scanSarif([hostileReport(hostile)], options);
    assert.doesNotMatch(json, disturbing);
    assert.equal(json, scanSarif([structuredClone(hostileReport(hostile))], options));
  }
});
