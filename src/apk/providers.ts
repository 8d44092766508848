/** Providers: which packages give which names, over everything that could be installed. */
import { BivyError } from "../base/index.ts";
import { formatUntagged, satisfies, scanAtoms, type Atom } from "./atom.ts";
import { identityKey } from "./identity.ts";
import { decodeBytes, PackageRecord } from "./index-text.ts";
import { tableRank } from "./table-order.ts";
import type { Package } from "./package.ts";

/** An index in use, in the order of etc/apk/repositories. */
export interface Repository {
  readonly packages: readonly Package[];
  /** Repositories with the same URL are one, which has all their tags. */
  readonly url?: string;
  /** The tag of `@tag url`, without `@`. */
  readonly tag?: string;
  /** False when its packages cannot be fetched now, as with `--no-network`. Default: true. */
  readonly available?: boolean;
}

/** An installed package as far as decisions go. */
export type Installed = Package & { readonly tag?: string };

/** Everything that a solver may choose from. */
export interface Supply {
  readonly installed: readonly Installed[];
  readonly repositories: readonly Repository[];
  /** Packages of etc/apk/cache/installed: once installed, in no repository. */
  readonly cached?: readonly Package[];
  /** Packages given as files, preferred over all others. */
  readonly files?: readonly Package[];
  /** Packages that exist only as a list of dependencies (`add --virtual`). */
  readonly virtual?: readonly Package[];
  /** Architectures that may be installed besides `noarch`; none named: any. */
  readonly architectures?: readonly string[];
  /** Tags in the order in which they shall be tried and reported, before those found here. */
  readonly tags?: readonly string[];
}

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
interface GrowingName extends Name {
  providers: Provider[];
  installIfOf: Name[];
}

/** One package under one of its names. */
export interface Provider {
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
  /** All atoms of it could be read; those of `depends`. */
  readonly intact: boolean;
  private readonly dependsIntact: boolean;
  private dependsCache: readonly Dependency[] | undefined;
  private providesCache: readonly Dependency[] | undefined;
  private installIfCache: readonly Dependency[] | undefined;

  constructor(id: number, name: Name, identity: string, record: Package, index: ProviderIndex) {
    this.id = id;
    this.name = name;
    this.version = record.version;
    this.identity = identity;
    this.record = record;
    this.index = index;
    addProvider(name, { candidate: this, version: record.version, identity });
    const depends = index.readNames(atomLine(record, "dependsLine", "depends"));
    const provides = index.readNames(
      atomLine(record, "providesLine", "provides"),
      (given, version) => addProvider(given, { candidate: this, version, identity }),
    );
    const installIf = index.readNames(atomLine(record, "installIfLine", "installIf"));
    this.dependsNames = depends.names;
    this.providesNames = provides.names;
    this.installIfNames = installIf.intact ? installIf.names : noNames;
    this.dependsIntact = depends.intact;
    this.intact = depends.intact && provides.intact && installIf.intact;
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
  get installedSize(): number {
    return this.record.installedSize;
  }
  get providerPriority(): number {
    return this.record.providerPriority;
  }
  /** Its architecture does not fit, or parts of its record are not understood. */
  get uninstallable(): boolean {
    const { record } = this;
    if (!this.fitsArchitecture || !this.dependsIntact) return true;
    // A record without unknown fields has nothing else that could keep it from being installed.
    return (!(record instanceof PackageRecord) || record.hasUnknownFields) && record.uninstallable;
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
const noProviders: Provider[] = [];

interface NameList {
  readonly names: readonly Name[];
  /** False when part of the line could not be read. */
  readonly intact: boolean;
}

const emptyNameList: NameList = { names: noNames, intact: true };

function addProvider(name: Name, provider: Provider): void {
  if (name.providers.length === 0) (name as GrowingName).providers = [provider];
  else (name as GrowingName).providers.push(provider);
}

/** The names and candidates of a supply. It is built once and not changed by solving. */
export class ProviderIndex {
  readonly supply: Supply;
  readonly candidates: Candidate[] = [];
  /** Candidates that are installed, in the order of the database. */
  readonly installed: Candidate[] = [];
  /** Tags by number; number 0 is "no tag". */
  readonly tags: string[] = [""];
  private readonly names = new Map<string, Name>();
  private readonly byIdentity = new Map<string, Candidate>();
  /** For each repository (by position): its tags, as bits. */
  private readonly repositoryTags: number[] = [];
  private readonly architectures: ReadonlySet<string> | undefined;

  constructor(supply: Supply) {
    this.supply = supply;
    this.architectures = supply.architectures && new Set(["", "noarch", ...supply.architectures]);
    for (const tag of supply.tags ?? []) this.tagNumber(tag);
    for (const subject of supply.installed) {
      if (subject.tag !== undefined) this.tagNumber(subject.tag);
      const candidate = this.add(subject);
      for (const { name } of subject.replaces) this.name(name);
      if (candidate.installed === undefined) this.installed.push(candidate);
      candidate.installed ??= subject;
    }
    for (const subject of supply.cached ?? []) this.add(subject).fromCache = true;
    this.addRepositories();
    for (const subject of supply.files ?? []) this.add(subject).fromFile = true;
    for (const subject of supply.virtual ?? []) this.add(subject).isVirtual = true;
    this.indexInstallIf();
  }

  /** The name with this text, known or not. */
  name(text: string): Name {
    let name = this.names.get(text);
    if (name === undefined) {
      name = { id: this.names.size, text, providers: noProviders, installIfOf: noNames };
      this.names.set(text, name);
    }
    return name;
  }

  /** The number of names so far. */
  get nameCount(): number {
    return this.names.size;
  }

  /** The name, when any package or atom seen so far has, provides or asks for it. */
  findName(text: string): Name | undefined {
    return this.names.get(text);
  }

  /** All names that any package or atom seen so far has, provides or asks for. */
  allNames(): Iterable<Name> {
    return this.names.values();
  }

  tagNumber(tag: string): number {
    const known = this.tags.indexOf(tag);
    if (known !== -1) return known;
    if (this.tags.length > 30)
      throw new BivyError("repositories-invalid", `tag @${tag}: more than 30 repository tags`, {
        hint: "Use fewer tags.",
      });
    return this.tags.push(tag) - 1;
  }

  /** Whether any repository has the tag. */
  isTagUsed(tag: string): boolean {
    const bit = 1 << this.tagNumber(tag);
    return this.repositoryTags.some((bits) => (bits & bit) !== 0);
  }

  acceptsArchitecture(arch: string): boolean {
    return this.architectures === undefined || this.architectures.has(arch);
  }

  tagBitsOf(candidate: Candidate): number {
    let bits = 0;
    for (const position of candidate.repositories) bits |= this.repositoryTags[position]!;
    const { installed } = candidate;
    if (installed === undefined) return bits;
    const own = 1 << (installed.tag === undefined ? untagged : this.tagNumber(installed.tag));
    for (const tags of this.repositoryTags) if ((tags & own) !== 0) bits |= tags;
    return bits;
  }

  /** The names of a line of atoms, each also handed to `visit` with the version that follows it. */
  readNames(line: string, visit?: (name: Name, version: string) => void): NameList {
    if (line === "") return emptyNameList;
    const names: Name[] = [];
    const intact = scanAtoms(line, (text, version) => {
      const name = this.name(text);
      names.push(name);
      visit?.(name, version);
    });
    return { names, intact };
  }

  link(atoms: readonly Atom[]): readonly Dependency[] {
    return atoms.map((atom) => ({ atom, name: this.name(atom.name) }));
  }

  /** The candidate of a name that is installed under that very name. */
  installedOf(name: Name): Candidate | undefined {
    return name.providers.find(
      ({ candidate }) => candidate.name === name && candidate.installed !== undefined,
    )?.candidate;
  }

  private add(subject: Package): Candidate {
    const key = identityKey(subject.identity);
    const known = key === "" ? undefined : this.byIdentity.get(key);
    if (known !== undefined) return known;
    const name = this.name(subject.name);
    const candidate = new Candidate(this.candidates.length, name, key, subject, this);
    if (key !== "") this.byIdentity.set(key, candidate);
    this.candidates.push(candidate);
    return candidate;
  }

  private addRepositories(): void {
    const positions = new Map<string, number>();
    this.supply.repositories.forEach((repository, position) => {
      const tag = 1 << (repository.tag === undefined ? untagged : this.tagNumber(repository.tag));
      const same = repository.url === undefined ? undefined : positions.get(repository.url);
      this.repositoryTags.push(same === undefined ? tag : 0);
      if (same !== undefined) {
        this.repositoryTags[same]! |= tag;
        return;
      }
      if (repository.url !== undefined) positions.set(repository.url, position);
      const available = repository.available ?? true;
      const place = [position] as const;
      for (const subject of repository.packages)
        this.add(subject).addRepository(place, available, subject);
    });
  }

  private indexInstallIf(): void {
    const triggers = new Set<Name>();
    for (const candidate of this.candidates)
      for (const trigger of candidate.installIfNames) {
        triggers.add(trigger);
        addRuleOwner(trigger, candidate.name);
        for (const provided of candidate.providesNames) addRuleOwner(trigger, provided);
      }
    for (const { installIfOf } of triggers)
      if (installIfOf.length > 1)
        inTableOrder(installIfOf as Name[], ({ text }) => tableRank(text));
  }
}

/** The place of a package in apk's table order: it stands under all its names; what was added late comes last. */
export function candidateRank(candidate: Candidate): number {
  if (candidate.isVirtual || candidate.fromFile) return Number.POSITIVE_INFINITY;
  return Math.min(
    tableRank(candidate.name.text),
    ...candidate.providesNames.map(({ text }) => tableRank(text)),
  );
}

function inTableOrder<T>(list: T[], rank: (item: T) => number): void {
  const ranks = new Map(list.map((item) => [item, rank(item)]));
  list.sort((a, b) => ranks.get(a)! - ranks.get(b)!);
}

/** Candidates in apk's table order. */
export function sortByTable(candidates: Iterable<Candidate>): Candidate[] {
  const sorted = [...candidates];
  if (sorted.length > 1) inTableOrder(sorted, candidateRank);
  return sorted;
}

/** Versions of one package come one after the other, so a look at the end is enough. */
function addRuleOwner(trigger: Name, owner: Name): void {
  const { installIfOf } = trigger;
  if (installIfOf.length === 0) (trigger as GrowingName).installIfOf = [owner];
  else if (installIfOf.at(-1) !== owner) (trigger as GrowingName).installIfOf.push(owner);
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
    return isProvided(undefined, dependency, { candidate, version, identity });
  const provide = candidate.provides.find(({ name }) => name === dependency.name);
  if (provide === undefined) return undefined;
  return isProvided(owner, dependency, { candidate, version: provide.atom.version, identity });
}
