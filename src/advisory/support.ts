/** Support: until when Alpine mends a branch, by its own list of releases (https://alpinelinux.org/releases.json). */
import { BivyError, type JsonObject } from "../base/index.ts";
import { isObject, parseFeedJson } from "./feed-json.ts";

export interface BranchSupport {
  /** Such as `v3.19` or `edge`. */
  readonly branch: string;
  /** The last day of support; absent for edge, which has none. */
  readonly ends?: string;
  /** That of repositories that end at another day, such as `community`. */
  readonly repositories: ReadonlyMap<string, string | undefined>;
  /** Its newest release, such as `3.19.9`. */
  readonly newest?: string;
}

export interface Releases {
  /** In the order of the list, newest first. */
  readonly branches: readonly BranchSupport[];
  /** The branch that new images should be built on. */
  readonly latestStable?: string;
}

const branchForm = /^(?:edge|v\d{1,4}\.\d{1,4})$/;
const dayForm = /^\d{4}-\d\d-\d\d/;
const mostBranches = 1000;

/** Reads the list of releases. Throws `advisories-invalid`. */
export function parseReleases(bytes: Uint8Array, subject: string): Releases {
  const { release_branches: list, latest_stable: latest } = parseFeedJson(bytes, subject);
  if (!Array.isArray(list))
    throw new BivyError("advisories-invalid", `${subject}: expected release_branches`, {
      hint: "This is no list of Alpine's releases, or a damaged one.",
    });
  const branches = (list as readonly unknown[])
    .slice(0, mostBranches)
    .filter(isObject)
    .map(readBranch)
    .filter((branch) => branch !== undefined);
  return {
    branches,
    ...(typeof latest === "string" && branchForm.test(latest) ? { latestStable: latest } : {}),
  };
}

function readBranch(entry: JsonObject): BranchSupport | undefined {
  const { rel_branch: branch, eol_date: end, repos, releases } = entry;
  if (typeof branch !== "string" || !branchForm.test(branch)) return undefined;
  const ends = dayOf(end);
  const repositories = new Map<string, string | undefined>();
  for (const repository of asList(repos)) {
    const name = repository["name"];
    if (typeof name === "string" && /^[\w.-]{1,64}$/.test(name))
      repositories.set(name, dayOf(repository["eol_date"]));
  }
  const newest = asList(releases)
    .map(({ version }) => version)
    .find((version) => typeof version === "string" && /^[\w.]{1,64}$/.test(version));
  return {
    branch,
    ...(ends === undefined ? {} : { ends }),
    repositories,
    ...(typeof newest === "string" ? { newest } : {}),
  };
}

function asList(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.slice(0, mostBranches).filter(isObject) : [];
}

function dayOf(value: unknown): string | undefined {
  return typeof value === "string" ? dayForm.exec(value)?.[0] : undefined;
}

/** Whether the support of a branch (or of one repository of it) has ended at a time: seconds since 1970. */
export function supportEnded(support: BranchSupport, time: number): boolean {
  if (support.ends === undefined) return false;
  const afterLastDay = Date.parse(`${support.ends}T00:00:00Z`) / 1000 + 86_400;
  return time >= afterLastDay;
}
