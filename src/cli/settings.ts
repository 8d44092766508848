/** Settings: what a user wants on every call, from $XDG_CONFIG_HOME/bivy/config.yaml (docs/network.md). */
import { readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { isAbsolute, join } from "node:path";
import { BivyError, fileError, nearestName } from "../base/index.ts";

export interface Settings {
  /** URL prefix → prefixes that are tried instead, in order. */
  readonly mirrors: ReadonlyMap<string, readonly string[]>;
}

const noSettings: Settings = { mirrors: new Map() };

export function settingsPath(environment: NodeJS.ProcessEnv): string {
  const base = environment["XDG_CONFIG_HOME"];
  const folder =
    base !== undefined && isAbsolute(base) ? base : join(environment["HOME"] ?? "/", ".config");
  return join(folder, "bivy", "config.yaml");
}

const homeFolders = ["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] as const;

/**
 * Sees to it that HOME is set, for this process and for those that it starts: as root of a user
 * namespace they would take the home of root. A bare user id, as containers have them, has none.
 */
export function requireHome(environment: NodeJS.ProcessEnv): void {
  if ((environment["HOME"] ?? "") !== "") return;
  try {
    environment["HOME"] = userInfo().homedir;
  } catch (cause) {
    if (homeFolders.every((name) => isAbsolute(environment[name] ?? ""))) return;
    throw new BivyError("usage", "HOME: expected a folder, found none, and no home of this user", {
      cause,
      hint: `Set HOME, or all of ${homeFolders.join(", ")}.`,
    });
  }
}

/** Nothing where there is no file. */
export async function loadSettings(environment: NodeJS.ProcessEnv): Promise<Settings> {
  const path = settingsPath(environment);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const failure = fileError(error, "reading", path);
    if (failure.code === "file-not-found") return noSettings;
    throw failure;
  }
  const { parse } = await import("yaml");
  let document: unknown;
  try {
    document = parse(text);
  } catch (cause) {
    throw new BivyError("config-invalid", `${path}: expected YAML`, {
      cause,
      hint: "Correct it, or remove it.",
    });
  }
  return readSettings(document ?? {}, path);
}

function readSettings(document: unknown, path: string): Settings {
  if (!isMap(document)) throw invalid(path, "expected a map, such as mirrors:");
  for (const name of Object.keys(document))
    if (name !== "mirrors") {
      const near = nearestName(name, ["mirrors"]);
      throw invalid(
        path,
        `there is no setting ${name}${near === undefined ? "" : `; did you mean ${near}?`}`,
      );
    }
  const mirrors = document["mirrors"] ?? {};
  if (!isMap(mirrors))
    throw invalid(path, "mirrors: expected a map from a URL prefix to one or more others");
  return {
    mirrors: new Map(
      Object.entries(mirrors).map(([from, to]) => [from, readTargets(to, from, path)]),
    ),
  };
}

function readTargets(value: unknown, from: string, path: string): readonly string[] {
  const targets: unknown[] = Array.isArray(value) ? value : [value];
  return targets.map((target) => {
    if (typeof target === "string" && /^https?:\/\//.test(target)) return target;
    throw invalid(path, `mirrors.${from}: expected a URL, found ${JSON.stringify(target)}`);
  });
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(path: string, found: string): BivyError {
  return new BivyError("config-invalid", `${path}: ${found}`, { hint: "See docs/network.md." });
}

/** `--mirror FROM=TO` */
export function parseMirror(word: string): [string, readonly string[]] {
  const match = /^(https?:\/\/.+?)=(https?:\/\/.+)$/.exec(word);
  if (match !== null) return [match[1]!, [match[2]!]];
  throw new BivyError("usage", `--mirror ${word}: expected FROM=TO, two URLs`, {
    hint: "Such as --mirror https://dl-cdn.alpinelinux.org/alpine=http://mirror.local/alpine.",
  });
}
