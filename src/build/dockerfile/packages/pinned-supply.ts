/**
 * Pinned supply: the indexes as they were when a lock was made, except for what shall be updated.
 *
 * `bivy lock --update curl` changes curl, and nothing else that can stay as it is. So a name that the
 * lock has can only be chosen in the version that the lock has; names that are updated, and names that
 * the lock does not have, are as free as ever. That alone could leave curl where it is: its new version
 * may need a newer libcurl. Therefore more names are freed, until nothing contradicts any more:
 *
 * 1. Names that are to be updated are free, and so are all of the same origin: they are built together.
 * 2. Where the newest version of a free name needs something that no package gives which may be chosen,
 *    the names that give it are free.
 * 3. Where a package of the lock needs something that only the old version of a free name gave, its
 *    own name is free.
 *
 * What is installed counts as locked, so that `apk upgrade` leaves it alone too. A version that its
 * mirror dropped is still there: the lock has its record.
 */
import {
  compareVersions,
  identityKey,
  repositoryAt,
  satisfies,
  type Atom,
  type LoadedIndex,
  type Package,
} from "../../../apk/index.ts";
import { type LockedPackage } from "../../lock.ts";

export interface Pins {
  readonly locked: readonly LockedPackage[];
  /** Names of packages that shall be updated. */
  readonly update: ReadonlySet<string>;
}

export interface PinnedSupply {
  readonly indexes: readonly LoadedIndex[];
  /** Packages that no index has any more, by the key of their identity. */
  readonly dropped: ReadonlyMap<string, LockedPackage>;
}

export function pinIndexes(
  indexes: readonly LoadedIndex[],
  { locked, update }: Pins,
  installed: readonly Package[],
): PinnedSupply {
  const present = indexes.flatMap(({ packages }) => packages);
  const records = [...locked.map((each) => each.package), ...installed];
  const free = freeNames(present, records, update);
  const versions = new Map<string, Set<string>>();
  for (const { name, identity } of records)
    if (!free.has(name))
      versions.set(name, (versions.get(name) ?? new Set()).add(identityKey(identity)));
  const kept = indexes.map((index) => ({
    ...index,
    packages: index.packages.filter(
      ({ name, identity }) => versions.get(name)?.has(identityKey(identity)) ?? true,
    ),
  }));
  return withDropped(
    kept,
    locked.filter(({ package: { name } }) => !free.has(name)),
  );
}

/** Adds those packages of the lock that their repositories no longer have. */
function withDropped(
  indexes: readonly LoadedIndex[],
  pinned: readonly LockedPackage[],
): PinnedSupply {
  const seen = new Set(
    indexes.flatMap(({ packages }) => packages.map(({ identity }) => identityKey(identity))),
  );
  const dropped = new Map<string, LockedPackage>();
  for (const each of pinned) {
    const key = identityKey(each.package.identity);
    if (!seen.has(key) && !dropped.has(key)) dropped.set(key, each);
  }
  const byPlace = Map.groupBy(dropped.values(), ({ repository, tag }) => placeKey(repository, tag));
  const recordsOf = (place: string): Package[] => {
    const records = (byPlace.get(place) ?? []).map((each) => each.package);
    byPlace.delete(place);
    return records;
  };
  // One repository may not be there twice: the solver would pass over the second.
  const filled = indexes.map((index) => {
    const { url, tag } = index.repository;
    return { ...index, packages: [...index.packages, ...recordsOf(placeKey(url, tag))] };
  });
  const others = Array.from(byPlace.values(), (packages) => {
    const { repository, tag, location } = packages[0]!;
    return {
      repository: repositoryAt(repository, tag === undefined ? {} : { tag }),
      location,
      description: "",
      verified: undefined,
      packages: packages.map((each) => each.package),
    };
  });
  return { indexes: [...filled, ...others], dropped };
}

function placeKey(repository: string, tag: string | undefined): string {
  return JSON.stringify([repository, tag]);
}

/** Which packages give a name, under their own or under `provides`. */
class Providers {
  readonly #byName = new Map<string, { readonly subject: Package; readonly version: string }[]>();

  constructor(packages: Iterable<Package>) {
    for (const subject of packages) {
      this.#add(subject.name, subject, subject.version);
      for (const { name, version } of subject.provides) this.#add(name, subject, version);
    }
  }

  #add(name: string, subject: Package, version: string): void {
    const given = this.#byName.get(name);
    if (given === undefined) this.#byName.set(name, [{ subject, version }]);
    else given.push({ subject, version });
  }

  /** The packages that meet an atom. */
  of(atom: Atom): Package[] {
    return (this.#byName.get(atom.name) ?? [])
      .filter(({ subject, version }) => satisfies({ version, identity: subject.identity }, atom))
      .map(({ subject }) => subject);
  }
}

function freeNames(
  present: readonly Package[],
  records: readonly Package[],
  update: ReadonlySet<string>,
): ReadonlySet<string> {
  const byName = Map.groupBy(records, ({ name }) => name);
  const newest = new Map<string, Package>();
  for (const subject of present) {
    const known = newest.get(subject.name);
    if (known === undefined || compareVersions(subject.version, known.version) > 0)
      newest.set(subject.name, subject);
  }
  const origins = new Set(
    [...records, ...newest.values()]
      .filter(({ name }) => update.has(name))
      .map(({ origin }) => origin)
      .filter((origin) => origin !== ""),
  );
  const free = new Set(
    records
      .filter(({ name, origin }) => update.has(name) || origins.has(origin))
      .map(({ name }) => name),
  );
  const providers = new Providers([...present, ...records]);
  const recorded = new Set(records.map(({ identity }) => identityKey(identity)));
  const mayBeChosen = ({ name, identity }: Package): boolean =>
    free.has(name)
      ? newest.get(name)?.identity === identity
      : !byName.has(name) || recorded.has(identityKey(identity));
  const isMet = (atom: Atom): boolean => atom.conflict || providers.of(atom).some(mayBeChosen);
  for (let size = -1; size !== free.size;) {
    size = free.size;
    for (const name of Array.from(free))
      for (const atom of newest.get(name)?.depends ?? [])
        if (!isMet(atom)) for (const subject of providers.of(atom)) free.add(subject.name);
    for (const [name, versions] of byName)
      if (!free.has(name) && versions.some(({ depends }) => !depends.every(isMet))) free.add(name);
  }
  return free;
}
