import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeText } from "../../base/index.ts";
import type { Availability } from "../finding.ts";
import { parseIgnoreFile } from "./ignore-file.ts";
import {
  applyIgnore,
  expiredRules,
  isDay,
  unusedRules,
  type IgnorableFinding,
  type IgnoreRules,
} from "./ignore-rules.ts";
import { samplePackage } from "../sample-scan.test.ts";

const now = Date.parse("2026-11-30T12:00:00Z") / 1000;

function finding(state: Availability["state"] = "available"): IgnorableFinding {
  return {
    id: "CVE-2024-1",
    aliases: ["GHSA-aaaa-bbbb-cccc"],
    package: samplePackage("libcrypto3 3.1.4-r5 openssl"),
    availability: { state },
  };
}

/** Rules of which each is written in one line of YAML's flow style. */
function rules(...lines: readonly string[]): Promise<IgnoreRules> {
  const text = `ignore:\n${lines.map((line) => `- {reason: r, ${line}}\n`).join("")}`;
  return parseIgnoreFile(encodeText(text), "i.yaml");
}

const matching = [
  "id: CVE-2024-1",
  "id: cve-2024-1",
  "id: GHSA-aaaa-bbbb-cccc",
  "ids: [CVE-2024-7, CVE-2024-1]",
  "id: CVE-2024-1, package: libcrypto3",
  "id: CVE-2024-1, package: openssl",
  "id: CVE-2024-1, expires: 2026-11-30",
];
const foreign = [
  "id: CVE-2024-11",
  "id: CVE-2024",
  "id: CVE-2024-1, package: libssl3",
  "id: CVE-2024-1, package: libcrypto",
  "id: CVE-2024-2, package: libcrypto3",
];

test("a rule holds for its ids and its package", async () => {
  for (const line of matching)
    assert.notEqual(applyIgnore(await rules(line), finding(), now), undefined, line);
  for (const line of foreign)
    assert.equal(applyIgnore(await rules(line), finding(), now), undefined, line);
});

test("what a rule says is passed on, of the first that holds", async () => {
  const both = await rules(
    "id: CVE-2024-1, expires: 2020-01-01",
    "id: CVE-2024-1, expires: 2027-01-01, justification: component_not_present",
    "id: CVE-2024-1",
  );
  assert.deepEqual(applyIgnore(both, finding(), now), {
    by: "ignore-file",
    reason: "r",
    source: "i.yaml:3",
    expires: "2027-01-01",
    justification: "component_not_present",
  });
});

test("a rule holds until its last day is over in UTC", async () => {
  const until = await rules("id: CVE-2024-1, expires: 2026-12-31");
  const at = (time: string) => applyIgnore(until, finding(), Date.parse(time) / 1000) !== undefined;
  assert.equal(at("2026-12-31T00:00:00Z"), true);
  assert.equal(at("2026-12-31T23:59:59.999Z"), true);
  assert.equal(at("2027-01-01T00:00:00Z"), false);
  assert.equal(at("2026-12-31T23:30:00-01:00"), false);
});

test("a rule may hold only as long as there is no fix to be had", async () => {
  const waiting = await rules("id: CVE-2024-1, until: available");
  const held = (["not-available", "available", "unknown"] as const).map(
    (state) => applyIgnore(waiting, finding(state), now) !== undefined,
  );
  assert.deepEqual(held, [true, false, false]);
  assert.deepEqual(unusedRules(waiting, [finding("available")]), []);
});

test("rules that have expired, and those that are about nothing, are named", async () => {
  const found = await rules(
    "id: CVE-2024-1",
    "id: CVE-2024-1, expires: 2026-11-29",
    "id: CVE-2024-1, expires: 2026-11-30",
    "id: CVE-2024-2, expires: 2026-11-29",
    "id: CVE-2024-1, package: busybox",
  );
  const sources = (list: readonly { source: string }[]) => list.map(({ source }) => source);
  assert.deepEqual(sources(expiredRules(found, [finding()], now)), ["i.yaml:3"]);
  assert.deepEqual(sources(unusedRules(found, [finding()])), ["i.yaml:5", "i.yaml:6"]);
  assert.deepEqual(sources(expiredRules(found, [], now)), []);
});

test("a day is one of the calendar", () => {
  for (const day of ["2026-12-31", "2024-02-29", "2000-02-29"]) assert.ok(isDay(day), day);
  for (const day of ["2026-02-29", "2026-13-01", "2026-00-10", "2026-1-1", "26-01-01", "x", ""])
    assert.ok(!isDay(day), day);
});
