/** Following apk: what one run of it changes in a root, worked out by its own rules. */
import { posix } from "node:path";
import {
  createInstalled,
  formatWorld,
  identityKey,
  isGiven,
  packageLabel,
  parseCommandLine,
  simulate,
  switchOf,
  type CommandLine,
  type InstalledPackage,
  type LoadedIndex,
  type Repository,
  type Solution,
} from "../../../apk/index.ts";
import { isBivyError } from "../../../base/index.ts";
import { placePackage, type ResolvedPackage } from "../../resolve.ts";
import { type ApkCommand } from "../shell/action.ts";
import {
  emptyState,
  repositoriesPath,
  repositoryLines,
  type PackageState,
} from "./package-state.ts";
import { pinIndexes, type Pins } from "./pinned-supply.ts";
import { isProblem, repositoriesOf, type Problem, type Supply } from "./supply.ts";
import { isVirtual } from "./virtual-package.ts";

export interface ApkSurroundings {
  readonly supply: Supply;
  /** What must stay as it was; undefined where everything may be new. */
  readonly pins: Pins | undefined;
}

export interface ApkOutcome {
  readonly state: PackageState;
  readonly packages: readonly ResolvedPackage[];
  /** Labels of packages that are no longer there. */
  readonly removed: readonly string[];
  readonly succeeds: boolean;
  /** Whether packages, or what is asked for, are others than before. */
  readonly changes: boolean;
}

/** What was in doubt before the command: it may do anything. */
export interface ApkDoubt extends Problem {
  readonly isDoubtful: true;
}

/** It leaves the root as it is, but needs packages for something else. */
export interface ApkElsewhere extends Problem {
  readonly isElsewhere: true;
}

/** What apk prints where it fails, and nothing of it was done. */
export interface ApkFailure extends Problem {
  readonly fails: true;
}

/** Those that change packages, or what is asked for. */
const changing = new Set(["add", "del", "fix", "upgrade"]);

/** Works out what a command does. A problem says why that cannot be known. */
export async function followApk(
  command: ApkCommand,
  state: PackageState,
  around: ApkSurroundings,
): Promise<ApkOutcome | ApkFailure | ApkDoubt | ApkElsewhere | Problem> {
  const { subcommand, words } = command;
  if (subcommand === "info") return answerInfo(words, state);
  if (subcommand === "fetch")
    return { reason: "the packages that apk fetch takes, which are not locked", isElsewhere: true };
  if (subcommand === undefined || !changing.has(subcommand)) return unchanged(state, true);
  const line = parseCommandLine(words);
  const root = posix.resolve("/", line.values.get("root")?.at(-1) ?? "/");
  if (root === "/") return followIn(command, line, state, around);
  const inner = state.roots.get(root) ?? newRoot(line, state);
  if (inner === undefined)
    return { reason: `the packages of another root, ${root}`, isElsewhere: true };
  const outcome = await followIn(command, line, inner, around);
  if (isProblem(outcome)) return { ...outcome, isElsewhere: true };
  const roots = new Map(state.roots).set(root, outcome.state);
  return { ...outcome, state: { ...state, roots } };
}

/** The root that `--initdb` makes. Who may sign for it is what it is for the root around it. */
function newRoot(line: CommandLine, { arch, keys, files }: PackageState): PackageState | undefined {
  if (!isGiven(line, "initdb")) return undefined;
  return { ...emptyState(line.values.get("arch")?.at(-1) ?? arch, files), installed: [], keys };
}

async function followIn(
  command: ApkCommand,
  line: CommandLine,
  state: PackageState,
  around: ApkSurroundings,
): Promise<ApkOutcome | ApkFailure | ApkDoubt | Problem> {
  const { words } = command;
  const problem = lineProblem(line, state);
  if (problem !== undefined) return problem;
  if (isGiven(line, "simulate") && switchOf(line, "simulate") !== false)
    return unchanged(state, true);
  const indexes = await loadIndexes(command, line, state, around.supply);
  if (isProblem(indexes)) return indexes;
  const supplied =
    around.pins === undefined
      ? { indexes, dropped: new Map<string, ResolvedPackage>() }
      : pinIndexes(indexes, around.pins, state.installed!);
  const result = simulate({
    words,
    world: state.world,
    installed: state.installed!,
    repositories: supplied.indexes.map(({ repository, packages }) => ({
      packages,
      url: repository.url,
      ...(repository.tag === undefined ? {} : { tag: repository.tag }),
      remote: true,
    })),
    architectures: [state.arch],
    now: () => new Date(0),
  });
  if (result.solution === undefined)
    return {
      reason: `apk fails: ${result.output.trim()}`,
      hint: "The build would fail too. Where a version is pinned, its mirror may have dropped it.",
      fails: true,
    };
  return applySolution(result.solution, state, supplied);
}

function unchanged(state: PackageState, succeeds: boolean): ApkOutcome {
  return { state, packages: [], removed: [], succeeds, changes: false };
}

/** `apk info -e NAME…` succeeds where all of them are installed. */
function answerInfo(words: readonly string[], state: PackageState): ApkOutcome | ApkDoubt {
  if (state.doubt !== undefined) return doubtOf(state.doubt);
  const names = words.filter((word) => word !== "info" && !word.startsWith("-"));
  const installed = new Set(state.installed?.map(({ name }) => name));
  return unchanged(state, names.length > 0 && names.every((name) => installed.has(name)));
}

/** What keeps a command line from being followed. */
function lineProblem(line: CommandLine, state: PackageState): ApkDoubt | Problem | undefined {
  if (line.error !== undefined) return { reason: `apk's ${line.error}` };
  const arch = line.values.get("arch")?.at(-1);
  if (arch !== undefined && arch !== state.arch)
    return { reason: `packages of another architecture, ${arch}` };
  const file = line.operands.find((word) => word.includes(".apk"));
  if (file !== undefined) return { reason: `the package in the file ${file}` };
  if (state.installed === undefined) return { reason: "the root has no packages of Alpine" };
  return state.doubt === undefined ? undefined : doubtOf(state.doubt);
}

function doubtOf(doubt: string): ApkDoubt {
  return { reason: `what is installed, ${doubt}`, isDoubtful: true };
}

interface Supplied {
  readonly indexes: readonly LoadedIndex[];
  /** Packages whose place only a lock knows, by the key of their identity. */
  readonly dropped: ReadonlyMap<string, ResolvedPackage>;
}

/** The indexes that the command sees, in its order. */
async function loadIndexes(
  command: ApkCommand,
  line: CommandLine,
  state: PackageState,
  supply: Supply,
): Promise<LoadedIndex[] | Problem> {
  const repositories = commandRepositories(command, line, state);
  const isRemoval = line.command === "del";
  if (isProblem(repositories)) return isRemoval ? [] : repositories;
  const indexes: LoadedIndex[] = [];
  for (const repository of repositories) {
    const loading = supply.load(repository, state.arch, state.keys);
    // What is taken away is taken from what is there.
    const index = await (isRemoval ? loading.catch(asProblem) : loading);
    if (!isProblem(index)) indexes.push(index);
    else if (!isRemoval) return index;
  }
  return indexes;
}

function asProblem(error: unknown): Problem {
  if (isBivyError(error)) return { reason: error.message };
  throw error;
}

/** The repositories of the root, or of the file that the command names, and those of `-X`. */
export function commandRepositories(
  { files }: Pick<ApkCommand, "files">,
  line: CommandLine,
  state: PackageState,
): Repository[] | Problem {
  const named = line.values.get("repositories-file")?.at(-1);
  const root = line.values.get("root")?.at(-1);
  const path = named ?? (root && posix.join(root, repositoriesPath));
  const content = path === undefined ? undefined : files.get(path);
  if (named !== undefined && content?.text === undefined)
    return { reason: content?.reason ?? `the repositories in ${named}` };
  const lines = content?.text === undefined ? repositoryLines(state) : { text: content.text };
  if ("doubt" in lines) return { reason: lines.doubt };
  const more = (line.values.get("repository") ?? []).join("\n");
  return repositoriesOf(`${lines.text}\n${more}`, "etc/apk/repositories");
}

function applySolution(
  { changes, world }: Solution,
  state: PackageState,
  { indexes, dropped }: Supplied,
): ApkOutcome {
  const installed = new Map(state.installed!.map((each) => [each.name, each]));
  const packages: ResolvedPackage[] = [];
  const removed: string[] = [];
  const gone: InstalledPackage[] = [];
  for (const { previous, next, same, reinstall, nextTag, repositories } of changes) {
    if (next !== undefined && (!same || reinstall)) {
      const [position] = repositories;
      if (position !== undefined)
        packages.push(
          dropped.get(identityKey(next.identity)) ??
            placePackage(next, indexes[position]!, state.arch),
        );
    }
    const before = previous === undefined ? undefined : installed.get(previous.name);
    if (before !== undefined && !same) {
      gone.push(before);
      installed.delete(before.name);
      if (next?.name !== before.name && !isVirtual(before)) removed.push(packageLabel(before));
    }
    if (next === undefined) continue;
    const tag = nextTag === "" ? {} : { tag: nextTag };
    installed.set(
      next.name,
      before !== undefined && same ? changeTag(before, nextTag) : createInstalled(next, tag),
    );
  }
  return {
    state: {
      ...state,
      installed: Array.from(installed.values()),
      world,
      files: withoutOwned(state, gone),
    },
    packages,
    removed,
    succeeds: true,
    changes:
      packages.length > 0 || removed.length > 0 || formatWorld(world) !== formatWorld(state.world),
  };
}

function changeTag(subject: InstalledPackage, tag: string): InstalledPackage {
  if ((subject.tag ?? "") === tag) return subject;
  const { flags, directories } = subject;
  return createInstalled(subject, { flags, directories, ...(tag === "" ? {} : { tag }) });
}

/** Files of packages that were replaced or removed are no longer what they were. */
function withoutOwned(
  { files }: PackageState,
  gone: readonly InstalledPackage[],
): PackageState["files"] {
  if (gone.length === 0) return files;
  return (path) => {
    const at = path.lastIndexOf("/");
    const [folder, name] = [path.slice(1, Math.max(1, at)), path.slice(at + 1)];
    const isOwned = gone.some(({ directories }) =>
      directories.some(
        (directory) =>
          directory.path === folder && directory.files.some((file) => file.name === name),
      ),
    );
    return isOwned ? Promise.resolve(undefined) : files(path);
  };
}
