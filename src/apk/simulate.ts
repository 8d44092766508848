/** Simulation: what `apk add`, `del`, `fix` and `upgrade` print with `--simulate`, word for word. */
import { createHash } from "node:crypto";
import { formatAtom, readAtom, tryParseAtom, type Atom } from "./atom.ts";
import { formatChecksum } from "./identity.ts";
import type { InstalledPackage } from "./installed.ts";
import { createPackage, type Package } from "./package.ts";
import { formatChanges, formatOverview, formatSummary, totalsAfter } from "./plan.ts";
import { ProviderIndex, type Name, type Repository } from "./providers.ts";
import { matchOperands } from "./simulate-operands.ts";
import { simulateRemoval } from "./simulate-remove.ts";
import { isGiven, parseCommandLine, switchOf, type CommandLine } from "./simulate-options.ts";
import { formatProblems } from "./solver-error-text.ts";
import { explainFailure } from "./solver-error.ts";
import {
  alters,
  solve,
  type Change,
  type NameWish,
  type Preferences,
  type Solution,
  type SolverInput,
} from "./solver.ts";
import { matchesVersion } from "./version.ts";
import { addToWorld } from "./world.ts";

/** A repository as the simulation needs it: a remote one is out of reach with `--no-network`. */
export interface SimulatedRepository extends Omit<Repository, "available"> {
  readonly remote: boolean;
}

export interface Simulation {
  /** The command line, without `apk`. */
  readonly words: readonly string[];
  readonly world: readonly Atom[];
  readonly installed: readonly InstalledPackage[];
  readonly repositories: readonly SimulatedRepository[];
  /** Packages of etc/apk/cache/installed, when there is a package cache. */
  readonly cache?: readonly Package[];
  /** Packages named as files on the command line, by the word that names them. */
  readonly files?: ReadonlyMap<string, Package>;
  readonly architectures: readonly string[];
  /** The path of the running apk below the root, which `upgrade` upgrades first. */
  readonly ownExecutable?: string;
  /** Makes the version of a virtual package that was given without one. Default: the present time. */
  readonly now?: () => Date;
  readonly width?: number;
}

export interface SimulationResult {
  /** What apk prints on both of its streams, in order. */
  readonly output: string;
  readonly parts: readonly { readonly stream: "out" | "err"; readonly text: string }[];
  readonly exitCode: number;
  /** What would be done, when a solution was found. */
  readonly solution?: Solution;
}

/** Runs a command line without touching anything. */
export function simulate(simulation: Simulation): SimulationResult {
  const session = new Session(simulation);
  const code = session.run();
  const parts = session.parts;
  return {
    output: parts.map(({ text }) => text).join(""),
    parts,
    exitCode: code < 0 ? 250 : Math.min(code, 99),
    ...(session.solution && { solution: session.solution }),
  };
}

/** apk's return value for "failed" where it counts nothing. */
const failed = -1;

/** One run: the command line, the supply, and what was printed so far. */
export class Session {
  readonly parts: { readonly stream: "out" | "err"; readonly text: string }[] = [];
  solution: Solution | undefined;
  readonly simulation: Simulation;
  readonly line: CommandLine;
  readonly verbosity: number;
  index: ProviderIndex;

  constructor(simulation: Simulation) {
    this.simulation = simulation;
    this.line = parseCommandLine(simulation.words);
    const count = (option: string) => this.line.values.get(option)?.length ?? 0;
    this.verbosity = 1 + count("verbose") - count("quiet");
    this.index = this.openSupply([]);
  }

  private openSupply(virtual: readonly Package[]): ProviderIndex {
    const { world, installed, repositories, cache, files, architectures } = this.simulation;
    const reachable = switchOf(this.line, "network") ?? true;
    const index = new ProviderIndex({
      installed,
      repositories: repositories.map(({ remote, ...repository }) => ({
        ...repository,
        available: reachable || !remote,
      })),
      // A root on disk is its own record; only a root in memory has its packages in the cache.
      cached: this.isInMemory ? (cache ?? []) : [],
      files: [...(files?.values() ?? [])],
      virtual,
      architectures,
      tags: [...new Set(world.flatMap(({ tag }) => (tag === undefined ? [] : [tag])))],
    });
    for (const { name } of world) index.name(name);
    return index;
  }

  get isInMemory(): boolean {
    return switchOf(this.line, "root-tmpfs") ?? false;
  }

  get isForced(): boolean {
    return isGiven(this.line, "force-broken-world");
  }

  /** A line of ordinary output. */
  say(text: string): void {
    if (this.verbosity >= 1) this.print(`${text}\n`);
  }
  print(text: string): void {
    if (text !== "") this.parts.push({ stream: "out", text });
  }
  warn(text: string): void {
    if (this.verbosity >= 0) this.parts.push({ stream: "err", text: `WARNING: ${text}\n` });
  }
  fail(text: string): typeof failed {
    this.parts.push({ stream: "err", text: `ERROR: ${text}\n` });
    return failed;
  }

  run(): number {
    const { error, command } = this.line;
    if (error !== undefined) {
      this.fail(error);
      return 1;
    }
    this.warnOfBrokenRecords();
    switch (command) {
      case "add":
        return this.add();
      case "del":
        return simulateRemoval(this);
      case "fix":
        return this.fix();
      case "upgrade":
        return this.upgrade();
      case undefined:
        this.fail(`'${this.line.operands[0] ?? ""}' is not an apk command. See 'apk --help'.`);
        return 1;
    }
  }

  private warnOfBrokenRecords(): void {
    let newer = false;
    let broken = false;
    let uninstallable = false;
    for (const candidate of this.index.candidates) {
      const isNewer = candidate.package.unknownFields.length > 0;
      if (!isNewer && candidate.intact) continue;
      if (isNewer) newer = true;
      if (!candidate.intact) broken = true;
      if (candidate.package.uninstallable) uninstallable = true;
    }
    const effect = uninstallable ? "are not installable" : "might not function properly";
    if (newer) this.warn(`This apk-tools is OLD! Some packages ${effect}.`);
    if (broken) this.warn(`The indexes contain broken packages which ${effect}.`);
  }

  private add(): number {
    const { line, simulation } = this;
    const specifier = line.values.get("virtual")?.at(-1);
    const virtual = specifier === undefined ? undefined : this.parseVirtual(specifier);
    if (virtual === failed) return failed;
    if (virtual !== undefined && line.operands.length === 0)
      this.warn("creating empty virtual package");
    const wish: NameWish = {
      preferences: { latest: isGiven(line, "latest"), upgrade: isGiven(line, "upgrade") },
      inherited: true,
    };
    const names = new Map<string, NameWish>();
    let world = simulation.world;
    let depends: readonly Atom[] = [];
    for (const word of line.operands) {
      const atom = this.parseOperand(word, virtual !== undefined);
      if (atom === undefined) {
        const [kind, form] =
          virtual === undefined
            ? ["world", "name(@tag)([<>~=]version)"]
            : ["package", "name([<>~=]version)"];
        return this.fail(`'${word}' is not a valid ${kind} dependency, format is ${form}`);
      }
      if (virtual !== undefined) depends = addToWorld(depends, atom);
      else {
        world = addToWorld(world, atom);
        names.set(atom.name, wish);
      }
    }
    if (virtual !== undefined) {
      this.index = this.openSupply([virtualPackage(virtual, depends)]);
      world = addToWorld(world, virtual);
      names.set(virtual.name, wish);
    }
    return this.solveAndCommit({ world, names });
  }

  private parseOperand(word: string, isDependency: boolean): Atom | undefined {
    const file = this.simulation.files?.get(word);
    if (file !== undefined)
      return { name: file.name, conflict: false, operator: "><", version: file.identity };
    if (/[ \n]/.test(word)) return undefined;
    if (!isDependency) return tryParseAtom(word);
    const atom = readAtom(word, "without-tags");
    return atom?.broken ? undefined : atom;
  }

  private parseVirtual(specifier: string): Atom | typeof failed {
    const atom = tryParseAtom(specifier);
    if (atom === undefined || atom.conflict)
      return this.fail(`${specifier}: bad package specifier`);
    const isLost = this.isInMemory && this.simulation.cache === undefined;
    if (!atom.name.startsWith(".") && isLost && !isGiven(this.line, "force-non-repository"))
      return this.fail(
        "You tried to add a non-repository package to system, but it would be lost on next reboot. " +
          "Enable package caching (apk cache --help) or use --force-non-repository if you know what you are doing.",
      );
    if (atom.operator === "=") return atom;
    if (atom.operator !== "any") return this.fail(`${specifier}: bad package specifier`);
    const now = (this.simulation.now ?? (() => new Date()))().toISOString();
    return {
      ...atom,
      operator: "=",
      version: now.slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "."),
    };
  }

  private fix(): number {
    const { line } = this;
    const reinstall = isGiven(line, "reinstall");
    const upgrade = isGiven(line, "upgrade");
    const wish: NameWish = {
      preferences: { upgrade, reinstall: reinstall || !upgrade },
      inherited: isGiven(line, "depends"),
    };
    const names = new Map<string, NameWish>();
    if (line.operands.length === 0) {
      for (const subject of this.simulation.installed) {
        const { brokenFiles, brokenScript, brokenXattrs } = subject.flags;
        if (brokenFiles || brokenScript || (brokenXattrs && isGiven(line, "xattr")))
          names.set(subject.name, wish);
      }
    } else {
      const errors = this.eachName((name) => names.set(name.text, wish));
      if (errors > 0) return errors;
    }
    return this.solveAndCommit({ world: this.simulation.world, names });
  }

  /** Visits the names that the operands mean; gives the number of those that are unknown. */
  private eachName(visit: (name: Name) => void): number {
    let errors = 0;
    for (const { word, name } of matchOperands(this.index, this.line.operands)) {
      if (name !== undefined) visit(name);
      else {
        this.fail(`Package '${word}' not found`);
        errors++;
      }
    }
    return errors;
  }

  private upgrade(): number {
    const { line } = this;
    if (!this.checkTags(this.simulation.world))
      return this.fail("Not continuing with upgrade due to missing repository tags.");
    const preferences: Preferences = {
      upgrade: true,
      available: isGiven(line, "available"),
      latest: isGiven(line, "latest"),
    };
    const only = isGiven(line, "preupgrade-only") || isGiven(line, "self-upgrade-only");
    const allowed =
      (switchOf(line, "preupgrade") ?? true) && (switchOf(line, "self-upgrade") ?? true);
    if ((only || !isGiven(line, "root")) && allowed && line.operands.length === 0) {
      const code = this.preupgrade(preferences, only);
      if (code !== 0) return code;
    }
    if (only) return 0;
    const names = new Map<string, NameWish>();
    const ignore = isGiven(line, "ignore");
    const wish: NameWish = { preferences: ignore ? { keep: true } : { upgrade: true } };
    const errors = this.eachName((name) => names.set(name.text, wish));
    if (errors > 0) return errors;
    const some = line.operands.length > 0 && !ignore;
    return this.solveAndCommit({
      world: this.upgradedWorld(),
      preferences: some ? { ...preferences, upgrade: false } : preferences,
      names,
    });
  }

  /** World without exact builds (`--available`) and without what no repository has (`--prune`). */
  private upgradedWorld(): readonly Atom[] {
    let { world } = this.simulation;
    if (isGiven(this.line, "available"))
      world = world.map((atom) =>
        atom.operator === "><" ? { ...atom, operator: "any", version: "" } : atom,
      );
    if (!isGiven(this.line, "prune")) return world;
    return world.filter((atom) =>
      this.index.name(atom.name).providers.some(({ candidate }) => candidate.inAvailableRepository),
    );
  }

  /** Upgrades apk itself, and what `--preupgrade-depends` names, before all else. */
  private preupgrade(preferences: Preferences, only: boolean): number {
    const names = new Map<string, NameWish>();
    for (const atom of this.preupgradeAtoms()) {
      const name = this.index.name(atom.name);
      const installed = this.index.installedOf(name);
      if (installed === undefined) continue;
      if (matchesVersion(installed.version, atom.operator, atom.version) === atom.conflict)
        continue;
      const isNewer = name.providers.some(
        ({ candidate }) =>
          candidate.repositories.length > 0 &&
          matchesVersion(candidate.version, ">", installed.version),
      );
      if (isNewer) names.set(atom.name, { preferences });
    }
    if (names.size === 0) return 0;
    const outcome = solve({
      ...this.solverInput({ world: this.simulation.world, names }),
      minimal: true,
    });
    if (outcome.kind === "failure") {
      this.warn("Failed to perform initial preupgrade, continuing with a full upgrade.");
      return 0;
    }
    if (!outcome.changes.some(alters)) return 0;
    if (!only) {
      this.warn("This simulation might not reliable as a preupgrade is available.");
      return 0;
    }
    this.say("Preupgrading:");
    return this.commit(outcome);
  }

  private preupgradeAtoms(): readonly Atom[] {
    let atoms: readonly Atom[] = [];
    const owner = fileOwner(this.simulation.installed, this.simulation.ownExecutable);
    if (owner !== undefined)
      atoms = [{ name: owner.name, conflict: false, operator: "any", version: "" }];
    for (const line of this.line.values.get("preupgrade-depends") ?? []) {
      const words = line.split(/[ \n]+/).filter((word) => word !== "");
      for (const word of words) {
        const atom = readAtom(word, "without-tags");
        if (atom !== undefined) atoms = addToWorld(atoms, atom);
        else this.warn(`Ignored invalid preupgrade dependencies from: ${line}`);
      }
    }
    return atoms;
  }

  private checkTags(world: readonly Atom[]): boolean {
    if (this.isForced) return true;
    const unknown = world.filter(({ tag }) => tag !== undefined && !this.index.isTagUsed(tag));
    for (const atom of unknown)
      this.warn(
        `The repository tag for world dependency '${formatAtom({ ...atom, operator: "any", conflict: false })}' does not exist`,
      );
    return unknown.length === 0;
  }

  solverInput(input: Omit<SolverInput, "supply">): SolverInput {
    return { ...input, supply: this.index, dropBrokenWorld: this.isForced };
  }

  private solveAndCommit(input: Omit<SolverInput, "supply">): number {
    if (!this.checkTags(input.world))
      return this.fail("Not committing changes due to missing repository tags.");
    return this.finish(solve(this.solverInput(input)));
  }

  /** Commits a solution, or explains a failure. */
  finish(outcome: ReturnType<typeof solve>): number {
    if (outcome.kind === "solution") return this.commit(outcome);
    this.fail("unable to select packages:");
    const problems = explainFailure(outcome);
    const { width } = this.simulation;
    const text = formatProblems(problems, width === undefined ? {} : { width });
    this.parts.push({ stream: "err", text });
    return Math.max(problems.length, 1);
  }

  commit(solution: Solution): number {
    if (!this.checkTags(solution.world))
      return this.fail("Not committing changes due to missing repository tags.");
    this.solution = solution;
    const { changes } = solution;
    const interactive = switchOf(this.line, "interactive") ?? false;
    const { installed, width } = this.simulation;
    if (this.verbosity > 1 || interactive)
      this.print(
        formatOverview(changes, {
          verbosity: this.verbosity,
          interactive,
          downloadSize: this.downloadSize(changes),
          ...(width === undefined ? undefined : { width }),
        }),
      );
    for (const text of formatChanges(changes)) this.say(text);
    const errors = changes.filter(isStillBroken).length;
    const before = totalsAfter({ packages: 0, bytes: 0 }, installed.map(asInstalled));
    this.say(
      formatSummary(totalsAfter(before, changes), {
        errors,
        ...(this.verbosity > 1 ? { contents: countContents(installed) } : undefined),
      }),
    );
    return errors;
  }

  private downloadSize(changes: readonly Change[]): number {
    const isLocal = (position: number) => !this.simulation.repositories[position]!.remote;
    return changes
      .filter(({ next, same, repositories }) => next && !same && !repositories.some(isLocal))
      .reduce((size, { next }) => size + next!.size, 0);
  }
}

/** A simulation repairs nothing: a package whose files or script were broken before counts as an error. */
function isStillBroken({ previous }: Change): boolean {
  const flags = (previous as Partial<InstalledPackage> | undefined)?.flags;
  return flags !== undefined && (flags.brokenFiles || flags.brokenScript);
}

function asInstalled(subject: Package): Pick<Change, "next"> & Change {
  return {
    next: subject,
    same: false,
    reinstall: false,
    previousTag: "",
    nextTag: "",
    repositories: [],
    available: false,
    nameInRepositories: false,
  };
}

function countContents(installed: readonly InstalledPackage[]) {
  const directories = new Set<string>();
  let files = 0;
  for (const subject of installed)
    for (const directory of subject.directories) {
      files += directory.files.length;
      for (
        let path = directory.path;
        !directories.has(path);
        path = path.slice(0, Math.max(0, path.lastIndexOf("/")))
      )
        directories.add(path);
    }
  return { directories: directories.size, files };
}

function fileOwner(installed: readonly InstalledPackage[], path = "proc/self/exe") {
  const slash = path.lastIndexOf("/");
  const folder = path.slice(0, Math.max(0, slash));
  const name = path.slice(slash + 1);
  return installed.find(({ directories }) =>
    directories.some(
      (directory) =>
        directory.path === folder && directory.files.some((file) => file.name === name),
    ),
  );
}

/** A package without files that depends on what was given after `--virtual NAME`. */
function virtualPackage(atom: Atom, depends: readonly Atom[]): Package {
  const { name, version } = atom;
  const digest = createHash("sha1").update(`${name}\0${version}`).digest();
  return createPackage({
    name,
    version,
    arch: "noarch",
    description: "virtual meta package",
    identity: formatChecksum(digest),
    depends,
  });
}
