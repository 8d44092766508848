/** The fields of an image configuration file, read into what one file declares. */
import { accounts } from "./accounts.ts";
import { archs } from "./archs.ts";
import { certificates, contents } from "./contents.ts";
import { absolutePath, file, pathChange } from "./paths.ts";
import {
  fields,
  filledText,
  integer,
  line,
  listOf,
  mapOf,
  note,
  oneOf,
  quote,
  refused,
  text,
  textLike,
  unexpected,
  type Reader,
  type ReadValue,
} from "./reader.ts";
import { splitCommand } from "./shell.ts";

/** What a container of the image starts. */
export type ConfigEntrypoint =
  | { readonly kind: "command"; readonly command: readonly string[] }
  /** Run by `/bin/sh -c`. */
  | { readonly kind: "shell"; readonly fragment: string }
  /** Names to command lines, which s6 supervises. */
  | { readonly kind: "services"; readonly services: Readonly<Record<string, string>> };

/** A command line, split into words as apko does, or the words themselves. */
const command: Reader<readonly string[]> = (node, at, reading) => {
  if (node.kind === "list") return listOf(text)(node, at, reading);
  const said = text(node, at, reading);
  if (said === undefined) return undefined;
  const words = splitCommand(said);
  if (typeof words !== "string") return words;
  return unexpected(reading, node, at, `a command line, without ${words}`);
};

const serviceName = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;
const serviceCommand = textLike(/\S/, "a command line");

const entrypointFields = fields(
  {
    type: oneOf(["service-bundle"]),
    command,
    "shell-fragment": filledText,
    services: mapOf(serviceName, "a service's name of letters, digits, - _ and .", serviceCommand),
  },
  { cmd: 'the field "command", or "cmd" at the top of the file' },
);

const entrypoint: Reader<ConfigEntrypoint> = (node, at, reading) => {
  const found = entrypointFields(node, at, reading);
  if (found === undefined) return undefined;
  const said = (["command", "shell-fragment", "services"] as const).filter(
    (name) => found[name] !== undefined,
  );
  if (said.length > 1)
    return note(
      reading,
      node,
      `${at}: expected one of command, shell-fragment and services, found ${said.join(" and ")}`,
    );
  if (found.type === "service-bundle" && found.services === undefined)
    return note(
      reading,
      node,
      `${at}: expected services, found ${said[0] ?? "none"}`,
      "The type service-bundle starts what services names; leave it out to start a command.",
    );
  if (found["shell-fragment"] !== undefined)
    return { kind: "shell", fragment: found["shell-fragment"] };
  if (found.services === undefined)
    return found.command?.length ? { kind: "command", command: found.command } : undefined;
  if (found.type === undefined)
    return note(reading, node, `${at}: expected type: service-bundle beside services, found none`);
  if (Object.keys(found.services).length === 0)
    return note(reading, node, `${at}.services: expected at least one service, found none`);
  return { kind: "services", services: found.services };
};

/** Healthcheck of the container, as Docker knows it; OCI has no such thing. Durations are in nanoseconds. */
export interface ConfigHealthcheck {
  /** `CMD` and words, `CMD-SHELL` and a line for the shell, or `NONE`. */
  readonly test: readonly string[];
  readonly interval: number | undefined;
  readonly timeout: number | undefined;
  readonly startPeriod: number | undefined;
  readonly startInterval: number | undefined;
  readonly retries: number | undefined;
}

const units: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};
const longestDuration = 90 * 24 * 3600e9;

/** A duration as Go writes it, such as `1m30s`, in nanoseconds; 0, or between a millisecond and 90 days. */
const duration: Reader<number> = (node, at, reading) => {
  const expected = "a duration such as 30s or 1m30s, of at least 1ms";
  if (
    node.kind !== "scalar" ||
    !/^(?:0|(?:\d{1,12}(?:\.\d{1,9})?(?:ns|us|µs|ms|s|m|h)){1,6})$/.test(node.text)
  )
    return unexpected(reading, node, at, expected);
  let nanoseconds = 0;
  for (const [, count, unit] of node.text.matchAll(/([\d.]+)([a-zµ]+)/g))
    nanoseconds += Number(count) * units[unit!]!;
  nanoseconds = Math.round(nanoseconds);
  if (nanoseconds !== 0 && (nanoseconds < 1e6 || nanoseconds > longestDuration))
    return unexpected(reading, node, at, expected);
  return nanoseconds;
};

/** As Compose writes it: a line for the shell, or a list that begins with CMD, CMD-SHELL or NONE. */
const healthTest: Reader<readonly string[]> = (node, at, reading) => {
  if (node.kind === "scalar") {
    const script = filledText(node, at, reading);
    return script === undefined ? undefined : ["CMD-SHELL", script];
  }
  const words = listOf(text)(node, at, reading);
  if (words === undefined) return undefined;
  const [kind, ...rest] = words;
  if (
    (kind === "NONE" && rest.length === 0) ||
    (kind === "CMD" && rest.length > 0) ||
    (kind === "CMD-SHELL" && rest.length === 1)
  )
    return words;
  return note(
    reading,
    node,
    `${at}: expected [CMD, WORD…], [CMD-SHELL, LINE] or [NONE], found ${quote(words.join(" "))}`,
  );
};

const healthcheckFields = fields({
  command,
  test: healthTest,
  interval: duration,
  timeout: duration,
  "start-period": duration,
  "start-interval": duration,
  retries: integer(0, 1000),
});

const healthcheck: Reader<ConfigHealthcheck> = (node, at, reading) => {
  const found = healthcheckFields(node, at, reading);
  if (found === undefined) return undefined;
  if ((found.command === undefined) === (found.test === undefined))
    return note(
      reading,
      node,
      `${at}: expected command or test, found ${found.command === undefined ? "none" : "both"}`,
    );
  if (found.command?.length === 0)
    return note(reading, node, `${at}.command: expected a command, found none`);
  return {
    test: found.test ?? ["CMD", ...found.command!],
    interval: found.interval,
    timeout: found.timeout,
    startPeriod: found["start-period"],
    startInterval: found["start-interval"],
    retries: found.retries,
  };
};

/** Every port there is, for each of the three protocols. */
const mostPorts = 3 * 65535;

/** `80`, `80/tcp` or `8000-8010/udp`, as `80/tcp` each. */
const ports: Reader<readonly string[]> = (node, at, reading) => {
  const found = new Set<string>();
  let count = 0;
  const port: Reader<true> = (item, itemAt) => {
    const match =
      item.kind === "scalar"
        ? /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(item.text)
        : null;
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? first);
    if (match === null || first < 1 || last < first || last > 65535)
      return unexpected(
        reading,
        item,
        itemAt,
        "a port from 1 to 65535, such as 80, 53/udp or 8000-8010/tcp",
      );
    count += last - first + 1;
    if (count > mostPorts) return unexpected(reading, item, itemAt, "each port once");
    const protocol = (match[3] ?? "tcp").toLowerCase();
    for (let number = first; number <= last; number++) found.add(`${number}/${protocol}`);
    return true;
  };
  return listOf(port)(node, at, reading) && [...found];
};

export interface ConfigLayering {
  readonly strategy: "origin";
  /** Layers beside the last, which holds what belongs to no package. */
  readonly budget: number;
}

// containerd mounts at most 127 layers, and one is for what belongs to no package.
const layeringFields = fields({ strategy: oneOf(["origin"]), budget: integer(1, 126) });
const layering: Reader<ConfigLayering> = (node, at, reading) => {
  const found = layeringFields(node, at, reading);
  return found && { strategy: "origin", budget: found.budget ?? 10 };
};

const layerFormat: Reader<"tar"> = (node, at, reading) =>
  node.kind === "scalar" && node.text === "tar"
    ? "tar"
    : unexpected(
        reading,
        node,
        at,
        "tar",
        "Layers are tar archives; other formats are not supported.",
      );

const annotationName = /^[^\s\p{Cc}]+$/u;

/** The whole file. The fields that only bivy knows stand last. */
export const declaration = fields(
  {
    include: line,
    contents,
    entrypoint,
    cmd: command,
    "stop-signal": textLike(
      /^(?:SIG[A-Z0-9]+(?:[+-]\d+)?|\d{1,2})$/,
      "a signal such as SIGTERM or 15",
    ),
    "work-dir": absolutePath,
    accounts,
    archs,
    environment: mapOf(
      /^[A-Za-z_][A-Za-z0-9_.-]*$/,
      "a variable's name of letters, digits, _ . and -, that does not begin with a digit",
    ),
    paths: listOf(pathChange),
    volumes: listOf(absolutePath),
    annotations: mapOf(annotationName, "a name without spaces"),
    layering,
    certificates,
    "vcs-url": line,
    format: layerFormat,
    "os-release": refused(
      "not supported, and not part of apko's format any more",
      "The package alpine-release writes etc/os-release; to replace it, use files.",
    ),
    ports,
    labels: mapOf(annotationName, "a name without spaces"),
    healthcheck,
    files: listOf(file),
    scripts: oneOf(["run", "skip"]),
  },
  {
    packages: "it in contents",
    repositories: "it in contents",
    keyring: "it in contents",
    command: "it in entrypoint, or cmd",
    services: "it in entrypoint",
    users: "it in accounts",
    groups: "it in accounts",
    "run-as": "it in accounts",
    user: "run-as in accounts",
    env: 'the field "environment"',
    expose: 'the field "ports"',
    copy: 'the field "files"',
    healthchecks: 'the field "healthcheck"',
  },
);

/** What one file declares, with the fields that it has. */
export type Declaration = ReadValue<typeof declaration>;
