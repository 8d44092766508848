/** NVD: the severities of CVEs by the National Vulnerability Database (https://nvd.nist.gov/vuln/data-feeds), feeds 2.0. */
import type { Chunks, JsonObject } from "../base/index.ts";
import { isObject } from "./feed-json.ts";
import { readJsonItems } from "./json-items.ts";
import { severityLevel, type Severity } from "./severity.ts";

/** The metrics in the order in which they are taken: version 3 is what nearly all are scored by. */
const metricNames = ["cvssMetricV31", "cvssMetricV30", "cvssMetricV40", "cvssMetricV2"] as const;

/** The CVEs of one feed that are scored, with their severity. Throws `advisories-invalid`. */
export async function* readNvd(
  chunks: Chunks,
  subject: string,
): AsyncGenerator<readonly [id: string, severity: Severity]> {
  for await (const { cve } of readJsonItems(chunks, "vulnerabilities", subject)) {
    if (!isObject(cve) || typeof cve["id"] !== "string") continue;
    const severity = isObject(cve["metrics"]) ? readMetrics(cve["metrics"]) : undefined;
    if (severity !== undefined) yield [cve["id"], severity];
  }
}

/** NVD's own scores come before those of whoever reported the vulnerability. */
function readMetrics(metrics: JsonObject): Severity | undefined {
  for (const name of metricNames) {
    const list = Array.isArray(metrics[name]) ? metrics[name].filter(isObject) : [];
    const chosen = list.find(({ type }) => type === "Primary") ?? list[0];
    const data = chosen?.["cvssData"];
    if (!isObject(data)) continue;
    const { baseScore: score, vectorString: vector } = data;
    if (typeof score !== "number" || !(score >= 0 && score <= 10)) continue;
    return {
      score,
      level: severityLevel(score),
      ...(typeof vector === "string" && isVector(vector) ? { vector } : {}),
      source: "NVD",
    };
  }
  return undefined;
}

/** Characters of CVSS vectors. */
export function isVector(text: string): boolean {
  return /^[\w.:/-]{1,400}$/.test(text);
}
