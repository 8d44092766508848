/** Providers: which packages give which names, over everything that could be installed. */
import { BivyError } from "../../base/index.ts";
import { AtomCursor, type Atom } from "../atom.ts";
import {
  addProvider,
  Candidate,
  inTableOrder,
  noNames,
  noProviders,
  untagged,
  type Dependency,
  type GrowingName,
  type Name,
  type Provider,
} from "./candidate.ts";
import { identityKey } from "../identity.ts";
import type { Package } from "../package.ts";
import { tableRank } from "./table-order.ts";

/** An index in use, in the order of etc/apk/repositories. */
export interface SupplyRepository {
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
  readonly repositories: readonly SupplyRepository[];
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

/** The names and candidates of a supply. It is built once and not changed by solving. */
export class ProviderIndex {
  readonly supply: Supply;
  readonly candidates: Candidate[] = [];
  /** Candidates that are installed, in the order of the database. */
  readonly installed: Candidate[] = [];
  /** Tags by number; number 0 is "no tag". */
  readonly tags: string[] = [""];
  private readonly names = new Map<string, Name>();
  private readonly cursor = new AtomCursor();
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

  /** The names of a line of atoms. */
  readNames(line: string): readonly Name[] {
    if (line === "") return noNames;
    const names: Name[] = [];
    this.cursor.start(line);
    while (this.cursor.next()) names.push(this.name(this.cursor.name));
    return names;
  }

  /** Enters a package under each name of its line of provides; gives the names. */
  readProvides(line: string, candidate: Candidate, given: Provider[]): readonly Name[] {
    if (line === "") return noNames;
    const { identity } = candidate;
    const names: Name[] = [];
    this.cursor.start(line);
    while (this.cursor.next()) {
      const name = this.name(this.cursor.name);
      names.push(name);
      given.push(addProvider({ name, candidate, version: this.cursor.version, identity }));
    }
    return names;
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

/** Versions of one package come one after the other, so a look at the end is enough. */
function addRuleOwner(trigger: Name, owner: Name): void {
  const { installIfOf } = trigger;
  if (installIfOf.length === 0) (trigger as GrowingName).installIfOf = [owner];
  else if (installIfOf.at(-1) !== owner) (trigger as GrowingName).installIfOf.push(owner);
}
