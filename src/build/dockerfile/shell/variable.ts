/** Variables: what a parameter of the shell stands for at one place of a script. */
import { type Scope } from "./scope.ts";
import { concatenate, dependingOn, known, originsOf, unknown, type Value } from "./value.ts";

export interface Parameter {
  readonly value: Value;
  /** Undefined where that is not known. */
  readonly isSet: boolean | undefined;
}

/** Those that the shell or the builder sets to something that only a run knows. */
const runtimeNames = new Set(
  `PWD OLDPWD HOSTNAME RANDOM SECONDS SRANDOM EPOCHSECONDS EPOCHREALTIME PPID LINENO SHLVL UID EUID
  GROUPS BASHPID OPTIND OPTARG REPLY USER LOGNAME MAIL TERM MACHTYPE HOSTTYPE OSTYPE
  HTTP_PROXY HTTPS_PROXY FTP_PROXY NO_PROXY ALL_PROXY http_proxy https_proxy ftp_proxy no_proxy
  all_proxy`.split(/\s+/),
);

/** Whether the shell sets a variable by itself. */
export function isRuntimeName(name: string): boolean {
  return runtimeNames.has(name);
}

/** What `$name` stands for; `*` and `@` are joined with blanks. */
export function readParameter(scope: Scope, name: string): Parameter {
  const parameter = lookUp(scope, name);
  const taint = scope.taints.get(name);
  if (taint === undefined) return parameter;
  return { ...parameter, value: dependingOn(parameter.value, taint) };
}

function lookUp(scope: Scope, name: string): Parameter {
  if (/^\d+$/.test(name) || "@*#".includes(name)) return readPositional(scope, name);
  if (name === "$" || name === "!" || name === "?" || name === "-")
    return { value: unknown(`$${name}`), isSet: true };
  if (name === "PWD" && !scope.variables.has("PWD")) return { value: scope.directory, isSet: true };
  const from = new Set([name]);
  if (!scope.variables.has(name)) {
    if (isRuntimeName(name))
      return { value: unknown(`the variable ${name}`, from), isSet: undefined };
    if (!scope.isEnvironmentKnown)
      return {
        value: unknown(`the variable ${name}, which the base image may set`, from),
        isSet: undefined,
      };
    return { value: known("", from), isSet: false };
  }
  const value = scope.variables.get(name);
  if (value === undefined) return { value: known("", from), isSet: false };
  return { value, isSet: value.text === undefined ? undefined : true };
}

function readPositional(scope: Scope, name: string): Parameter {
  const { positional, hasPositional } = scope;
  if (!hasPositional) return { value: unknown("the arguments"), isSet: undefined };
  if (name === "#")
    return { value: known(String(positional.length), originsOf(positional)), isSet: true };
  if (name === "@" || name === "*") {
    const parts = positional.flatMap((value, index) =>
      index === 0 ? [value] : [known(" "), value],
    );
    return {
      value: parts.length === 0 ? known("") : concatenate(parts),
      isSet: positional.length > 0,
    };
  }
  if (name === "0") return { value: scope.name, isSet: true };
  const value = positional[Number(name) - 1];
  return value === undefined
    ? { value: known(""), isSet: false }
    : { value, isSet: value.text === undefined ? undefined : true };
}
