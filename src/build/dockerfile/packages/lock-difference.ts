/** Lock differences: what another lock changes, stage by stage. */
import { compareNames } from "../../../base/index.ts";
import type { LockedPackage } from "../../lock.ts";
import { type DockerfileLock } from "./dockerfile-lock.ts";
import { stageOfIdentity } from "./step-identity.ts";

export interface LockedPackageChange {
  readonly platform: string;
  readonly stage: string;
  readonly name: string;
  /** Several where steps of the stage have different ones; none where the old lock does not have it. */
  readonly before: readonly string[];
  readonly after: readonly string[];
}

export interface LockedImageChange {
  readonly reference: string;
  readonly platform: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

export interface LockDifference {
  readonly images: readonly LockedImageChange[];
  /** In the order of platforms and stages, and by name in each. */
  readonly packages: readonly LockedPackageChange[];
}

/** What changes from one lock to another; `before` undefined: all is new. */
export function diffLocks(
  before: DockerfileLock | undefined,
  after: DockerfileLock,
): LockDifference {
  const [old, now] = [before, after].map((lock) => versionsOf(lock));
  const packages: LockedPackageChange[] = [];
  for (const place of new Set([...now!.keys(), ...old!.keys()])) {
    const [platform, stage] = JSON.parse(place) as [string, string];
    const names = new Set([...(old!.get(place)?.keys() ?? []), ...(now!.get(place)?.keys() ?? [])]);
    for (const name of Array.from(names).sort(compareNames)) {
      const [then, since] = [old!, now!].map((each) =>
        Array.from(each.get(place)?.get(name) ?? []).sort(compareNames),
      );
      if (then!.join(" ") !== since!.join(" "))
        packages.push({ platform, stage, name, before: then!, after: since! });
    }
  }
  return { images: changedImages(before, after), packages };
}

/** The packages of a stage. */
export interface LockedStage {
  readonly platform: string;
  readonly stage: string;
  /** Those of all its steps. */
  readonly packages: readonly LockedPackage[];
}

/** In the order of platforms and stages; those in which no step changes packages are left out. */
export function lockedStages({ platforms }: DockerfileLock): readonly LockedStage[] {
  return platforms.flatMap(({ platform, steps }) =>
    Array.from(
      Map.groupBy(steps, ({ id }) => stageOfIdentity(id)),
      ([stage, own]) => ({ platform, stage, packages: own.flatMap(({ packages }) => packages) }),
    ),
  );
}

type Versions = Map<string, Map<string, Set<string>>>;

/** Versions by name, by platform and stage. */
function versionsOf(lock: DockerfileLock | undefined): Versions {
  const versions: Versions = new Map();
  for (const { platform, stage, packages } of lock === undefined ? [] : lockedStages(lock)) {
    const names = new Map<string, Set<string>>();
    versions.set(JSON.stringify([platform, stage]), names);
    for (const { package: subject } of packages)
      names.set(subject.name, (names.get(subject.name) ?? new Set()).add(subject.version));
  }
  return versions;
}

function changedImages(
  before: DockerfileLock | undefined,
  after: DockerfileLock,
): LockedImageChange[] {
  const references = new Set([...(before?.images.keys() ?? []), ...after.images.keys()]);
  return Array.from(references)
    .sort(compareNames)
    .flatMap((reference) => {
      const [old, now] = [before?.images.get(reference), after.images.get(reference)];
      const platforms = new Set([...(old?.keys() ?? []), ...(now?.keys() ?? [])]);
      return Array.from(platforms, (platform) => ({
        reference,
        platform,
        before: old?.get(platform),
        after: now?.get(platform),
      })).filter((change) => change.before !== change.after);
    });
}
