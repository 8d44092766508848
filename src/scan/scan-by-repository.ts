/**
 * Scanning by repository: packages of which it is known where each comes from, such as those of a lock.
 * Each is judged by the advisories of its own repository's branch, whatever else there is.
 */
import type { Package } from "../apk/index.ts";
import { compareNames } from "../base/index.ts";
import { repositoryOfUrl } from "../inventory/index.ts";
import type { ScanReport } from "./report.ts";
import { scanSubject, type ScanOptions } from "./scan.ts";
import type { ScanPackage } from "./subject.ts";

/** A package with the repository that has it. */
export interface PlacedPackage {
  readonly package: Pick<Package, "name" | "version" | "origin" | "arch">;
  /** A URL or a path. */
  readonly repository: string;
}

export interface RepositoryScan {
  /** One for each branch that packages are of, in the order of their names. */
  readonly reports: readonly ScanReport[];
  /** Packages of repositories that are no branch's. */
  readonly elsewhere: readonly PlacedPackage[];
  /** Branches that packages are of and that the database has no advisories of. */
  readonly missingBranches: readonly string[];
  /** The packages of these branches. */
  readonly withoutBranch: readonly PlacedPackage[];
}

/** `name` is what reports call it that the packages are of. */
export async function scanByRepository(
  name: string,
  packages: readonly PlacedPackage[],
  options: Omit<ScanOptions, "branch">,
): Promise<RepositoryScan> {
  const branches = Map.groupBy(packages, ({ repository }) => repositoryOfUrl(repository)?.branch);
  const elsewhere = branches.get(undefined) ?? [];
  const known = options.database.branches;
  const reports: ScanReport[] = [];
  const missingBranches: string[] = [];
  const withoutBranch: PlacedPackage[] = [];
  for (const [branch, own] of Array.from(branches).sort(([a = ""], [b = ""]) =>
    compareNames(a, b),
  )) {
    if (branch === undefined) continue;
    if (known.includes(branch)) {
      const subject = { ...nothingElse, name, packages: distinct(own).map(packageOf) };
      reports.push(await scanSubject(subject, { ...options, branch }));
    } else {
      missingBranches.push(branch);
      withoutBranch.push(...own);
    }
  }
  return { reports, elsewhere, missingBranches, withoutBranch };
}

const nothingElse = {
  kind: "image" as const,
  layers: [],
  labels: new Map<string, string>(),
  repositories: [],
  unjudged: [],
  problems: [],
};

/** Several steps or stages may have the same one. */
function distinct(packages: readonly PlacedPackage[]): readonly PlacedPackage[] {
  const key = ({ package: { name, version }, repository }: PlacedPackage): string =>
    JSON.stringify([name, version, repository]);
  return [...new Map(packages.map((each) => [key(each), each])).values()];
}

function packageOf({ package: each, repository: url }: PlacedPackage): ScanPackage {
  const { name, version, origin, arch } = each;
  return {
    name,
    version,
    origin: origin === "" ? name : origin,
    ...(arch === "" ? {} : { arch }),
    repository: { ...repositoryOfUrl(url)!, url, evidence: "index" },
  };
}
