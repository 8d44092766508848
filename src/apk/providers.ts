/** Providers: which packages give which names, over everything that could be installed. */
import { BivyError } from "../base/index.ts";
import { satisfies, type Atom } from "./atom.ts";
import { identityKey } from "./identity.ts";
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
  readonly providers: Provider[];
  /** Names of packages that have an install-if rule with this name. */
  readonly installIfOf: Name[];
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
  readonly repositories: number[] = [];
  /** Some repository of it can be fetched from. */
  inAvailableRepository = false;
  fromFile = false;
  isVirtual = false;
  fromCache = false;
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
    return !this.fitsArchitecture || this.record.uninstallable;
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

  addRepository(position: number, available: boolean, record: Package): void {
    if (this.repositories.at(-1) !== position) this.repositories.push(position);
    this.repositoryRecord ??= record;
    if (available) this.inAvailableRepository = true;
  }
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
  private everyNameKnown = false;

  constructor(supply: Supply) {
    this.supply = supply;
    this.architectures =
      supply.architectures && new Set(["", "noarch", ...supply.architectures]);
    for (const tag of supply.tags ?? []) this.tagNumber(tag);
    for (const subject of supply.installed) {
      if (subject.tag !== undefined) this.tagNumber(subject.tag);
      const candidate = this.add(subject);
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
      name = { id: this.names.size, text, providers: [], installIfOf: [] };
      this.names.set(text, name);
    }
    return name;
  }

  /** The number of names so far. */
  get nameCount(): number {
    return this.names.size;
  }

  /** The name, when any package has, provides or asks for it. */
  findName(text: string): Name | undefined {
    const known = this.names.get(text);
    if (known !== undefined || this.everyNameKnown) return known;
    this.learnEveryName();
    return this.names.get(text);
  }

  /** All names that any package has, provides or asks for. */
  allNames(): Iterable<Name> {
    if (!this.everyNameKnown) this.learnEveryName();
    return this.names.values();
  }

  private learnEveryName(): void {
    this.everyNameKnown = true;
    for (const candidate of this.candidates) void candidate.depends;
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
    name.providers.push({ candidate, version: subject.version, identity: key });
    for (const provide of candidate.provides)
      provide.name.providers.push({ candidate, version: provide.atom.version, identity: key });
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
      for (const subject of repository.packages)
        this.add(subject).addRepository(position, available, subject);
    });
  }

  private indexInstallIf(): void {
    for (const candidate of this.candidates) {
      const triggers = candidate.installIf;
      if (triggers.length === 0) continue;
      const owners = [candidate.name, ...candidate.provides.map((provide) => provide.name)];
      for (const { name } of triggers)
        for (const owner of owners)
          if (!name.installIfOf.includes(owner)) name.installIfOf.push(owner);
    }
  }
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
