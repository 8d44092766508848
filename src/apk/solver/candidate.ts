/** Candidates: packages that could be chosen, linked by the names that they have, give and ask for. */
import { formatUntagged, isIntactLine, satisfies, type Atom } from "../atom.ts";
import { decodeBytes, PackageRecord } from "../index-text.ts";
import type { Package } from "../package.ts";
import type { Installed, ProviderIndex } from "./providers.ts";
import { afterTable, tableRank } from "./table-order.ts";

/** A name that a dependency can ask for, and all that the supply says about it. */
export interface Name {
  readonly id: number;
  readonly text: string;
  /** In the order of the supply: installed, cached, repositories, files and virtual packages. */
  readonly providers: readonly Provider[];
  /** Names of packages that have an install-if rule with this name, in apk's table order. */
  readonly installIfOf: readonly Name[];
}

/** A name while the index is built. Most names share their empty lists. */
export interface GrowingName extends Name {
  providers: Provider[];
  installIfOf: Name[];
}

/** One package under one of its names. */
export interface Provider {
  readonly name: Name;
  readonly candidate: Candidate;
  /** "" when the name is provided without a version. */
  readonly version: string;
  readonly identity: string;
}

/** An atom and the name that it asks for. */
export interface Dependency {
  readonly atom: Atom;
  readonly name: Name;
}

/** The tag of repositories that have none. */
export const untagged = 0;

const nowhere: readonly number[] = [];

/** One build of a package, wherever it is found: installed, in repositories, or both. */
export class Candidate {
  readonly id: number;
  readonly name: Name;
  readonly version: string;
  readonly identity: string;
  private readonly index: ProviderIndex;
  private readonly record: Package;
  private repositoryRecord: Package | undefined;
  installed: Installed | undefined;
  /** Positions in the supply's repositories, first first. */
  repositories: readonly number[] = nowhere;
  /** Some repository of it can be fetched from. */
  inAvailableRepository = false;
  fromFile = false;
  isVirtual = false;
  fromCache = false;
  /** The names of `depends`, `provides` and `installIf`: discovery needs no more of most packages. */
  readonly dependsNames: readonly Name[];
  readonly providesNames: readonly Name[];
  readonly installIfNames: readonly Name[];
  /** The package under each of its names, its own first. */
  readonly given: readonly Provider[];
  private dependsCache: readonly Dependency[] | undefined;
  private providesCache: readonly Dependency[] | undefined;
  private installIfCache: readonly Dependency[] | undefined;
  private sharedCache: readonly Provider[] | undefined;
  private ruledCache: readonly Name[] | undefined;

  constructor(id: number, name: Name, identity: string, record: Package, index: ProviderIndex) {
    this.id = id;
    this.name = name;
    this.version = record.version;
    this.identity = identity;
    this.record = record;
    this.index = index;
    const given = [addProvider({ name, candidate: this, version: record.version, identity })];
    this.dependsNames = index.readNames(atomLine(record, "dependsLine", "depends"));
    const provides = atomLine(record, "providesLine", "provides");
    this.providesNames = index.readProvides(provides, this, given);
    this.given = given;
    const rule = atomLine(record, "installIfLine", "installIf");
    // A rule that is only half understood must not trigger.
    this.installIfNames = rule === "" || !isIntactLine(rule) ? noNames : index.readNames(rule);
  }

  /** Its description: a repository's when one has it, because that is what can be fetched. */
  get package(): Package {
    return this.repositoryRecord ?? this.record;
  }
  get depends(): readonly Dependency[] {
    return (this.dependsCache ??= this.index.link(this.record.depends));
  }
  get provides(): readonly Dependency[] {
    return (this.providesCache ??= this.index.link(this.record.provides));
  }
  get installIf(): readonly Dependency[] {
    return (this.installIfCache ??= this.index.link(this.record.installIf));
  }
  /** Its names that some other package gives too; of the many commands of a package, hardly any. */
  get shared(): readonly Provider[] {
    return (this.sharedCache ??= this.given.filter(({ name }) => name.providers.length > 1));
  }
  /** The names that it has or gives and that some install-if rule asks for. */
  get ruledNames(): readonly Name[] {
    return (this.ruledCache ??= this.given
      .map(({ name }) => name)
      .filter(({ installIfOf }) => installIfOf.length > 0));
  }
  get installedSize(): number {
    return this.record.installedSize;
  }
  get providerPriority(): number {
    return this.record.providerPriority;
  }
  /** Its architecture does not fit, or parts of its record are not understood. */
  get uninstallable(): boolean {
    const { record } = this;
    if (!this.fitsArchitecture || !isIntactLine(atomLine(record, "dependsLine", "depends")))
      return true;
    // A record without unknown fields has nothing else that could keep it from being installed.
    return (!(record instanceof PackageRecord) || record.hasUnknownFields) && record.uninstallable;
  }
  /** All atoms of it could be read. */
  get intact(): boolean {
    const { record } = this;
    return (
      isIntactLine(atomLine(record, "dependsLine", "depends")) &&
      isIntactLine(atomLine(record, "providesLine", "provides")) &&
      isIntactLine(atomLine(record, "installIfLine", "installIf"))
    );
  }
  get fitsArchitecture(): boolean {
    return this.index.acceptsArchitecture(this.record.arch);
  }
  /** It can be had now: its file is here, or a repository that can be fetched from has it. */
  get available(): boolean {
    return this.fromFile || this.inAvailableRepository;
  }
  /** The tags whose repositories have it, as bits; a tag under which it is installed counts with all its repositories. */
  get tagBits(): number {
    return this.index.tagBitsOf(this);
  }

  addRepository(position: readonly [number], available: boolean, record: Package): void {
    // Nearly all are in one repository, and share its list.
    if (this.repositories.length === 0) this.repositories = position;
    else if (this.repositories.at(-1) !== position[0])
      this.repositories = [...this.repositories, position[0]];
    this.repositoryRecord ??= record;
    if (available) this.inAvailableRepository = true;
  }
}

/** A package's atoms as a line, without parsing them when it came from a line. */
function atomLine(
  record: Package,
  line: "dependsLine" | "providesLine" | "installIfLine",
  field: "depends" | "provides" | "installIf",
): string {
  return record instanceof PackageRecord
    ? decodeBytes(record[line])
    : record[field].map(formatUntagged).join(" ");
}

export const noNames: readonly Name[] = [];
export const noProviders: Provider[] = [];

/** Enters a package under one of its names. */
export function addProvider(provider: Provider): Provider {
  const { name } = provider;
  if (name.providers.length === 0) (name as GrowingName).providers = [provider];
  else (name as GrowingName).providers.push(provider);
  return provider;
}

/** The place of a package in apk's table order: it stands under all its names; what was added late comes last. */
export function candidateRank(candidate: Candidate): number {
  if (candidate.isVirtual || candidate.fromFile) return afterTable;
  return Math.min(
    tableRank(candidate.name.text),
    ...candidate.providesNames.map(({ text }) => tableRank(text)),
  );
}

/** More than any list holds. */
const positions = 2 ** 24;

/** Sorts by rank, equals as they were. Plain numbers sort several times faster than what they stand for. */
export function inTableOrder<T>(list: T[], rank: (item: T) => number): void {
  const keys = Float64Array.from(
    list,
    (item, at) => Math.min(rank(item), afterTable) * positions + at,
  );
  const before = list.slice();
  for (const [at, key] of keys.sort().entries()) list[at] = before[key % positions]!;
}

/** Candidates in apk's table order. */
export function sortByTable(candidates: Iterable<Candidate>): Candidate[] {
  const sorted = [...candidates];
  if (sorted.length > 1) inTableOrder(sorted, candidateRank);
  return sorted;
}

/**
 * Whether a provider (undefined: none was chosen) is what a dependency of `owner` asks for. A package
 * never conflicts with what it provides itself.
 */
export function isProvided(
  owner: Candidate | undefined,
  dependency: Dependency,
  provider: Provider | undefined,
): boolean {
  const { atom } = dependency;
  if (provider !== undefined && atom.conflict && provider.candidate === owner) return true;
  return satisfies(provider, atom);
}

/** Whether a package, under its own name or one that it provides, is what a dependency of `owner` asks for. */
export function meets(
  candidate: Candidate,
  dependency: Dependency,
  owner: Candidate | undefined,
): boolean {
  return relation(candidate, dependency, owner) === true;
}

/** The same, but undefined when the dependency asks for none of its names. */
export function relation(
  candidate: Candidate,
  dependency: Dependency,
  owner: Candidate | undefined,
): boolean | undefined {
  const { identity, version } = candidate;
  if (dependency.name === candidate.name)
    return isProvided(undefined, dependency, {
      name: candidate.name,
      candidate,
      version,
      identity,
    });
  const provide = candidate.provides.find(({ name }) => name === dependency.name);
  if (provide === undefined) return undefined;
  return isProvided(owner, dependency, {
    name: provide.name,
    candidate,
    version: provide.atom.version,
    identity,
  });
}

/**
 * Those among `candidates` with a dependency that `candidate` meets, in the order in which apk finds
 * them: by the name that they ask for, then in table order.
 */
export function dependentsOf(
  candidate: Candidate,
  candidates: ReadonlySet<Candidate> | readonly Candidate[],
): Candidate[] {
  const found = new Set<Candidate>();
  const dependents = sortByTable(
    [...candidates].filter((dependent) =>
      dependent.depends.some((dependency) => meets(candidate, dependency, dependent)),
    ),
  );
  for (const wanted of [candidate.name, ...candidate.providesNames])
    for (const dependent of dependents)
      if (dependent.dependsNames.includes(wanted)) found.add(dependent);
  return [...found];
}
