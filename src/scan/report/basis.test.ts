import assert from "node:assert/strict";
import { test } from "node:test";
import { advisoriesAge, describeCount, describeNoFindings, describeRest } from "./basis.ts";
import { cleanReport, sampleReport, time } from "./sample-report.test.ts";

test("advisories are as old as the oldest of the branch", () => {
  const [feed] = sampleReport.feeds;
  const feeds = [
    feed!,
    { ...feed!, repository: "community", fetched: time - 3 * 86_400 },
    { ...feed!, branch: "edge", fetched: 0 },
  ];
  assert.equal(advisoriesAge({ ...sampleReport, feeds }), "advisories from 2025-01-01, 3 days old");
  assert.equal(advisoriesAge({ ...sampleReport, feeds: [] }), "advisories of unknown age");
});

test("what suppression and filters leave out is not called unknown", () => {
  const filtered = { code: "filtered", text: "3 findings left out" };
  const [none, some] = [cleanReport, { ...cleanReport, suppressed: sampleReport.suppressed }];
  const startOf = (report: typeof cleanReport): string =>
    describeNoFindings(report).replace(/ in the 8 packages.*/, "");
  assert.equal(startOf(none), "No known vulnerability");
  assert.equal(startOf(some), "No known vulnerability that is not suppressed");
  assert.equal(
    startOf({ ...some, warnings: [filtered] }),
    "No known vulnerability that is not suppressed and the filters leave",
  );
});

test("packages of one source have a vulnerability once", () => {
  assert.equal(describeCount(sampleReport.findings.slice(0, 2)), "1 vulnerability in 2 packages");
  const [each] = sampleReport.notAffected;
  const other = { ...each!, package: { ...each!.package, name: "libcrypto3" } };
  const report = { ...cleanReport, noFixData: [], notAffected: [each!, other] };
  assert.deepEqual(describeRest(report), [
    "1 vulnerability that Alpine says its package never had",
  ]);
});
