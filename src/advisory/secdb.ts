/**
 * secdb: Alpine's security database, one JSON file for each branch and repository
 * (https://secdb.alpinelinux.org): for each origin, which version fixed which vulnerabilities.
 */
import { isValidVersion } from "../apk/index.ts";
import { BivyError, type JsonObject } from "../base/index.ts";
import { isObject, parseFeedJson } from "./feed-json.ts";
import { parseVulnerabilityNames, type VulnerabilityName } from "./identifier.ts";

/** What one version of an origin fixed. */
export interface Fix {
  /** In apk's order; never `0`. */
  readonly version: string;
  readonly vulnerabilities: readonly VulnerabilityName[];
}

/** A version that is none: what it fixed is not known, and no finding may rest on it. */
export interface UnreadableFix {
  readonly origin: string;
  readonly version: string;
  readonly ids: readonly string[];
}

/** What secdb says of one origin in one repository. */
export interface OriginFixes {
  readonly fixes: readonly Fix[];
  /** Under the version `0`: the origin was never affected. */
  readonly neverAffected: readonly VulnerabilityName[];
  readonly unreadable: readonly UnreadableFix[];
}

/** One file of secdb. */
export interface Secdb {
  /** Such as `v3.19` or `edge`. */
  readonly branch: string;
  /** Such as `main`. */
  readonly repository: string;
  readonly archs: readonly string[];
  readonly origins: ReadonlyMap<string, OriginFixes>;
}

/** The version that says that an origin was never affected. */
const never = "0";

/** A file has some 800 origins, the largest of which have some 150 versions and 700 ids. */
const mostOrigins = 200_000;
const mostVersions = 20_000;
const mostIds = 20_000;
const longestText = 1024;

/**
 * Reads a file of secdb; `subject` names it in errors. Throws `advisories-invalid` where it is none, and
 * `limit-exceeded`, that for one origin when it is looked at. What is wrong within one package leaves out
 * no more than is wrong.
 */
export function parseSecdb(bytes: Uint8Array, subject: string): Secdb {
  const document = parseFeedJson(bytes, subject);
  const { distroversion, reponame, archs, packages } = document;
  if (!isText(distroversion) || !isText(reponame) || !Array.isArray(packages))
    throw new BivyError(
      "advisories-invalid",
      `${subject}: expected distroversion, reponame and a list of packages, as secdb has them`,
      { hint: "This is no file of Alpine's security database, or a damaged one." },
    );
  if (packages.length > mostOrigins) throw tooMany(subject, "packages", mostOrigins);
  const origins = new Map<string, OriginFixes>();
  for (const entry of packages as readonly unknown[]) {
    const subjectPackage = isObject(entry) ? entry["pkg"] : undefined;
    if (!isObject(subjectPackage)) continue;
    const { name, secfixes } = subjectPackage;
    if (!isText(name) || !isObject(secfixes)) continue;
    const known = origins.get(name);
    const read = (): OriginFixes => readFixes(name, secfixes, subject);
    origins.set(name, readLater(known === undefined ? read : () => join(known, read())));
  }
  return {
    branch: distroversion,
    repository: reponame,
    archs: Array.isArray(archs) ? archs.filter(isText) : [],
    origins,
  };
}

/** Of the hundreds of origins of a file, a root has a dozen: the others are never looked into. */
function readLater(read: () => OriginFixes): OriginFixes {
  let found: OriginFixes | undefined;
  const get = (): OriginFixes => (found ??= read());
  return {
    get fixes() {
      return get().fixes;
    },
    get neverAffected() {
      return get().neverAffected;
    },
    get unreadable() {
      return get().unreadable;
    },
  };
}

function readFixes(origin: string, secfixes: JsonObject, subject: string): OriginFixes {
  const fixes: Fix[] = [];
  const neverAffected: VulnerabilityName[] = [];
  const unreadable: UnreadableFix[] = [];
  const versions = Object.entries(secfixes);
  if (versions.length > mostVersions)
    throw tooMany(`${subject}: ${origin}`, "versions", mostVersions);
  for (const [version, entries] of versions) {
    // A version without ids is null in older files.
    if (!Array.isArray(entries)) continue;
    if (entries.length > mostIds) throw tooMany(`${subject}: ${origin}`, "ids", mostIds);
    const vulnerabilities = entries.filter(isText).flatMap(parseVulnerabilityNames);
    if (vulnerabilities.length === 0) continue;
    if (version === never) neverAffected.push(...vulnerabilities);
    else if (isValidVersion(version)) fixes.push({ version, vulnerabilities });
    else unreadable.push({ origin, version, ids: vulnerabilities.map(({ id }) => id) });
  }
  return { fixes, neverAffected, unreadable };
}

/** A file that lists an origin twice means both. */
function join(a: OriginFixes, b: OriginFixes): OriginFixes {
  return {
    fixes: [...a.fixes, ...b.fixes],
    neverAffected: [...a.neverAffected, ...b.neverAffected],
    unreadable: [...a.unreadable, ...b.unreadable],
  };
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= longestText;
}

function tooMany(subject: string, what: string, most: number): BivyError {
  return new BivyError(
    "limit-exceeded",
    `${subject}: expected at most ${most} ${what}, found more`,
    {
      hint: "The file is damaged or hostile.",
    },
  );
}
