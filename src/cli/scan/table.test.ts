import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  cleanReport,
  disturbing,
  failedOptions,
  hostileReport,
  hostileTexts,
  sampleFinding,
  samplePackage,
  sampleReport,
} from "../../../test/sample-scan-reports.ts";
import type { ScanComparison } from "../../scan/index.ts";
import { displayWidth } from "../term/display-width.ts";
import { formatComparison } from "./comparison-table.ts";
import { formatExplanation, formatFindingDetails } from "./explanation.ts";
import { formatScanTable, type ScanTableOptions } from "./table.ts";

const brief: ScanTableOptions = { width: 80, showSuppressed: false, all: false };
const whole: ScanTableOptions = { ...brief, showSuppressed: true, all: true };

function assertFits(text: string, width: number): void {
  assert.doesNotMatch(text, disturbing);
  for (const line of text.split("\n"))
    assert.ok(displayWidth(line) <= width, `${displayWidth(line)} > ${width}: ${line}`);
}

function assertSays(text: string, ...patterns: readonly RegExp[]): void {
  for (const pattern of patterns) assert.match(text, pattern);
}

test("the table has warnings, findings by risk, counts and what to do, in this order", () => {
  const text = formatScanTable([sampleReport], brief);
  const order = [
    /^registry\.example\.com\/team\/app:1\.4\nAlpine Linux 3\.19\.1, branch v3\.19, 11 packages$/m,
    /^advisories from 2025-01-04, 3 hours old$/m,
    /^WARNING not of v3\.19/m,
    /^RISK {2}ID {14}SEVERITY/m,
    /^45\.5 {2}CVE-2024-12797 {2}critical 9\.1 N {4}42% {2}KEV {2}layer 1, via apk-tools\n {6}libcrypto3, libssl3 {2}3\.1\.4-r2 → 3\.1\.8-r0$/m,
    /^ 3\.6 {2}CVE-2024-7264 .*\n.*VEX: under investigation\)$/m,
    /^ 2\.5 {2}XSA-458 {9}unknown .*\n.*1\.36\.1-r17 \(not there yet\)$/m,
    /^ 0\.5 {2}CVE-2023-42363 .*<0\.1%/m,
    /^4 vulnerabilities in 4 packages: 1 critical, 1 medium, 1 low, 1 of unknown\nseverity$/m,
    /^ {2}3 packages without known fix data, which is not the same as "not vulnerable"$/m,
    /^ {2}215 packages of languages not judged: 212 npm, 3 pypi$/m,
    /^ {2}\(shown by --show-suppressed and --all\)$/m,
    /^NEXT$/m,
    /^ {6}RUN apk upgrade --no-cache busybox busybox-binsh libcrypto3 libssl3 \\\n {8}ssl_client$/m,
    /^ {6}apk upgrade curl libcurl$/m,
    /^ {6}bivy scan registry\.example\.com\/team\/app:1\.4 --explain CVE-2024-12797$/m,
  ].map((pattern) => text.search(pattern));
  assert.ok(!order.includes(-1), `${order}\n${text}`);
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
  );
  assert.doesNotMatch(text, /SUPPRESSED|We never parse XML/);
});

test("a command names the subject where a shell takes it as it is", () => {
  const commandFor = (name: string): string => {
    const report = { ...sampleReport, subject: { ...sampleReport.subject, name } };
    return /bivy scan (.*) --explain/.exec(formatScanTable([report], brief))![1]!;
  };
  for (const name of ["/mnt/app.tar", "./app.tar", "dir:../root"])
    assert.equal(commandFor(name), name);
  for (const name of ["-o", "app;id", "a b", "~root", ""]) assert.equal(commandFor(name), "IMAGE");
});

test("all there is to know is shown where it is asked for", () => {
  assertSays(
    formatScanTable([sampleReport], whole),
    /^SUPPRESSED$/m,
    /^ {6}suppressed by an ignore rule: We never parse XML; until 2025-06-30;$/m,
    /^NOT AFFECTED, SAYS ALPINE\n {2}libssl3: CVE-2022-1292$/m,
    /^NO KNOWN FIX DATA\n {2}alpine-baselayout ca-certificates-bundle scanelf$/m,
    /^ {2}zlib: CVE-2022-37434 fixed in 1\.2\.11\.r3$/m,
  );
});

test("no findings are a sentence that says what it rests on", () => {
  const text = formatScanTable([cleanReport], brief);
  assert.match(
    text.replaceAll("\n", " "),
    /No known vulnerability in the 8 packages that Alpine has published fixes for in v3\.19 \(Alpine's advisories from 2025-01-04, 3 hours old\)\. Nothing is known of the other 3 packages\./,
  );
  assert.doesNotMatch(text, /^NEXT$|\b0 vuln/m);
  const unknown = { ...cleanReport, noFixData: [...cleanReport.versions.keys()] };
  assert.match(formatScanTable([unknown], brief), /^Nothing can be said: /m);
});

test("several subjects are summed up first, the worst on top", () => {
  const text = formatScanTable([cleanReport, sampleReport], {
    ...brief,
    failures: failedOptions.failures!,
  });
  assertSays(
    text,
    /^NOT SCANNED debian:12: expected packages of apk/,
    /^RISK {2}CRIT {2}HIGH {2}MED {2}LOW {2}\? {2}SUBJECT +NEXT\n45\.5 .*app:1\.4 {2}rebuild \(2 of 4\)\n 0\.0 .*alpine:3\.19 .* none known$/m,
  );
});

test("a long list is cut, and says so", () => {
  const each = samplePackage("a 1-r0");
  const findings = Array.from({ length: 60 }, (_, index) =>
    sampleFinding(`CVE-2024-${1000 + index}`, each),
  );
  const report = { ...sampleReport, findings };
  assert.match(
    formatScanTable([report], brief),
    /^… and 35 more of lower risk \(--all shows them\)$/m,
  );
  assert.doesNotMatch(formatScanTable([report], whole), /^…/m);
});

test("on a wide terminal a finding takes one line", () => {
  const text = formatScanTable([sampleReport], { ...brief, width: 140 });
  assertFits(text, 140);
  assert.match(
    text,
    /^45\.5 {2}CVE-2024-12797 .* libcrypto3, libssl3 {2}3\.1\.4-r2 → 3\.1\.8-r0 +layer 1/m,
  );
});

test("hostile words fit, and a terminal obeys none of them", () => {
  const reports = hostileTexts.map(hostileReport);
  for (const width of [60, 80, 131, 200]) {
    const options = { ...whole, width };
    for (const report of reports) {
      assertFits(formatScanTable([report], options), width);
      assertFits(formatExplanation(report.findings[0]!.id, [report], width), width);
    }
    assertFits(formatScanTable(reports, { ...options, failures: failedOptions.failures! }), width);
  }
});

test("whatever names there are, lines are no longer than the terminal", () => {
  const names = fc.string({ unit: "grapheme", maxLength: 90 });
  fc.assert(
    fc.property(names, fc.integer({ min: 60, max: 220 }), fc.boolean(), (name, width, all) => {
      const options = { width, showSuppressed: all, all };
      assertFits(formatScanTable([hostileReport(name), sampleReport], options), width);
    }),
    { numRuns: 200 },
  );
});

test("a command is never shortened", () => {
  const names = Array.from({ length: 40 }, (_, index) => `${"long-name-".repeat(4)}${index}`);
  const finding = sampleFinding("CVE-2024-1", samplePackage("a 1-r0"), {
    remedy: { kind: "upgrade", command: `apk upgrade ${names.join(" ")}`, text: "upgrade" },
  });
  const text = formatScanTable([{ ...sampleReport, findings: [finding] }], { ...brief, width: 60 });
  const [, command] = /^ {6}(apk upgrade(?:.*\\\n)*.*)$/m.exec(text)!;
  assert.deepEqual(command!.split(/\s+(?:\\\n\s+)?/), ["apk", "upgrade", ...names.toSorted()]);
});

test("a comparison says what is new, mended and left", () => {
  const [openssl, ssl, curl, xen, busybox] = sampleReport.findings;
  const comparison: ScanComparison = {
    old: "app:1",
    new: "app:2",
    mended: [
      { ...openssl!, by: "upgrade" },
      { ...ssl!, by: "upgrade" },
      { ...curl!, by: "removal" },
    ],
    introduced: [xen!],
    remaining: [busybox!],
    packages: {
      upgraded: [{ name: "libssl3", from: "3.1.4-r2", to: "3.1.8-r0" }],
      downgraded: [],
    },
  };
  const text = formatComparison(comparison, brief);
  assertFits(text, 80);
  assertSays(
    text,
    /^old {2}app:1\nnew {2}app:2$/m,
    /^NEW: 1 vulnerability in 1 package$/m,
    /^MENDED BY AN UPGRADE: 1 vulnerability in 2 packages$/m,
    /^GONE WITH THEIR PACKAGES: 1 vulnerability in 1 package$/m,
    /^LEFT: 1 vulnerability in 1 package$/m,
    /^ {2}libssl3 3\.1\.4-r2 → 3\.1\.8-r0$/m,
    /^2 mended, 1 new, 1 left; left are 1 low\.$/m,
  );
  const nothing = { ...comparison, mended: [], introduced: [], remaining: [] };
  assert.match(formatComparison(nothing, brief), /^0 mended, 0 new, 0 left\.$/m);
});

test("the details of a finding are all that it carries", () => {
  const text = formatFindingDetails(sampleReport.findings[0]!, sampleReport, 80);
  assertFits(text, 80);
  assertSays(
    text,
    /^ {2}also known as {5}GHSA-abcd-efgh-1234$/m,
    /^ {2}rests on {10}Alpine's advisories for v3\.19, main, row openssl$/m,
    /^ {2}exploited {9}yes: in CISA's catalog since 2024-12-01, to be mended by$/m,
    /^ {2}risk {14}45\.5 of 100: severity 0\.91 × exploitability 1 × impact 0\.5$/m,
    /^ {2}layer {13}1 of 2: ADD alpine-minirootfs/m,
    /^ {2}required by {7}apk-tools → libcrypto3$/m,
    /^ {2}command {11}RUN apk upgrade --no-cache libcrypto3 libssl3$/m,
  );
});

test("an explanation answers for aliases, for what is not affected, and for what is not known", () => {
  const explain = (id: string): string => formatExplanation(id, [sampleReport], 80);
  assert.match(explain("ghsa-abcd-efgh-1234"), /^CVE-2024-12797 in libcrypto3$/m);
  assert.match(explain("CVE-2024-45490"), /^ {2}suppressed {8}by an ignore rule: We never/m);
  assert.match(explain("CVE-2022-1292"), /^CVE-2022-1292: libssl3 3\.1\.4-r2 is not affected/m);
  assert.match(explain("CVE-1999-1"), /^CVE-1999-1: not found here\./m);
});
