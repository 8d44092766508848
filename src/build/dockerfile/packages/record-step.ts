/**
 * Recording: what a step that really ran did to packages, told by the database before and after it.
 *
 * What was installed and taken away again within the step is in neither of them. Where the build noted
 * which packages apk fetched, these are locked too.
 */
import {
  identityKey,
  packageLabel,
  type InstalledPackage,
  type LoadedIndex,
  type Package,
} from "../../../apk/index.ts";
import { placePackage, type ResolvedPackage } from "../../resolve.ts";
import { isVirtual } from "./virtual-package.ts";

export interface RecordedStep {
  readonly before: readonly InstalledPackage[];
  readonly after: readonly InstalledPackage[];
  /** Labels, such as `curl-8.5.0-r0`, of packages that were fetched while the step ran. */
  readonly fetched: readonly string[];
}

export interface RecordedPackages {
  readonly packages: readonly ResolvedPackage[];
  readonly removed: readonly string[];
  /** Labels of packages that no repository has: they came from files, or from repositories not known. */
  readonly unknown: readonly string[];
}

export function recordStep(
  { before, after, fetched }: RecordedStep,
  indexes: readonly LoadedIndex[],
  arch: string,
): RecordedPackages {
  const places = new Map<string, { readonly record: Package; readonly index: LoadedIndex }>();
  const labels = new Map<string, string>();
  for (const index of indexes)
    for (const record of index.packages) {
      const key = identityKey(record.identity);
      if (!places.has(key)) places.set(key, { record, index });
      if (!labels.has(packageLabel(record))) labels.set(packageLabel(record), key);
    }
  const packages = new Map<string, ResolvedPackage>();
  const unknown: string[] = [];
  const take = (key: string, label: string): void => {
    const place = places.get(key);
    if (place === undefined) unknown.push(label);
    else packages.set(key, placePackage(place.record, place.index, arch));
  };
  for (const label of fetched) take(labels.get(label) ?? "", label);
  const [old, now] = [before, after].map(
    (installed) => new Set(installed.map(({ identity }) => identityKey(identity))),
  );
  for (const subject of after) {
    const key = identityKey(subject.identity);
    if (!old!.has(key) && !packages.has(key) && !isVirtual(subject))
      take(key, packageLabel(subject));
  }
  const removed = before
    .filter((subject) => !now!.has(identityKey(subject.identity)) && !isVirtual(subject))
    .map(packageLabel);
  return { packages: Array.from(packages.values()), removed, unknown };
}
