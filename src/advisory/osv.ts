/**
 * OSV: the severities of vulnerabilities by records of the Open Source Vulnerability format
 * (https://ossf.github.io/osv-schema), as the archive of all of Alpine's records. What is affected is
 * taken from secdb alone.
 */
import cvss from "ae-cvss-calculator";
import { readZip, type ZipOptions } from "../archive/index.ts";
import { isBivyError, type JsonObject } from "../base/index.ts";
import { isObject, parseFeedJson } from "./feed-json.ts";
import { isVector } from "./nvd.ts";
import { severityLevel, type Severity, type SeverityLevel } from "./severity.ts";

/** The kinds of score in the order in which they are taken. */
const scoreTypes = ["CVSS_V3", "CVSS_V4", "CVSS_V2"] as const;

/** In the middle of each level, for records that say no more than the level. */
const levelScores: Readonly<Record<string, number>> = {
  CRITICAL: 9.5,
  HIGH: 8,
  MEDIUM: 5.5,
  MODERATE: 5.5,
  LOW: 2,
};

/** The vulnerabilities of the archive that are scored. Throws `zip-invalid`. */
export function* readOsvArchive(
  bytes: Uint8Array,
  options: ZipOptions,
): Generator<readonly [id: string, severity: Severity]> {
  const archive = readZip(bytes, options);
  for (const entry of archive.entries) {
    if (!entry.name.endsWith(".json")) continue;
    const record = tryParse(archive.read(entry), entry.name);
    const severity = record && readSeverity(record);
    if (severity !== undefined) for (const id of idsOf(record!)) yield [id, severity];
  }
}

/** One record that is damaged does not make the others worthless. */
function tryParse(bytes: Uint8Array, subject: string): JsonObject | undefined {
  try {
    return parseFeedJson(bytes, subject);
  } catch (error) {
    if (isBivyError(error, "advisories-invalid")) return undefined;
    throw error;
  }
}

/** The CVE of one of Alpine's records is in `upstream`, or in its own id, such as `ALPINE-CVE-2024-1`. */
function idsOf({ id, aliases, upstream }: JsonObject): readonly string[] {
  const names = [id, ...asList(aliases), ...asList(upstream)].filter(
    (each) => typeof each === "string",
  );
  const plain = names.map((name) => name.replace(/^[A-Z]+-(?=CVE-)/, ""));
  return [...new Set(plain)].filter((name) => /^[A-Z][\w-]{3,60}$/.test(name));
}

function readSeverity(record: JsonObject): Severity | undefined {
  const scores = asList(record["severity"]).filter(isObject);
  for (const type of scoreTypes) {
    const vector = scores.find((score) => score["type"] === type)?.["score"];
    const score = typeof vector === "string" ? tryScore(vector) : undefined;
    if (score === undefined) continue;
    return { score, level: severityLevel(score), vector: vector as string, source: "OSV" };
  }
  const specific = record["database_specific"];
  const level = isObject(specific) ? specific["severity"] : undefined;
  const score = typeof level === "string" ? levelScores[level.toUpperCase()] : undefined;
  return score === undefined
    ? undefined
    : { score, level: severityLevel(score) as SeverityLevel, source: "OSV" };
}

/** The base score of a CVSS vector of version 2, 3 or 4; undefined for what is none, or not a whole one. */
export function tryScore(vector: string): number | undefined {
  if (!isVector(vector)) return undefined;
  try {
    const scores = cvss.fromVector(vector)?.calculateScores();
    const base: unknown = scores !== undefined && "base" in scores ? scores.base : undefined;
    return typeof base === "number" && base >= 0 && base <= 10 ? base : undefined;
  } catch {
    // The calculator throws plain errors at what is no vector.
    return undefined;
  }
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value.slice(0, 1000) : [];
}
