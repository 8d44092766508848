import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeText } from "../base/index.ts";
import { parseIgnoreFile } from "./ignore-file.ts";
import { exceptionWarnings, judgeBy, type Exceptions } from "./judge.ts";
import { now, sampleSubject, scanSample } from "./sample-scan.test.ts";
import { parseVex } from "./vex/parse-vex.ts";
import { openVex } from "./vex/sample-vex.test.ts";

const rows = {
  "v3.19/main": { openssl: { "3.1.4-r1": ["CVE-2024-1", "CVE-2024-2", "CVE-2024-3"] } },
};
const subject = sampleSubject(["libcrypto3 3.1.4-r0 openssl"]);

async function exceptions(ignore: string, ...statements: readonly object[]): Promise<Exceptions> {
  return {
    ignore: [await parseIgnoreFile(encodeText(ignore), "i.yaml")],
    vex: [parseVex(encodeText(JSON.stringify(openVex(...statements))), "v.json")],
  };
}

const products = ["pkg:apk/alpine/openssl"];

test("the ignore file comes before VEX, and what VEX remarks stays beside it", async () => {
  const found = await exceptions(
    "ignore: [{ids: [CVE-2024-1, CVE-2024-2], reason: accepted}]",
    { vulnerability: "CVE-2024-1", products, status: "fixed" },
    { vulnerability: "CVE-2024-2", products, status: "affected", action_statement: "upgrade" },
    { vulnerability: "CVE-2024-3", products, status: "fixed" },
  );
  const report = await scanSample(subject, rows, { judge: judgeBy(found, now) });
  const said = report.suppressed.map(({ id, suppression, vex }) => [
    id,
    suppression?.by,
    vex?.status,
  ]);
  assert.deepEqual(said.sort(), [
    ["CVE-2024-1", "ignore-file", undefined],
    ["CVE-2024-2", "ignore-file", "affected"],
    ["CVE-2024-3", "vex", undefined],
  ]);
  assert.deepEqual(report.findings, []);
  assert.deepEqual([...exceptionWarnings(found, report)], []);
});

test("what does nothing, or nothing any more, is warned of", async () => {
  const found = await exceptions(
    [
      "ignore:",
      "- {id: CVE-2024-1, reason: r, expires: 2026-11-29}",
      "- {id: CVE-2024-11, reason: r}",
    ].join("\n"),
    { vulnerability: "CVE-2024-2", products: ["pkg:apk/alpine/libcrypto"], status: "fixed" },
    { vulnerability: "CVE-2024-22", products, status: "fixed" },
    { vulnerability: "CVE-2024-3", products, status: "not_affected" },
  );
  const report = await scanSample(subject, rows, { judge: judgeBy(found, now) });
  assert.deepEqual(report.findings.map(({ id }) => id).sort(), ["CVE-2024-1", "CVE-2024-2"]);
  assert.deepEqual(
    Array.from(exceptionWarnings(found, report), ({ code, text }) => `${code} ${text}`),
    [
      "expired-ignore i.yaml:2: the rule for CVE-2024-1 has expired; its last day was 2026-11-29",
      "unused-ignore i.yaml:3: no finding is CVE-2024-11",
      'vex v.json: statement 3 ("CVE-2024-3"): not_affected without a justification or an impact statement',
      'unused-vex v.json (https://example.com/vex-1): 2 statements concern no finding, such as that about "CVE-2024-2"',
    ],
  );
});

test("Trivy's file is warned of, since it gives no reasons", async () => {
  const ignore = [await parseIgnoreFile(encodeText("CVE-2024-1\n"), ".trivyignore")];
  const found = { ignore, vex: [] };
  const report = await scanSample(subject, rows, { judge: judgeBy(found, now) });
  assert.equal(report.suppressed.length, 1);
  assert.deepEqual(
    Array.from(exceptionWarnings(found, report), ({ code }) => code),
    ["ignore-file"],
  );
});
