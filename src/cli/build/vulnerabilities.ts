/** The known vulnerabilities of what was built, by the advisories that are here. */
import type { AdvisoryDatabase } from "../../advisory/index.ts";
import { compareNames, isBivyError, messageOf, type Digest } from "../../base/index.ts";
import type { BuiltArch, DockerfileBuild } from "../../build/index.ts";
import type { ImageLocator } from "../../oci/index.ts";
import type { ScanReport, ScanSummary } from "../../scan/index.ts";
import { databaseHere, usualMaxAge } from "../advisories.ts";
import { formatAge } from "../age.ts";
import type { Session } from "../session.ts";
import type { VulnerabilityFacts } from "../term/build-summary.ts";
import { countOf } from "../term/quantity.ts";
import { printable } from "../term/streams.ts";
import { version } from "../version.ts";

export type BuiltVulnerabilities =
  | {
      readonly kind: "judged";
      readonly summary: ScanSummary;
      /** Names of packages whose repository is no branch's, or of a branch without advisories here. */
      readonly notJudged: readonly string[];
      /** The digest of the database. */
      readonly database: Digest;
      /** How old the advisories are, in seconds. */
      readonly age: number;
      /** Whether files of the image say which release of Alpine it is; else a scan has to be told. */
      readonly tellsBranch: boolean;
    }
  | { readonly kind: "not-judged"; readonly reason: string };

/** What judging takes: a database, and the modules that read it. */
export interface Judging {
  /** Loads it in the time in which a build waits for commands and servers; else it is loaded when used. */
  begin(): void;
  /** Undefined where there is none. */
  database(): Promise<AdvisoryDatabase | undefined>;
}

export function openJudging(session: Session): Judging {
  let loading: Promise<AdvisoryDatabase | undefined> | undefined;
  const load = async (): Promise<AdvisoryDatabase | undefined> => {
    const database = await databaseHere(session);
    if (database !== undefined)
      await Promise.all([import("../../scan/index.ts"), import("../../inventory/index.ts")]);
    return database;
  };
  const database = () => (loading ??= load());
  return {
    database,
    // What fails is said when it is used.
    begin: () => void database().catch(() => undefined),
  };
}

/** Of images of a configuration: each package is judged by the branch of its repository. */
export async function vulnerabilitiesOfArchs(
  archs: readonly BuiltArch[],
  judging: Judging,
): Promise<BuiltVulnerabilities | undefined> {
  const packages = archs.flatMap((each) => each.packages);
  if (packages.length === 0) return undefined;
  return judgeIfPossible(judging, async (database) => {
    const { scanByRepository } = await import("../../scan/index.ts");
    const { reports, elsewhere, withoutBranch } = await scanByRepository(
      "image",
      packages,
      scanOptions(database),
    );
    const names = [...elsewhere, ...withoutBranch].map((each) => each.package.name);
    return {
      reports,
      notJudged: [...new Set(names)].sort(compareNames),
      tellsBranch: packages.some((each) => releasePackages.has(each.package.name)),
    };
  });
}

/** Those that write etc/os-release and etc/alpine-release, in newer and in older branches. */
const releasePackages = new Set(["alpine-release", "alpine-base"]);

/**
 * Of images of a Dockerfile: what apk's database has in the last stage, as a scan of the image would
 * read it. Where all was found in the cache no file of it is at hand, and nothing is said.
 */
export async function vulnerabilitiesOfBuilds(
  builds: readonly DockerfileBuild[],
  judging: Judging,
  { limits }: Pick<Session, "limits">,
): Promise<BuiltVulnerabilities | undefined> {
  const read = builds.filter(({ packages }) => packages !== undefined);
  if (read.length === 0) return undefined;
  return judgeIfPossible(judging, async (database) => {
    const { scanSubject, subjectOfInventory } = await import("../../scan/index.ts");
    const { takeInventory } = await import("../../inventory/index.ts");
    const reports: ScanReport[] = [];
    for (const { image, files } of read) {
      const tree = {
        top: await files.tree(),
        layers: [],
        layerOf: () => undefined,
        checksumOf: () => undefined,
      };
      const config = await image.config();
      const source = { subject: "image", image, config, layers: [], tree };
      const inventory = await takeInventory(source, limits);
      if (inventory.packages.length > 0)
        reports.push(await scanSubject(subjectOfInventory(inventory), scanOptions(database)));
    }
    return reports.length === 0 ? undefined : { reports, notJudged: [], tellsBranch: true };
  });
}

interface Judged {
  readonly reports: readonly ScanReport[];
  readonly notJudged: readonly string[];
  readonly tellsBranch: boolean;
}

/** A build is good without them: nothing is fetched, and nothing fails for them. */
async function judgeIfPossible(
  judging: Judging,
  judge: (database: AdvisoryDatabase) => Promise<Judged | undefined>,
): Promise<BuiltVulnerabilities | undefined> {
  try {
    const database = await judging.database();
    const judged = database && (await judge(database));
    if (database === undefined || judged === undefined) return undefined;
    if (judged.reports.length === 0)
      return {
        kind: "not-judged",
        reason: "no package is of a branch of Alpine that there are advisories of here",
      };
    const { summarizeScans } = await import("../../scan/index.ts");
    const { reports, ...rest } = judged;
    const summary = summarizeScans(reports);
    const age = reports[0]!.time - summary.fetched;
    return { kind: "judged", summary, database: database.digest, age, ...rest };
  } catch (error) {
    if (!isBivyError(error) || error.code === "aborted") throw error;
    return { kind: "not-judged", reason: messageOf(error) };
  }
}

function scanOptions(database: AdvisoryDatabase) {
  const time = Math.floor(Date.now() / 1000);
  return { database, time, version, maxAge: usualMaxAge };
}

/** As a summary has them; `destinations` are the places where the image is now. */
export async function summarizeVulnerabilities(
  vulnerabilities: BuiltVulnerabilities,
  destinations: readonly ImageLocator[],
): Promise<VulnerabilityFacts> {
  if (vulnerabilities.kind === "not-judged")
    return { facts: [`not judged: ${printable(vulnerabilities.reason)}`] };
  const { summary, notJudged, age, tellsBranch } = vulnerabilities;
  const { known, worst, judged, noFixData, branches } = summary;
  const found =
    worst !== undefined
      ? `${known} known (worst: ${worst.id}, ${worst.package.name} ${worst.package.version})`
      : judged > 0
        ? `none known in ${countOf(judged, "package")}, by advisories of ${branches.join(", ")} from ${formatAge(age)} ago`
        : `no advisories of ${branches.join(", ")} about any package`;
  const rest = [
    ...(noFixData.length === 0 || judged === 0
      ? []
      : [`${countOf(noFixData.length, "package")} without fix data`]),
    ...(notJudged.length === 0 ? [] : [`${countOf(notJudged.length, "package")} not judged`]),
    ...(age > usualMaxAge ? [`advisories ${formatAge(age)} old: bivy db update`] : []),
  ];
  const place = await placeToScan(destinations);
  const flags = tellsBranch ? "" : `--branch ${branches[0]} `;
  return {
    facts: [found, ...rest].map(printable),
    ...(place === undefined ? {} : { next: `bivy scan ${flags}${printable(place)} says more` }),
  };
}

/** What `bivy scan` would be given; undefined where the image cannot be read again. */
async function placeToScan(destinations: readonly ImageLocator[]): Promise<string | undefined> {
  const { formatImageLocator, isStandardOutput, shortReference } =
    await import("../../oci/index.ts");
  const place = destinations.find((each) => !isStandardOutput(each));
  if (place === undefined) return undefined;
  return place.kind === "store" ? shortReference(place.reference) : formatImageLocator(place);
}

/** As JSON has it. */
export function describeVulnerabilities(vulnerabilities: BuiltVulnerabilities): object {
  if (vulnerabilities.kind === "not-judged") return { reason: vulnerabilities.reason };
  const { summary, notJudged, database } = vulnerabilities;
  const { worst, branches, fetched, ...figures } = summary;
  return {
    ...figures,
    ...(worst === undefined
      ? {}
      : {
          worst: {
            id: worst.id,
            package: worst.package.name,
            version: worst.package.version,
            ...(worst.severity === undefined ? {} : { severity: worst.severity.level }),
            risk: worst.risk.score,
          },
        }),
    notJudged,
    advisories: { digest: database, branches, fetched },
  };
}
