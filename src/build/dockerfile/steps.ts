/** Steps: what a build does for RUN, COPY, ADD and WORKDIR, every value expanded. */
import { posix } from "node:path";
import {
  expandWord,
  parseMount,
  runCommandOf,
  textOfHeredoc,
  type AddInstruction,
  type CopyInstruction,
  type CopySource,
  type Instruction,
  type Location,
  type Mount,
  type RunInstruction,
  type Source,
} from "../../dockerfile/index.ts";
import { type HistoryEntry } from "../../oci/index.ts";
import { variablesOf } from "./arguments.ts";
import { faultAt, located } from "./fault.ts";
import {
  commit,
  directoryOf,
  environmentOf,
  expandIn,
  formatRun,
  inShell,
  type StageState,
  type Surroundings,
} from "./settings.ts";
import { type Origin } from "./stages.ts";

export type Step = RunStep | CopyStep | WorkdirStep;

interface StepOf<Kind extends string> {
  readonly kind: Kind;
  /** Where the instruction stands; that of FROM for one that the base's ONBUILD kept. */
  readonly location: Location;
  readonly isTrigger: boolean;
  /** What the layer of the step is called in the image's history. */
  readonly history: HistoryEntry;
  /** `USER` as it stands at this step; empty for root. */
  readonly user: string;
}

/** Runs a command. */
export interface RunStep extends StepOf<"run"> {
  /** The command and its arguments, the shell included. */
  readonly words: readonly string[];
  /** The shell's script, for those who read it; undefined for a command in exec form. */
  readonly script: string | undefined;
  /** A heredoc that names its interpreter: an executable file for the time of the command. */
  readonly file: { readonly path: string; readonly content: string } | undefined;
  readonly mounts: readonly PlannedMount[];
  readonly network: RunInstruction["network"];
  readonly security: RunInstruction["security"];
  readonly devices: readonly string[];
  /** `NAME=VALUE`: the variables of the image and the arguments, without those of proxies. */
  readonly environment: readonly string[];
  readonly directory: string;
}

/** A mount with its target absolute, and what it takes from. */
export interface PlannedMount extends Omit<Mount, "from"> {
  /** Undefined where the context of the build, or nothing, is meant. */
  readonly from: Origin | undefined;
}

/** Brings files in. */
export interface CopyStep extends StepOf<"copy"> {
  readonly instruction: "COPY" | "ADD";
  /** Undefined for the context of the build. */
  readonly from: Origin | undefined;
  /** Files that stand in the Dockerfile come last. */
  readonly sources: readonly PlannedSource[];
  /** Absolute; a slash at its end, where it was written, says that it is a directory. */
  readonly destination: string;
  readonly chown: string | undefined;
  readonly chmod: string | undefined;
  readonly link: boolean;
  readonly parents: boolean;
  readonly excludes: readonly string[];
  readonly checksum: string | undefined;
  readonly keepGitDirectory: boolean;
  readonly unpack: boolean | undefined;
}

export type PlannedSource =
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "file"; readonly name: string; readonly content: string };

/** Makes the directory that WORKDIR names, and those above it. */
export interface WorkdirStep extends StepOf<"workdir"> {
  readonly path: string;
}

/** An instruction on its way to a step. */
export interface StepContext {
  readonly state: StageState;
  readonly around: Surroundings;
  readonly source: Source;
  readonly location: Location;
  readonly isTrigger: boolean;
  /** What each `from` of the instruction means, in the order of its flags. */
  readonly origins: readonly (Origin | undefined)[];
}

function commonOf(
  { state, location, isTrigger }: StepContext,
  user: string,
): Omit<StepOf<string>, "kind"> {
  return { location, isTrigger, history: state.history.at(-1)!, user };
}

/** The step of RUN, and its entry in the history. */
export function planRun(instruction: RunInstruction, context: StepContext): RunStep {
  const { state, around, source, origins } = context;
  const command = runCommandOf(instruction);
  const file =
    command.form === "file"
      ? { path: `/dev/pipes/${command.fileName}`, content: command.content }
      : undefined;
  const script = command.form === "shell" ? command.script : file?.path;
  const words = command.form === "exec" ? command.words : inShell(state, script ?? "");
  const expand = (text: string): string =>
    expandWord(text, variablesOf(state.environment), { escape: around.escape }).text;
  const mounts = instruction.mounts.map((word, index) => {
    const mount = located(source, word, () => parseMount(source, word, expand));
    const planned = planMount(mount, origins[index], state.directory);
    if (planned.target === "/" && hasTarget(mount))
      throw faultAt(
        source,
        word,
        "a mount cannot take the place of the whole root",
        "Give it a target below /.",
      );
    return planned;
  });
  const { network, security } = instruction;
  const devices = instruction.devices.map(({ text }) => text);
  const environment = environmentOf(state);
  const { directory } = state;
  commit(state, formatRun(state, words), true);
  const common = commonOf(context, state.config.User ?? "");
  return {
    kind: "run",
    ...common,
    words,
    script,
    file,
    mounts,
    network,
    security,
    devices,
    environment,
    directory,
  };
}

function hasTarget({ type }: Mount): boolean {
  return type !== "secret" && type !== "ssh";
}

/** A secret and an agent's socket have a place of their own where they name none. */
function planMount(mount: Mount, from: Origin | undefined, directory: string): PlannedMount {
  const { target = "" } = mount;
  if (!hasTarget(mount) && target === "") return { ...mount, from: undefined };
  const absolute = directoryOf(posix.resolve(directory, target));
  const id = mount.type === "cache" ? (mount.id ?? posix.normalize(target)) : mount.id;
  return { ...mount, id, from, target: absolute };
}

/** The step of COPY or ADD, and its entry in the history. */
export function planCopy(
  instruction: CopyInstruction | AddInstruction,
  context: StepContext,
): CopyStep {
  const { state, around, source, origins } = context;
  const expand = (word: CopyInstruction["destination"]): string =>
    expandIn(state, around, source, word);
  const sources = [
    ...instruction.sources.filter(({ kind }) => kind === "path"),
    ...instruction.sources.filter(({ kind }) => kind === "heredoc"),
  ].map((each) => planSource(each, instruction.name, context));
  const destination = expand(instruction.destination);
  const chown = instruction.chown && expand(instruction.chown);
  const chmod = instruction.chmod && expand(instruction.chmod);
  if (chmod !== undefined && /^\d+$/.test(chmod) && !/^0*[0-7]{1,4}$/.test(chmod))
    throw faultAt(
      source,
      instruction.chmod!,
      `--chmod expects a mode from 0 to 07777, found ${JSON.stringify(chmod)}`,
    );
  const isCopy = instruction.name === "COPY";
  const parents = isCopy && instruction.parents;
  const checksum = isCopy ? undefined : instruction.checksum && expand(instruction.checksum);
  if (checksum !== undefined && checksum !== "")
    checkChecksum(instruction as AddInstruction, sources, source);
  const said = [
    instruction.name,
    ...(parents ? ["--parents"] : []),
    ...(chown === undefined || chown === "" ? [] : [`--chown=${chown}`]),
    ...(chmod === undefined || chmod === "" ? [] : [`--chmod=${chmod}`]),
    ...sources.map((each) => (each.kind === "path" ? each.path : `<<${each.name}`)),
    destination,
  ];
  commit(state, `${said.join(" ")} # buildkit`, true);
  return {
    kind: "copy",
    ...commonOf(context, state.config.User ?? ""),
    instruction: instruction.name,
    from: origins[0],
    sources,
    destination: absoluteDestination(state.directory, destination),
    chown: chown === "" ? undefined : chown,
    chmod: chmod === "" ? undefined : chmod,
    link: instruction.link,
    parents,
    excludes: instruction.excludes.map(({ text }) => text),
    checksum: checksum === "" ? undefined : checksum,
    keepGitDirectory: !isCopy && instruction.keepGitDirectory,
    unpack: isCopy ? undefined : instruction.unpack,
  };
}

function planSource(
  each: CopySource,
  name: "COPY" | "ADD",
  { state, around, source }: StepContext,
): PlannedSource {
  if (each.kind === "heredoc") {
    const { heredoc } = each;
    const text = textOfHeredoc(heredoc);
    const expanded = (): string =>
      expandWord(text, variablesOf(state.environment), { ignoreQuotes: true }).text;
    const content = heredoc.expands ? located(source, each.word, expanded) : text;
    return { kind: "file", name: heredoc.delimiter, content };
  }
  const path = expandIn(state, around, source, each.word);
  if (name === "COPY" && isUrl(path))
    throw faultAt(source, each.word, "COPY cannot take a URL", "Use ADD for it.");
  return { kind: "path", path };
}

function isUrl(path: string): boolean {
  return /^(?:https?|git|ssh):\/\/|^git@/.test(path);
}

function checkChecksum(
  { checksum }: AddInstruction,
  sources: readonly PlannedSource[],
  source: Source,
): void {
  const [first, second] = sources;
  if (second !== undefined)
    throw faultAt(source, checksum!, "--checksum is for one source, and there are more");
  if (first?.kind !== "path" || !isUrl(first.path))
    throw faultAt(source, checksum!, "--checksum is for a URL or a git repository");
}

/** The slash or dot at the end stays, for it says that a directory is meant. */
function absoluteDestination(directory: string, destination: string): string {
  if (destination.startsWith("/")) return destination;
  const joined = directoryOf(posix.join(directory, destination));
  const isDirectory = destination === "" || destination === "." || /(?:^|\/)\.?$/.test(destination);
  return isDirectory && joined !== "/" ? `${joined}/` : joined;
}

/** The step of a WORKDIR that was applied; undefined for the root, which is there already. */
export function planWorkdir(context: StepContext): WorkdirStep | undefined {
  const { state } = context;
  if (state.config.WorkingDir === "/") return undefined;
  return { kind: "workdir", ...commonOf(context, state.config.User ?? ""), path: state.directory };
}

/** Whether an instruction makes a step by itself. */
export function isStepInstruction(
  instruction: Instruction,
): instruction is RunInstruction | CopyInstruction | AddInstruction {
  return instruction.name === "RUN" || instruction.name === "COPY" || instruction.name === "ADD";
}
