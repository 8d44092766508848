/** The vulnerabilities that another lock mends and brings in, by the advisories that are here. */
import type { AdvisoryDatabase } from "../../advisory/index.ts";
import { compareNames, isBivyError, messageOf } from "../../base/index.ts";
import type { Finding, LockedComparison, PlacedPackage } from "../../scan/index.ts";
import { databaseHere, usualMaxAge } from "../advisories.ts";
import { formatAge } from "../age.ts";
import type { Session } from "../session.ts";
import { countOf } from "../term/quantity.ts";
import { printable } from "../term/streams.ts";
import { version } from "../version.ts";

/** The packages of an architecture, or of a stage on a platform. */
export interface LockedPlace {
  /** What the lines about it begin with. */
  readonly name: string;
  readonly before: readonly PlacedPackage[];
  readonly after: readonly PlacedPackage[];
}

/**
 * The lines that say it; none where nobody asked and there is no database. A lock is good without them:
 * nothing is fetched, and nothing fails for them.
 */
export async function describeVulnerabilities(
  places: readonly LockedPlace[],
  session: Session,
  isAsked: boolean,
): Promise<readonly string[]> {
  try {
    const database = await databaseHere(session);
    if (database !== undefined) return await compareAll(places, database);
    return isAsked ? ["vulnerabilities not compared: no advisory database; bivy db update"] : [];
  } catch (error) {
    if (!isBivyError(error) || error.code === "aborted") throw error;
    return [`vulnerabilities not compared: ${printable(messageOf(error))}`];
  }
}

async function compareAll(
  places: readonly LockedPlace[],
  database: AdvisoryDatabase,
): Promise<readonly string[]> {
  const { compareLockedPackages } = await import("../../scan/index.ts");
  const time = Math.floor(Date.now() / 1000);
  const options = { database, time, version, maxAge: usualMaxAge };
  const compared: LockedComparison[] = [];
  for (const { before, after } of places)
    compared.push(await compareLockedPackages(before, after, options));
  const branches = new Set(compared.flatMap((each) => each.branches));
  const fetched = database.feeds.filter(({ branch }) => branches.has(branch ?? ""));
  const age = time - Math.min(...fetched.map((feed) => feed.fetched));
  return [
    formatTotals(compared, age),
    ...compared.flatMap((each, at) => formatPlace(places[at]!, each)),
  ].map(printable);
}

/** `age` is Infinity where no branch has advisories here. */
function formatTotals(compared: readonly LockedComparison[], age: number): string {
  const missing = new Set(compared.flatMap(({ missingBranches }) => missingBranches));
  const unknown = new Set(compared.flatMap((each) => each.unknown));
  const update =
    missing.size === 0
      ? ""
      : `, none here of ${[...missing].join(", ")}; bivy db update fetches them`;
  if (age === Infinity)
    return `vulnerabilities not compared: no advisories about any of the packages${update}`;
  const count = (kind: "mended" | "introduced" | "remaining"): number =>
    new Set(
      compared
        .flatMap((each) => each[kind])
        .map(({ id, package: { origin } }) => `${id} ${origin}`),
    ).size;
  const basis =
    age > usualMaxAge
      ? `advisories are ${formatAge(age)} old; bivy db update`
      : `advisories of ${formatAge(age)} ago`;
  const rest = unknown.size === 0 ? "" : `; ${countOf(unknown.size, "package")} without fix data`;
  return `vulnerabilities: ${count("mended")} mended, ${count("introduced")} brought in, ${count("remaining")} left (${basis}${update}${rest})`;
}

function formatPlace(
  { name, before, after }: LockedPlace,
  { mended, introduced }: LockedComparison,
): readonly string[] {
  const line = (verb: string, findings: readonly Finding[]): string => {
    const names = [...new Set(findings.map((finding) => finding.package.name))].sort(compareNames);
    const [then, now] = [before, after].map((packages) => versionsOf(packages, names[0]!));
    const step =
      now === "" ? `${then} removed` : then === "" || then === now ? now : `${then} -> ${now}`;
    const ids = [...new Set(findings.map(describeFinding))];
    return `${name}: ${verb} ${ids.join(", ")}: ${names.join(", ")} ${step}`;
  };
  const lines = (verb: string, findings: readonly Finding[]): string[] =>
    Array.from(
      Map.groupBy(findings, ({ package: each }) => `${each.origin} ${each.version}`).values(),
      (group) => line(verb, group),
    );
  return [...lines("mends", mended), ...lines("brings in", introduced)];
}

/** The versions of a package, of which steps may have several. */
function versionsOf(packages: readonly PlacedPackage[], name: string): string {
  const own = packages.filter((each) => each.package.name === name);
  return [...new Set(own.map((each) => each.package.version))].sort(compareNames).join(", ");
}

function describeFinding({ id, severity, kev }: Finding): string {
  const said = [
    ...(severity === undefined ? [] : [severity.level]),
    ...(kev === undefined ? [] : ["exploited"]),
  ];
  return said.length === 0 ? id : `${id} (${said.join(", ")})`;
}
