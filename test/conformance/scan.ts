/**
 * Suite scan: a folder of packages of images (`NAME.packages.json`) and the findings expected against a
 * dated secdb (`NAME.DATE.json`, whose field `secdb` names the snapshot below `--secdb`), and of real
 * reports with reverse-derived advisories (`trivy-reports.json`).
 *
 * A case is one file of findings, or one report that is marked clean. The packages go through what
 * `bivy scan` does with them: the branch by the release files, matching by origin in apk's order.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import {
  branchAdvisories,
  parseSecdb,
  type BranchAdvisories,
  type Secdb,
} from "../../src/advisory/index.ts";
import { compareNames, encodeText } from "../../src/base/index.ts";
import { alpineBranch, distributionOf } from "../../src/inventory/index.ts";
import { matchPackages, type ScanPackage } from "../../src/scan/index.ts";
import type { CaseResult, Suite } from "./run.ts";
import { sharedFixtures } from "./shared-folders.ts";

export const suite: Suite = { name: "scan", defaultPath: "scan", flags: ["secdb"], run };

interface CasePackage {
  readonly name: string;
  readonly version: string;
  readonly origin?: string | null;
  readonly arch?: string | null;
}

interface PackageList {
  readonly "alpine-release"?: string | null;
  readonly "os-release"?: string | null;
  readonly packages: readonly CasePackage[];
}

interface Expectation {
  readonly branch: string;
  readonly secdb: string;
  readonly findings: readonly Readonly<Record<string, string>>[];
  readonly "notAffected(secdb 0)"?: readonly (readonly [name: string, id: string])[];
}

function* run(folder: string, flags: Readonly<Record<string, string>> = {}): Iterable<CaseResult> {
  const snapshots = flags["secdb"] ?? join(sharedFixtures, "secdb");
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name);
    if (name === "trivy-reports.json") yield* runReports(path);
    else if (name.endsWith(".json") && !name.endsWith(".packages.json"))
      yield runSnapshot(path, packagesFile(folder, name), snapshots);
  }
}

/** The packages of `NAME.DATE.json`, of which both parts may have dots. */
function packagesFile(folder: string, name: string): string {
  const parts = basename(name, ".json").split(".");
  for (let count = parts.length - 1; count > 0; count--) {
    const path = join(folder, `${parts.slice(0, count).join(".")}.packages.json`);
    if (existsSync(path)) return path;
  }
  throw new Error(`${name}: there is no file of its packages`);
}

function runSnapshot(path: string, packagesPath: string, snapshots: string): CaseResult {
  const expected = readJson<Expectation>(path);
  const list = readJson<PackageList>(packagesPath);
  const branch = branchOf(list);
  const advisories = readBranch(join(snapshots, expected.secdb));
  const { vulnerable, neverAffected } = matchPackages(
    list.packages.map(toPackage),
    () => advisories,
  );
  const found = vulnerable.map(({ package: each, advisory }) => ({
    package: each.name,
    origin: each.origin,
    installed: each.version,
    fixed: advisory.fixed,
    id: advisory.id,
    repo: advisory.repository,
  }));
  const result = compare(
    basename(path, ".json"),
    [`branch ${expected.branch}`, ...rowsOf(expected.findings)],
    [`branch ${branch}`, ...rowsOf(found)],
  );
  const never = neverAffected.map(({ package: each, row }) => `${each.name} ${row.id}`);
  const expectedNever = expected["notAffected(secdb 0)"]?.map((pair) => pair.join(" "));
  const differs =
    expectedNever !== undefined && expectedNever.sort().join() !== never.sort().join();
  return differs
    ? {
        ...result,
        notes: [`never affected: expected ${expectedNever.join()}, found ${never.join()}`],
      }
    : result;
}

/** As `bivy scan` finds it: by the files of the image. */
function branchOf(list: PackageList): string | undefined {
  const fileOf = (path: string, text: string | null | undefined) =>
    typeof text === "string" && text !== "" ? { path, text } : undefined;
  return distributionOf(
    fileOf("etc/os-release", list["os-release"]),
    fileOf("etc/alpine-release", list["alpine-release"]),
  )?.branch;
}

function readBranch(folder: string): BranchAdvisories {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .map((name) => parseSecdb(readFileSync(join(folder, name)), join(folder, name)));
  return branchAdvisories(basename(folder), files);
}

interface ReportedAdvisory {
  readonly repo: string;
  readonly branch: string;
  readonly origin: string;
  readonly id: string;
  readonly fixed: string;
  readonly firstSeen: string;
  readonly lastSeen: string;
}

interface Report {
  readonly repo: string;
  readonly commit: string;
  readonly date: string;
  readonly file: string;
  readonly target: string;
  readonly branch: string;
  readonly clean: boolean;
  readonly packages: readonly CasePackage[];
  readonly vulnerabilities: readonly Readonly<Record<string, string>>[];
}

function* runReports(path: string): Generator<CaseResult> {
  const document = readJson<{
    advisories: readonly ReportedAdvisory[];
    reports: readonly Report[];
  }>(path);
  for (const report of document.reports) {
    if (!report.clean) continue;
    const { repo, commit, file, date, branch, packages, vulnerabilities } = report;
    const advisories = document.advisories.filter(
      (each) =>
        each.repo === repo &&
        each.branch === branch &&
        Date.parse(each.firstSeen) <= Date.parse(date) &&
        Date.parse(date) <= Date.parse(each.lastSeen),
    );
    const rows = branchAdvisories(branch, [asSecdb(branch, advisories)]);
    const found = matchPackages(packages.map(toPackage), () => rows).vulnerable.map(
      ({ package: each, advisory }) => ({
        package: each.name,
        installed: each.version,
        fixed: advisory.fixed,
        id: advisory.id,
      }),
    );
    const expected = vulnerabilities.map(({ package: name, installed, fixed, id }) => ({
      package: name!,
      installed: installed!,
      fixed: fixed!,
      id: id!,
    }));
    const version = /\(alpine ([^)]+)\)/.exec(report.target)?.[1];
    yield compare(
      `${repo} ${file} ${date} ${commit.slice(0, 8)}`,
      [`branch ${branch}`, ...rowsOf(expected)],
      [`branch ${version === undefined ? branch : alpineBranch(version)}`, ...rowsOf(found)],
    );
  }
}

/** The advisories as the file of secdb that they would have come from, read by the parser for those. */
function asSecdb(branch: string, advisories: readonly ReportedAdvisory[]): Secdb {
  const byOrigin = Map.groupBy(advisories, ({ origin }) => origin);
  const packages = Array.from(byOrigin, ([name, rows]) => {
    const byVersion = Map.groupBy(rows, ({ fixed }) => fixed);
    const secfixes = Object.fromEntries(
      Array.from(byVersion, ([version, same]) => [version, same.map(({ id }) => id)]),
    );
    return { pkg: { name, secfixes } };
  });
  const document = { distroversion: branch, reponame: "reports", archs: [], packages };
  return parseSecdb(encodeText(JSON.stringify(document)), "reports");
}

function toPackage({ name, version, origin, arch }: CasePackage): ScanPackage {
  return { name, version, origin: origin || name, ...(arch ? { arch } : {}) };
}

function rowsOf(rows: readonly Readonly<Record<string, string>>[]): string[] {
  return rows.map((row) => Object.values(row).join(" ")).sort(compareNames);
}

function compare(name: string, expected: readonly string[], found: readonly string[]): CaseResult {
  const [wanted, got] = [expected.join("\n"), found.join("\n")];
  return { name, passed: wanted === got, expected: wanted, found: got };
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, "utf8")) as T;
}
