/** Following RUN: what its script does to the packages of a stage, command by command. */
import { parseCommandLine, parseWorld, type Key } from "../../../apk/index.ts";
import { isBivyError } from "../../../base/index.ts";
import { type ResolvedPackage } from "../../resolve.ts";
import { type Action, type ApkCommand, type FileChange, type Guard } from "../shell/action.ts";
import { readRun, type ReadRun } from "../shell/read-run.ts";
import { type RunStep } from "../steps.ts";
import { findingAt, type Finding } from "./finding.ts";
import { commandRepositories, followApk, type ApkSurroundings } from "./follow-apk.ts";
import {
  doubted,
  knownSettings,
  repositoriesPath,
  tryParseKey,
  withFiles,
  withRepositories,
  type PackageState,
} from "./package-state.ts";
import { type KnownFiles } from "./known-files.ts";
import { isProblem, type Problem } from "./supply.ts";

/** What a step does to packages. */
export interface FollowedRun {
  readonly state: PackageState;
  /** The apk commands that change something, as they are understood, in their order. */
  readonly commands: readonly string[];
  /** Everything that is installed at some time during the step, in the order of installation. */
  readonly packages: readonly ResolvedPackage[];
  /** Labels of what was taken away again, or was there before. */
  readonly removed: readonly string[];
  /** Tags of repositories that the step's commands see. */
  readonly tags: readonly string[];
  /** The text of etc/apk/repositories after the step, where the step changes it. */
  readonly repositories: string | undefined;
  /** Names of variables that the commands depend on. */
  readonly variables: ReadonlySet<string>;
  /** Lines of repositories that commands name beside those of the root. */
  readonly moreRepositories: readonly string[];
  readonly findings: readonly Finding[];
  /** What is not known in this step because of an earlier one. */
  readonly consequences: readonly Finding[];
}

/** What a step sees beside the state of its packages. */
export interface StepView {
  /** False where the base's config is not known. */
  readonly isEnvironmentKnown: boolean;
  /** The files of the state, under those that are mounted for the step. */
  readonly files: KnownFiles;
}

/** Follows the step. */
export async function followRun(
  step: RunStep,
  state: PackageState,
  view: StepView,
  around: ApkSurroundings,
): Promise<FollowedRun> {
  const read = await readWithFiles(step, state, view);
  const follower = new RunFollower(step, withFiles(state, unwatched(read.written)), around);
  for (const mount of step.mounts)
    if (/^\/etc\/apk(?:\/|$)/.test(mount.target ?? "") && mount.type !== "cache")
      follower.doubt(step.location.line, `--mount=…,target=${mount.target}`, {
        reason: "what is mounted over apk's settings",
      });
  for (const action of read.actions) await follower.follow(action);
  const followed = follower.result(state);
  return { ...followed, variables: new Set([...followed.variables, ...read.variables]) };
}

/** Files that name files that name files: nobody goes further. */
const mostReadings = 20;

/** Reads the script again as long as files that it asks for turn out to be known. */
async function readWithFiles(
  step: RunStep,
  state: PackageState,
  { isEnvironmentKnown, files: seen }: StepView,
): Promise<ReadRun> {
  const files = new Map(knownSettings(state));
  const asked = new Set(files.keys());
  for (let reading = 1; ; reading++) {
    const { arch, installed } = state;
    const read = readRun(step, {
      arch,
      files,
      isEnvironmentKnown,
      hasApk: installed !== undefined,
    });
    const before = files.size;
    for (const path of read.wanted) {
      if (asked.has(path)) continue;
      asked.add(path);
      const text = await seen(path);
      if (text !== undefined) files.set(path, text);
    }
    if (files.size === before || reading === mostReadings) return read;
  }
}

/** apk's own files are followed action by action. */
function unwatched(
  written: ReadonlyMap<string, string | undefined>,
): ReadonlyMap<string, string | undefined> {
  return new Map(Array.from(written).filter(([path]) => !path.startsWith("/etc/apk/")));
}

class RunFollower {
  readonly #step: RunStep;
  readonly #around: ApkSurroundings;
  #state: PackageState;
  readonly #commands: string[] = [];
  readonly #packages = new Map<string, ResolvedPackage>();
  readonly #removed = new Set<string>();
  readonly #tags = new Set<string>();
  readonly #variables = new Set<string>();
  readonly #more: string[] = [];
  readonly #findings: Finding[] = [];
  readonly #consequences: Finding[] = [];
  /** Whether commands on which others hang succeeded. */
  readonly #outcomes = new Map<ApkCommand, boolean>();

  constructor(step: RunStep, state: PackageState, around: ApkSurroundings) {
    this.#step = step;
    this.#state = state;
    this.#around = around;
  }

  async follow(action: Action): Promise<void> {
    const guard = this.#openGuard(action);
    if (guard === "not-taken") return;
    for (const name of action.from) this.#variables.add(name);
    switch (action.kind) {
      case "doubt":
        return this.#followDoubt(action);
      case "file":
        return this.#followFile(action, guard);
      case "apk":
        return this.#followApk(action, guard);
    }
  }

  /** The condition that is not known; undefined where the action is certain to happen. */
  #openGuard({ guards }: Action): Guard | "not-taken" | undefined {
    for (const guard of guards) {
      if (guard.settled) continue;
      const outcome = guard.command && this.#outcomes.get(guard.command);
      if (outcome === undefined) return guard;
      if (outcome !== guard.succeeds) return "not-taken";
    }
    return undefined;
  }

  #followDoubt({ text, reason, reach }: Extract<Action, { kind: "doubt" }>): void {
    const { line } = this.#step.location;
    if (reach === "root") this.doubt(line, text, { reason });
    else this.#report(text, { reason }, reach === "step");
  }

  /** It is no longer known what is installed. */
  doubt(line: number, text: string, { reason, hint }: Problem): void {
    this.#findings.push({
      line,
      text,
      reason,
      blocking: true,
      ...(hint === undefined ? {} : { hint }),
    });
    this.#state = doubted(this.#state, `since line ${line}: ${reason}`);
  }

  /** Said once for a step, and not where the step itself is the reason. */
  #noteConsequence(text: string, { reason }: Problem): void {
    if (this.#consequences.length > 0 || this.#findings.some(({ blocking }) => blocking)) return;
    const { location } = this.#step;
    this.#consequences.push(findingAt(location, text, reason, { blocking: true }));
  }

  #report(text: string, { reason, hint }: Problem, blocking: boolean): void {
    this.#findings.push(
      findingAt(this.#step.location, text, reason, {
        blocking,
        ...(hint === undefined ? {} : { hint }),
      }),
    );
  }

  #followFile({ path, content, text }: FileChange, guard: Guard | undefined): void {
    const reason = guard?.reason ?? content?.reason ?? "";
    const known = guard !== undefined ? undefined : content === undefined ? "" : content.text;
    const [, folder, name] = /^\/etc\/apk\/(?:(repositories\.d|keys)(?:\/(.+))?)?/.exec(path) ?? [];
    if (path === repositoriesPath || (folder === "repositories.d" && name !== undefined))
      this.#changeRepositories(path, known, reason);
    else if (folder === "keys") this.#changeKey(name, content && known, text, reason);
    else if (path === "/etc/apk/world") this.#changeWorld(known, text, reason);
    else if (path === "/etc/apk/arch" || path === "/etc/apk" || !path.startsWith("/etc/apk/"))
      this.doubt(this.#step.location.line, text, { reason: `what becomes of ${path}` });
  }

  #changeRepositories(path: string, text: string | undefined, reason: string): void {
    const file = text === undefined ? { doubt: `${path}: ${reason}` } : { text };
    this.#state = withRepositories(this.#state, path, file);
  }

  #changeKey(
    name: string | undefined,
    pem: string | undefined,
    text: string,
    reason: string,
  ): void {
    const keys: Key[] = this.#state.keys.filter((key) => key.name !== name);
    const key = name === undefined || pem === undefined ? undefined : tryParseKey(name, pem);
    if (key !== undefined) keys.push(key);
    else if (reason !== "")
      this.#report(
        text,
        {
          reason: `the key ${name ?? "that comes to /etc/apk/keys"}: ${reason}`,
          hint: "Nothing is trusted for it. If you know the key, name it with --key FILE.",
        },
        false,
      );
    this.#state = { ...this.#state, keys };
  }

  #changeWorld(text: string | undefined, written: string, reason: string): void {
    try {
      if (text !== undefined) {
        this.#state = { ...this.#state, world: parseWorld(text, { subject: "/etc/apk/world" }) };
        return;
      }
    } catch (error) {
      if (!isBivyError(error, "atom-invalid")) throw error;
    }
    this.doubt(this.#step.location.line, written, { reason: reason || "what apk is asked for" });
  }

  async #followApk(command: ApkCommand, guard: Guard | undefined): Promise<void> {
    this.#noteRepositories(command);
    const outcome = await followApk(command, this.#state, this.#around);
    const { text } = command;
    if (isProblem(outcome)) {
      if ("fails" in outcome) this.#outcomes.set(command, false);
      if (command.subcommand === "info") return;
      if ("isElsewhere" in outcome) return this.#report(text, outcome, true);
      // One that fails may be meant to.
      if ("fails" in outcome && command.tolerated) return this.#report(text, outcome, false);
      if ("isDoubtful" in outcome) return this.#noteConsequence(text, outcome);
      return this.doubt(this.#step.location.line, text, guard ?? outcome);
    }
    this.#outcomes.set(command, outcome.succeeds);
    if (!outcome.changes) return;
    if (guard !== undefined) {
      this.#outcomes.delete(command);
      return this.doubt(this.#step.location.line, text, guard);
    }
    this.#commands.push(["apk", ...command.words].join(" "));
    for (const each of outcome.packages) this.#packages.set(each.package.identity, each);
    for (const label of outcome.removed) this.#removed.add(label);
    this.#state = outcome.state;
  }

  /** The repositories that a command sees count even where what it does is not known. */
  #noteRepositories(command: ApkCommand): void {
    const line = parseCommandLine(command.words);
    if (line.command === undefined || line.error !== undefined) return;
    this.#more.push(...(line.values.get("repository") ?? []));
    const repositories = commandRepositories(command, line, this.#state);
    if (isProblem(repositories)) return;
    for (const { tag } of repositories) if (tag !== undefined) this.#tags.add(tag);
  }

  result(before: PackageState): FollowedRun {
    const [old, now] = [before, this.#state].map((state) => {
      const file = state.repositories.get(repositoriesPath);
      return file !== undefined && "text" in file ? file.text : undefined;
    });
    return {
      state: this.#state,
      commands: this.#commands,
      packages: Array.from(this.#packages.values()),
      removed: Array.from(this.#removed),
      tags: Array.from(this.#tags).sort(),
      repositories: now === old ? undefined : now,
      variables: this.#variables,
      moreRepositories: [...new Set(this.#more)],
      findings: this.#findings,
      consequences: this.#consequences,
    };
  }
}
