/**
 * Build arguments: what ARG declares, what `--build-arg` sets, and what is there without either
 * (https://docs.docker.com/reference/dockerfile/#arg).
 *
 * ARG before the first FROM counts in FROM; a stage sees it once it declares it again. The arguments of
 * the platforms are there for FROM, and for stages that declare them. Those of proxies reach every RUN
 * undeclared, and leave no trace in history and cache. Of ENV and ARG of one name the later one counts
 * for what follows in the stage; for a stage that builds on it, ENV does.
 */
import { expandWord, type Dockerfile, type Variables } from "../../dockerfile/index.ts";
import { formatPlatform, type Platform } from "../../oci/index.ts";
import { located } from "./fault.ts";

export type BuildArguments = Readonly<Record<string, string>>;

/** The value that `--build-arg` gives; undefined where it gives none. */
export function givenValue(given: BuildArguments, name: string): string | undefined {
  return Object.hasOwn(given, name) ? given[name] : undefined;
}

/** The arguments that name the platforms and the target. */
export function platformArguments(
  build: Platform,
  target: Platform,
  targetStage: string,
): ReadonlyMap<string, string> {
  return new Map([
    ...namesOfPlatform("BUILD", build),
    ...namesOfPlatform("TARGET", target),
    ["TARGETSTAGE", targetStage === "" ? "default" : targetStage],
  ]);
}

function namesOfPlatform(prefix: string, platform: Platform): readonly [string, string][] {
  return [
    [`${prefix}PLATFORM`, formatPlatform(platform)],
    [`${prefix}OS`, platform.os],
    [`${prefix}OSVERSION`, platform["os.version"] ?? ""],
    [`${prefix}ARCH`, platform.architecture],
    [`${prefix}VARIANT`, platform.variant ?? ""],
  ];
}

/**
 * The values that FROM sees: the predefined arguments, and those that ARG declares above it. Each
 * default sees what stands before it.
 */
export function globalArguments(
  dockerfile: Dockerfile,
  predefined: ReadonlyMap<string, string>,
  given: BuildArguments,
): ReadonlyMap<string, string> {
  const { source, escape } = dockerfile.syntax;
  const values = new Map(predefined);
  for (const name of predefined.keys()) {
    const value = givenValue(given, name);
    if (value !== undefined) values.set(name, value);
  }
  for (const { declarations } of dockerfile.globals)
    for (const { name, defaultValue } of declarations) {
      const value =
        givenValue(given, name.text) ??
        (defaultValue &&
          located(
            source,
            defaultValue,
            () => expandWord(defaultValue.text, variablesOf(values), { escape }).text,
          ));
      if (value !== undefined) values.set(name.text, value);
    }
  return values;
}

export function variablesOf(values: ReadonlyMap<string, string>): Variables {
  return (name) => values.get(name);
}

const proxyNames: ReadonlySet<string> = new Set([
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "FTP_PROXY",
  "NO_PROXY",
  "ALL_PROXY",
]);

/** The variables of proxies as a command finds them, in both spellings. */
export function proxyVariables(given: BuildArguments): readonly string[] {
  const values = new Map<string, string>();
  for (const name of Object.keys(given).toSorted()) {
    const upper = name.toUpperCase();
    if (proxyNames.has(upper)) values.set(upper, given[name]!);
  }
  return Array.from(values).flatMap(([name, value]) => [
    `${name}=${value}`,
    `${name.toLowerCase()}=${value}`,
  ]);
}

/** The names given with `--build-arg` that nothing declares, in the order given. */
export function unusedArguments(
  given: BuildArguments,
  declared: ReadonlySet<string>,
): readonly string[] {
  return Object.keys(given).filter((name) => !declared.has(name) && !isPredefined(name));
}

function isPredefined(name: string): boolean {
  return (
    proxyNames.has(name.toUpperCase()) ||
    name === "SOURCE_DATE_EPOCH" ||
    name.startsWith("BUILDKIT_") ||
    /^(?:BUILD|TARGET)(?:PLATFORM|OS|OSVERSION|ARCH|VARIANT)$/.test(name) ||
    name === "TARGETSTAGE"
  );
}
