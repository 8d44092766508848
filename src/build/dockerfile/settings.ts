/**
 * Settings: what the instructions of a stage make of the image's config, and the history that tells of
 * them, in BuildKit's words (its `frontend/dockerfile/dockerfile2llb`).
 */
import { posix } from "node:path";
import {
  expandWord,
  expandWords,
  type ArgInstruction,
  type AssignmentInstruction,
  type Command,
  type CommandInstruction,
  type ExposeInstruction,
  type HealthcheckInstruction,
  type Instruction,
  type Location,
  type Source,
  type TextInstruction,
  type VolumeInstruction,
  type Word,
} from "../../dockerfile/index.ts";
import { defaultLimits, limitExceeded } from "../../base/index.ts";
import { type ContainerConfig, type HistoryEntry, type ImageConfig } from "../../oci/index.ts";
import { givenValue, variablesOf, type BuildArguments } from "./arguments.ts";
import { faultAt, located } from "./fault.ts";
import { readPorts } from "./ports.ts";
import { formatDuration, formatList, formatQuotedList } from "./quoting.ts";
import { faultOfSignal } from "./signals.ts";

type Draft<Type> = { -readonly [Key in keyof Type]: Type[Key] };

/** A stage while its instructions are gone through. */
export interface StageState {
  config: Draft<ContainerConfig>;
  author: string | undefined;
  readonly history: HistoryEntry[];
  /** What commands and expansions see: the variables of the image and the arguments. */
  readonly environment: Map<string, string>;
  /** The names that ARG declared, in order. */
  readonly declared: Set<string>;
  /** Where commands run; absolute. */
  directory: string;
  hasOwnCommand: boolean;
  /** How many characters the history has. */
  historySize: number;
  /** The environment as `NAME=VALUE`, by name. */
  readonly environmentPairs: Map<string, string>;
  /** The same as a list, until it changes. */
  environmentList: readonly string[] | undefined;
}

/** What the instructions of a stage can see besides its state. */
export interface Surroundings {
  readonly escape: "\\" | "`";
  readonly globals: ReadonlyMap<string, string>;
  readonly given: BuildArguments;
}

const historyComment = "buildkit.dockerfile.v0";
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const defaultShell = ["/bin/sh", "-c"];

/** The state of a stage that builds on an image, or on nothing. */
export function stateOfImage(base: Partial<ImageConfig> | undefined): StageState {
  const { OnBuild: _, ...config } = base?.config ?? {};
  return begin(
    {
      config: {
        ...config,
        WorkingDir:
          config.WorkingDir === undefined || config.WorkingDir === "" ? "/" : config.WorkingDir,
      },
      author: base?.author,
      history: [...(base?.history ?? [])],
    },
    new Map(),
    new Set(),
  );
}

/** The state of a stage that builds on another one; ONBUILD of that one is not its own. */
export function stateOfStage(parent: StageState): StageState {
  const { OnBuild: _, ...config } = parent.config;
  return begin(
    { config, author: parent.author, history: [...parent.history] },
    parent.environment,
    parent.declared,
  );
}

function begin(
  { config, author, history }: Pick<StageState, "config" | "author" | "history">,
  environment: ReadonlyMap<string, string>,
  declared: ReadonlySet<string>,
): StageState {
  const state: StageState = {
    config,
    author,
    history,
    environment: new Map(environment),
    declared: new Set(declared),
    directory: directoryOf(config.WorkingDir ?? "/"),
    hasOwnCommand: false,
    historySize: history.reduce((size, entry) => size + (entry.created_by?.length ?? 0), 0),
    environmentPairs: new Map(
      Array.from(environment, ([name, value]) => [name, `${name}=${value}`]),
    ),
    environmentList: undefined,
  };
  const variables = config.Env ?? [];
  if (!variables.some((variable) => nameOf(variable) === "PATH"))
    config.Env = [...variables, `PATH=${defaultPath}`];
  // So that a variable of the image beats an argument of the stage below.
  for (const variable of config.Env ?? []) {
    const name = nameOf(variable);
    const value = variable.slice(name.length + 1);
    state.environment.set(name, value);
    state.environmentPairs.set(name, `${name}=${value}`);
  }
  return state;
}

function nameOf(variable: string): string {
  const equals = variable.indexOf("=");
  return equals === -1 ? variable : variable.slice(0, equals);
}

/** An absolute path without `.`, `..` and a slash at its end. */
export function directoryOf(path: string): string {
  const clean = posix.join("/", path);
  return clean.length > 1 && clean.endsWith("/") ? clean.slice(0, -1) : clean;
}

/** Expands a word with the state as it is. */
export function expandIn(
  state: StageState,
  { escape }: Surroundings,
  source: Source,
  word: Word,
): string {
  return located(
    source,
    word,
    () => expandWord(word.text, variablesOf(state.environment), { escape }).text,
  );
}

/** What a command finds in its environment: `NAME=VALUE`. */
export function environmentOf(state: StageState): readonly string[] {
  state.environmentList ??= Array.from(state.environmentPairs.values());
  return state.environmentList;
}

/** Far more than any image has, and few enough for every step to have its own list of them. */
const mostVariables = 1000;

function setVariable(
  state: StageState,
  name: string,
  value: string,
  source: Source,
  location: Location,
): void {
  state.environment.set(name, value);
  state.environmentPairs.set(name, `${name}=${value}`);
  state.environmentList = undefined;
  if (state.environment.size > mostVariables)
    throw faultAt(source, location, `expected at most ${mostVariables} variables and arguments`);
}

/** Takes a step down in the history. */
export function commit(state: StageState, createdBy: string, makesLayer: boolean): void {
  state.historySize += createdBy.length;
  // A config that is larger could not be read again.
  if (state.historySize > defaultLimits["document-size"])
    throw limitExceeded("document-size", defaultLimits, "the history of the image");
  const entry = { created_by: createdBy, comment: historyComment };
  state.history.push(makesLayer ? entry : { ...entry, empty_layer: true });
}

/** The words of a command; one in shell form is handed to the shell that is set. */
function wordsOfCommand(state: StageState, command: Command): readonly string[] {
  return command.form === "exec"
    ? command.words.map(({ text }) => text)
    : inShell(state, command.script?.text ?? "");
}

export function inShell(state: StageState, script: string): readonly string[] {
  const { Shell: shell = [] } = state.config;
  return [...(shell.length > 0 ? shell : defaultShell), script];
}

/** The text of a RUN step in the history: the arguments in force stand before the command. */
export function formatRun(state: StageState, words: readonly string[]): string {
  const values = Array.from(
    state.declared,
    (name) => `${name}=${state.environment.get(name) ?? ""}`,
  );
  const before = values.length === 0 ? [] : [`|${values.length}`, ...values];
  return `RUN ${[...before, ...words].join(" ")} # buildkit`;
}

/** The instructions that change settings alone. */
export type SettingInstruction = Exclude<Instruction, { name: "RUN" | "COPY" | "ADD" | "FROM" }>;

/** Applies an instruction that changes settings. Throws `dockerfile-invalid` with its place. */
export function applySetting(
  state: StageState,
  instruction: SettingInstruction,
  source: Source,
  around: Surroundings,
): void {
  const expand = (word: Word): string => expandIn(state, around, source, word);
  switch (instruction.name) {
    case "ARG":
      return declareArguments(state, instruction, source, around);
    case "ENV":
    case "LABEL":
      return assign(state, instruction, source, expand);
    case "CMD":
    case "ENTRYPOINT":
      return setCommand(state, instruction);
    case "EXPOSE":
      return expose(state, instruction, source, around);
    case "HEALTHCHECK":
      return setHealthcheck(state, instruction);
    case "ONBUILD":
      state.config.OnBuild = [...(state.config.OnBuild ?? []), instruction.expression];
      return;
    case "SHELL":
      state.config.Shell = instruction.words.map(({ text }) => text);
      return commit(state, `SHELL ${formatList(state.config.Shell)}`, false);
    case "VOLUME":
      return addVolumes(state, instruction, source, expand);
    default:
      return setText(state, instruction, source, expand);
  }
}

function declareArguments(
  state: StageState,
  { declarations }: ArgInstruction,
  source: Source,
  around: Surroundings,
): void {
  const said: string[] = [];
  for (const { name: word, defaultValue } of declarations) {
    const name = word.text;
    const value =
      givenValue(around.given, name) ??
      (defaultValue === undefined
        ? around.globals.get(name)
        : expandIn(state, around, source, defaultValue));
    if (value !== undefined) setVariable(state, name, value, source, word);
    state.declared.add(name);
    said.push(value === undefined ? name : `${name}=${value}`);
  }
  commit(state, `ARG ${said.join(" ")}`, false);
}

function assign(
  state: StageState,
  { name: instruction, node, assignments }: AssignmentInstruction,
  source: Source,
  expand: (word: Word) => string,
): void {
  // All of them see the state before the first.
  const pairs = assignments.map(({ name, value }) => [expand(name), expand(value)] as const);
  if (instruction === "LABEL")
    state.config.Labels = { ...state.config.Labels, ...Object.fromEntries(pairs) };
  else
    for (const [name, value] of pairs) {
      state.config.Env = withVariable(state.config.Env ?? [], name, value);
      setVariable(state, name, value, source, node);
    }
  const said = pairs.map(([name, value]) => `${name}=${value}`);
  commit(state, [instruction, ...said].join(" "), false);
}

/** A variable keeps the place that it has. */
function withVariable(variables: readonly string[], name: string, value: string): string[] {
  const at = variables.findIndex((variable) => nameOf(variable) === name);
  const variable = `${name}=${value}`;
  return at === -1 ? [...variables, variable] : variables.with(at, variable);
}

function setCommand(state: StageState, { name, command }: CommandInstruction): void {
  const words = wordsOfCommand(state, command);
  if (name === "CMD") {
    state.config.Cmd = words;
    state.hasOwnCommand = true;
  } else {
    state.config.Entrypoint = words;
    // What the base starts is no argument for another entry point.
    if (!state.hasOwnCommand) delete state.config.Cmd;
  }
  const field = name === "CMD" ? "Cmd" : "Entrypoint";
  if (words.length === 0) delete state.config[field];
  commit(state, `${name} ${formatQuotedList(words)}`, false);
}

/** Nobody opens more ports than there are, of each protocol. */
const mostPorts = 3 * 65536;

function expose(
  state: StageState,
  { ports: words }: ExposeInstruction,
  source: Source,
  { escape }: Surroundings,
): void {
  const found: string[] = [];
  for (const word of words) {
    const { words: texts } = located(source, word, () =>
      expandWords(word.text, variablesOf(state.environment), { escape }),
    );
    for (const text of texts) {
      const ports = readPorts(text);
      if (typeof ports === "string")
        throw faultAt(source, word, ports, "Write EXPOSE 8080, EXPOSE 53/udp or EXPOSE 8000-8010.");
      found.push(...ports);
      if (found.length > mostPorts) throw faultAt(source, word, "EXPOSE names too many ports");
    }
  }
  const added = Object.fromEntries(found.map((port) => [port, {}]));
  state.config.ExposedPorts = { ...state.config.ExposedPorts, ...added };
  commit(state, `EXPOSE ${formatList(found)}`, false);
}

function setHealthcheck(state: StageState, { check }: HealthcheckInstruction): void {
  const test =
    check === undefined
      ? ["NONE"]
      : check.command.form === "exec"
        ? ["CMD", ...check.command.words.map(({ text }) => text)]
        : ["CMD-SHELL", check.command.script?.text ?? ""];
  const {
    interval = 0,
    timeout = 0,
    startPeriod = 0,
    startInterval = 0,
    retries = 0,
  } = check ?? {};
  state.config.Healthcheck = {
    Test: test,
    ...(interval > 0 ? { Interval: interval } : {}),
    ...(timeout > 0 ? { Timeout: timeout } : {}),
    ...(startPeriod > 0 ? { StartPeriod: startPeriod } : {}),
    ...(startInterval > 0 ? { StartInterval: startInterval } : {}),
    ...(retries > 0 ? { Retries: retries } : {}),
  };
  const times = `Interval:${formatDuration(interval)} Timeout:${formatDuration(timeout)} StartPeriod:${formatDuration(startPeriod)} StartInterval:${formatDuration(startInterval)}`;
  commit(state, `HEALTHCHECK {Test:${formatList(test)} ${times} Retries:${retries}}`, false);
}

function addVolumes(
  state: StageState,
  { paths }: VolumeInstruction,
  source: Source,
  expand: (word: Word) => string,
): void {
  const volumes = paths.map((word) => {
    const path = expand(word);
    if (path === "") throw faultAt(source, word, "VOLUME expects a path, found an empty one");
    return path;
  });
  const added = Object.fromEntries(volumes.map((path) => [path, {}]));
  state.config.Volumes = { ...state.config.Volumes, ...added };
  commit(state, `VOLUME ${formatList(volumes)}`, false);
}

function setText(
  state: StageState,
  { name, text: word }: TextInstruction,
  source: Source,
  expand: (word: Word) => string,
): void {
  // BuildKit takes the name of a maintainer as it is.
  const text = name === "MAINTAINER" ? word.text : expand(word);
  if (name === "MAINTAINER") state.author = text;
  else if (name === "USER") state.config.User = text;
  else if (name === "STOPSIGNAL") {
    const fault = faultOfSignal(text);
    if (fault !== undefined) throw faultAt(source, word, fault);
    state.config.StopSignal = text;
  } else return changeDirectory(state, text);
  commit(state, `${name} ${text}`, false);
}

/** An absolute path stays as it was written; the root is there already, and makes no layer. */
function changeDirectory(state: StageState, text: string): void {
  const path = text.startsWith("/") ? text : directoryOf(posix.join(state.directory, text));
  state.config.WorkingDir = path;
  state.directory = directoryOf(path);
  commit(state, `WORKDIR ${path}`, path !== "/");
}
