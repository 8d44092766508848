/**
 * Availability: whether the repositories have the version that mends a finding. secdb names it as soon as
 * the source package has it; until it is built and mirrored `apk upgrade` finds nothing.
 */
import {
  compareVersions,
  loadIndex,
  repositoryAt,
  type Access,
  type Keyring,
} from "../apk/index.ts";
import { isBivyError, messageOf } from "../base/index.ts";
import type { Availability } from "./finding.ts";
import type { ScanPackage, ScanSubject } from "./subject.ts";

/** Where Alpine publishes. */
const alpineUrl = "https://dl-cdn.alpinelinux.org/alpine";

export interface AvailabilityQuestion {
  readonly package: ScanPackage;
  readonly fixed: string;
  readonly branch: string;
  /** The repository of secdb's row. */
  readonly repository: string;
}

export type AskAvailability = (question: AvailabilityQuestion) => Promise<Availability>;

/** Asks nobody. */
export function unknownAvailability(reason: string): AskAvailability {
  return async () => ({ state: "unknown", reason });
}

/** Looks into the indexes of the repositories, each of which is loaded once. */
export function repositoryAvailability(
  subject: Pick<ScanSubject, "repositories">,
  keyring: Keyring,
  access: Access,
): AskAvailability {
  const indexes = new Map<string, Promise<IndexVersions>>();
  return async ({ package: { name, arch }, fixed, branch, repository }) => {
    if (arch === undefined || arch === "")
      return { state: "unknown", reason: "its architecture is not known" };
    const url = repositoryUrl(subject, branch, repository);
    const key = `${url} ${arch}`;
    let index = indexes.get(key);
    if (index === undefined) indexes.set(key, (index = loadVersions(url, arch, keyring, access)));
    const { versions, failure } = await index;
    if (versions === undefined) return { state: "unknown", repository: url, reason: failure! };
    const version = versions.get(name);
    const has = version !== undefined && compareVersions(version, fixed) >= 0;
    return {
      state: has ? "available" : "not-available",
      ...(version === undefined ? {} : { version }),
      repository: url,
    };
  };
}

/** The line of the root that is of this branch and repository, so that a mirror is asked, else Alpine's own. */
function repositoryUrl(
  { repositories }: Pick<ScanSubject, "repositories">,
  branch: string,
  repository: string,
): string {
  const own = repositories.find(({ url }) => url.endsWith(`/${branch}/${repository}`));
  return own?.url ?? `${alpineUrl}/${branch}/${repository}`;
}

interface IndexVersions {
  /** The newest version by name; undefined where there is no index. */
  readonly versions?: ReadonlyMap<string, string>;
  readonly failure?: string;
}

async function loadVersions(
  url: string,
  arch: string,
  keyring: Keyring,
  access: Access,
): Promise<IndexVersions> {
  try {
    // A scan of an image must not read folders of this machine that the image names.
    if (!/^https?:/.test(url)) return { failure: `${url} is no server` };
    const { packages } = await loadIndex(repositoryAt(url), arch, keyring, access);
    const versions = new Map<string, string>();
    for (const { name, version } of packages) {
      const known = versions.get(name);
      if (known === undefined || compareVersions(known, version) < 0) versions.set(name, version);
    }
    return { versions };
  } catch (error) {
    if (!isBivyError(error) || error.code === "aborted") throw error;
    return { failure: messageOf(error) };
  }
}
