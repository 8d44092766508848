/**
 * RUN: the command runs over the files of its stage in a sandbox, and what it changed becomes a layer.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { BivyError, encodeText, type Limits } from "../../../base/index.ts";
import {
  canSetOwners,
  execute,
  whyNoExecution,
  type RuntimeName,
  type SandboxMount,
} from "../../../sandbox/index.ts";
import {
  layerDiff,
  layOut,
  takeUpper,
  TreeRoot,
  type DirectoryNode,
  type LayerItem,
} from "../../../tree/index.ts";
import { type RunStep } from "../steps.ts";
import { findUser, type CommandUser } from "./accounts.ts";
import { withCaches } from "./cache-mounts.ts";
import { databases } from "./installed-packages.ts";
import { type LockedSteps } from "./locked-step.ts";
import { prepareMounts, resolveTarget, type MountSources } from "./run-mounts.ts";
import { adviceOn } from "./step-failure.ts";
import { makeFolder, type MadeFiles, type StageFiles } from "./stage-files.ts";
import { withFolder } from "./workdir-step.ts";

export interface RunSurroundings extends MountSources {
  /** Variables of proxies, which leave no trace. */
  readonly proxies: readonly string[];
  /** What the network is where the step does not say. */
  readonly network: "none" | "host";
  readonly runtime: RuntimeName | undefined;
  /** The texts of etc/hosts and etc/resolv.conf. */
  readonly hosts: string;
  readonly resolvers: string;
  readonly allowsPrivileged: boolean;
  /** Folders of this machine that every command sees: no part of any key, so that they are for tools. */
  readonly volumes: readonly Volume[];
  /** SOURCE_DATE_EPOCH; undefined: what the packages in the stage say. */
  readonly fixedTime: number | undefined;
  readonly report: (stream: "stdout" | "stderr", chunk: Buffer) => void;
  /** Of a build from a lock: the packages of its steps. */
  readonly locked?: LockedSteps;
  /** Told what a command began with and what it left; its contents go with the build. */
  readonly record?: (
    step: RunStep,
    before: DirectoryNode,
    after: DirectoryNode,
    output: string,
  ) => void;
  /** Called with the folders of a failed command's files, before they go. */
  readonly onFailure?: (failed: FailedCommand) => Promise<void>;
}

export interface Volume {
  readonly source: string;
  /** Absolute. */
  readonly target: string;
  readonly readOnly: boolean;
}

/** A command that failed, and all that is needed to look around where it did. */
export interface FailedCommand {
  readonly lowers: readonly string[];
  readonly step: RunStep;
  readonly user: CommandUser;
  readonly environment: readonly string[];
  readonly directory: string;
  readonly mounts: readonly SandboxMount[];
  readonly exitCode: number;
}

/** What a step made. */
export interface StepResult extends MadeFiles {
  readonly items: () => Iterable<LayerItem>;
  readonly time: number;
}

/** Runs the command of a step. Fails with `step-failed` where its exit code is not 0. */
export async function runStep(
  step: RunStep,
  before: StageFiles,
  around: RunSurroundings,
): Promise<StepResult> {
  await requireExecution();
  const begin = await before.tree();
  const user = await userOf(step, begin, around.limits);
  // Runtimes make the folder that a command starts in, where it is missing.
  const tree = withFolder(begin, step.directory, user, before.time);
  return withCaches(step.mounts, around, async (caches) => {
    const ready = await prepareMounts(step.mounts, tree, caches, around);
    const volumes = around.volumes.map((volume): SandboxMount => ({
      kind: "bind",
      ...volume,
      target: resolveTarget(tree, volume.target),
    }));
    const given = [...systemMounts(tree, around), ...volumes, ...ready.mounts];
    const locked = await around.locked?.of(step)?.open(tree, around);
    const mounts = locked === undefined ? given : [...given, locked.mount];
    if (step.file !== undefined) mounts.push(scriptMount(step.file));
    const upper = await makeFolder(around);
    const lowers = await lowersOf(tree, begin, before, around);
    const environment = [
      ...withHome(locked?.environment(step.environment) ?? step.environment, user),
      ...around.proxies,
      ...ready.environment,
    ];
    const directory = resolveTarget(tree, step.directory);
    const privileged = step.security === "insecure";
    if (privileged && !around.allowsPrivileged)
      throw new BivyError("usage", "--security=insecure: expected it to be allowed", {
        hint: "Allow it with --allow security.insecure: the command has all rights of root then.",
      });
    let said = "";
    let last = "";
    const report: RunSurroundings["report"] = (stream, chunk) => {
      around.report(stream, chunk);
      last = `${last}${chunk.toString()}`.slice(-mostLast);
      if (around.record !== undefined && said.length < mostRecorded) said += chunk.toString();
    };
    const { exitCode, stubs } = await execute({
      lowers,
      upper,
      work: await makeFolder(around),
      command: step.words,
      environment,
      directory,
      user,
      network:
        step.network === undefined || step.network === "default" ? around.network : step.network,
      privileged,
      mounts,
      ...(around.runtime === undefined ? {} : { runtime: around.runtime }),
      onOutput: report,
      signal: around.signal,
    });
    if (exitCode !== 0) {
      const failed = {
        lowers: [upper, ...lowers],
        step,
        user,
        environment,
        directory,
        mounts,
        exitCode,
      };
      await around.onFailure?.(failed);
      throw commandFailed(exitCode, last);
    }
    const result = await takeResult(begin, tree, { upper, lowers, stubs }, before, around);
    around.record?.(step, begin, result.tree, said);
    return result;
  });
}

/** Asked when the first command is to run: a build that finds all in its cache needs nothing of it. */
async function requireExecution(): Promise<void> {
  const reason = await whyNoExecution();
  if (reason === undefined) return;
  throw new BivyError("sandbox-unavailable", `commands cannot be run here: ${reason}`, {
    hint: "Allow user namespaces, or run bivy as root.",
  });
}

/** Characters of output that a recording looks through. */
const mostRecorded = 4 * 1024 * 1024;
/** Characters at its end that tell why a command failed. */
const mostLast = 8 * 1024;

interface FinishedCommand {
  readonly upper: string;
  readonly lowers: readonly string[];
  readonly stubs: readonly string[];
}

async function takeResult(
  begin: DirectoryNode,
  laid: DirectoryNode,
  { upper, lowers, stubs }: FinishedCommand,
  before: StageFiles,
  { fixedTime, limits }: RunSurroundings,
): Promise<StepResult> {
  const root = TreeRoot.of(laid);
  const time = fixedTime ?? Math.max(before.time, await newestPackage(upper));
  await takeUpper(upper, root, {
    stubs,
    owners: canSetOwners(),
    newest: time,
    limits,
  });
  const after = root.snapshot();
  return {
    tree: after,
    lowers: [upper, ...lowers],
    items: () => layerDiff(begin, after, { newest: time }),
    time,
  };
}

/** The folders under the command; one more where the folder that it starts in had to be made. */
async function lowersOf(
  tree: DirectoryNode,
  begin: DirectoryNode,
  before: StageFiles,
  around: RunSurroundings,
): Promise<readonly string[]> {
  const lowers = await before.lowers();
  if (tree === begin) return lowers;
  const folder = await makeFolder(around);
  await layOut(tree, folder, { below: begin, owners: canSetOwners() });
  return [folder, ...lowers];
}

/** The build time of the newest package, if the command changed what is installed; else 0. */
async function newestPackage(upper: string): Promise<number> {
  let newest = 0;
  for (const place of databases) {
    const text = await readFile(join(upper, place), "latin1").catch(() => "");
    for (const [, time] of text.matchAll(/^t:(\d{1,11})$/gm))
      newest = Math.max(newest, Number(time));
  }
  return newest;
}

async function userOf(step: RunStep, tree: DirectoryNode, limits: Limits): Promise<CommandUser> {
  const user = await findUser(step.user, tree, limits);
  if (typeof user !== "string") return user;
  throw new BivyError("file-not-found", `USER ${step.user}: ${user}`, {
    hint: "Add the user in a RUN above, such as RUN adduser -D app, or name a number.",
  });
}

/** Runtimes set HOME where nobody else has. */
function withHome(environment: readonly string[], { home }: CommandUser): readonly string[] {
  return environment.some((variable) => variable.startsWith("HOME="))
    ? environment
    : [...environment, `HOME=${home}`];
}

/** The files that every container is given. */
function systemMounts(tree: DirectoryNode, around: RunSurroundings): readonly SandboxMount[] {
  const file = (path: string, text: string): SandboxMount => ({
    kind: "file",
    target: resolveTarget(tree, path),
    content: encodeText(text),
    mode: 0o644,
    uid: 0,
    gid: 0,
  });
  return [file("/etc/resolv.conf", around.resolvers), file("/etc/hosts", around.hosts)];
}

function scriptMount({ path, content }: NonNullable<RunStep["file"]>): SandboxMount {
  return { kind: "file", target: path, content: encodeText(content), mode: 0o755, uid: 0, gid: 0 };
}

function commandFailed(exitCode: number, said: string): BivyError {
  const meaning =
    exitCode === 127
      ? ", which says that a command was not found"
      : exitCode === 126
        ? ", which says that it could not be started"
        : exitCode > 128
          ? `, which says that signal ${exitCode - 128} ended it`
          : "";
  return new BivyError("step-failed", `the command ended with exit code ${exitCode}${meaning}`, {
    hint: `${adviceOn(said)} To look around where it failed, build again with --debug-shell.`,
  });
}
