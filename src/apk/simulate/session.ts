/** Sessions: one simulated run of apk, with its supply and what it printed so far. */
import { formatAtom, type Atom } from "../atom.ts";
import type { InstalledPackage } from "../installed.ts";
import type { Package } from "../package.ts";
import { formatChanges, formatOverview, formatSummary, totalsAfter, totalsOf } from "../plan.ts";
import type { Name } from "../solver/candidate.ts";
import { ProviderIndex, type SupplyRepository } from "../solver/providers.ts";
import { matchOperands } from "./operands.ts";
import { isGiven, parseCommandLine, switchOf, type CommandLine } from "./options.ts";
import { formatProblems } from "../solver/error-text.ts";
import { explainFailure } from "../solver/error.ts";
import {
  solve,
  type Change,
  type Failure,
  type Solution,
  type SolverInput,
} from "../solver/solver.ts";

/** A repository as the simulation needs it: a remote one is out of reach with `--no-network`. */
export interface SimulatedRepository extends Omit<SupplyRepository, "available"> {
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

/** apk's return value for "failed" where it counts nothing. */
export const failed = -1;

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
    this.index = this.buildIndex([]);
  }

  /** Opens the supply again, with virtual packages. */
  openSupply(virtual: readonly Package[]): void {
    this.index = this.buildIndex(virtual);
  }

  private buildIndex(virtual: readonly Package[]): ProviderIndex {
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

  /** Visits the names that the operands mean; gives the number of those that are unknown. */
  eachName(visit: (name: Name) => void): number {
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

  checkTags(world: readonly Atom[]): boolean {
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

  solveAndCommit(input: Omit<SolverInput, "supply">): number {
    if (!this.checkTags(input.world))
      return this.fail("Not committing changes due to missing repository tags.");
    return this.finish(solve(this.solverInput(input)));
  }

  /** Commits a solution, or explains a failure. */
  finish(outcome: Solution | Failure): number {
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
    this.say(
      formatSummary(totalsAfter(totalsOf(installed), changes), {
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
