/**
 * Distributions: what os-release (os-release(5)) and Alpine's alpine-release say about a root, and the
 * branch of Alpine's repositories that its version belongs to.
 */
import type { Distribution } from "./inventory.ts";

/** A file of the root, as text. */
export interface ReleaseFile {
  /** Plain path. */
  readonly path: string;
  readonly text: string;
}

const assignment = /^\s*([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s;

/** The variables of an os-release file; the last of a name counts, lines that are none are left out. */
export function parseOsRelease(text: string): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, name, value] = assignment.exec(line) ?? [];
    if (name !== undefined) variables.set(name, unquote(value!.trim()));
  }
  return variables;
}

/** A value as a shell reads it: in single quotes literally, else with backslash before a character. */
function unquote(value: string): string {
  const quote = value[0];
  if (quote === "'") return value.slice(1).split("'", 1)[0]!;
  let text = "";
  for (let at = quote === '"' ? 1 : 0; at < value.length; at++) {
    const character = value[at]!;
    if (character === '"' && quote === '"') break;
    if (character === "\\" && isEscape(value[at + 1], quote)) text += value[++at]!;
    else text += character;
  }
  return text;
}

/** In double quotes a backslash stands for itself before most characters. */
function isEscape(next: string | undefined, quote: string | undefined): boolean {
  return next !== undefined && (quote !== '"' || '"$`\\'.includes(next));
}

/**
 * The branch of an Alpine version: `v3.19` of 3.19.4, `edge` of a snapshot such as 3.21_alpha20240807;
 * undefined for what is no version of Alpine's.
 */
export function alpineBranch(version: string): string | undefined {
  if (version === "edge") return version;
  const [, release, suffix] = /^v?(\d+\.\d+)(?:\.\d+)*(?:_([a-z]+)\d*)?$/.exec(version) ?? [];
  // Release candidates come from the branch; what is earlier, from edge before there is a branch.
  if (suffix !== undefined && suffix !== "rc" && suffix !== "p") return "edge";
  return release === undefined ? undefined : `v${release}`;
}

/**
 * What the release files say. os-release names the distribution, so that what is derived from Alpine
 * (Wolfi, Chainguard, postmarketOS) goes by its own name, and has no branch of Alpine's; without it
 * alpine-release tells Alpine.
 */
export function distributionOf(
  osRelease: ReleaseFile | undefined,
  alpineRelease: ReleaseFile | undefined,
): Distribution | undefined {
  const variables = parseOsRelease(osRelease?.text ?? "");
  const alpineVersion = alpineRelease?.text.trim();
  const id = variables.get("ID") || (alpineVersion ? "alpine" : undefined);
  if (id === undefined) {
    if (osRelease === undefined) return undefined;
    // The defaults that os-release(5) gives.
    return { id: "linux", name: variables.get("NAME") || "Linux", path: osRelease.path };
  }
  const isAlpine = id === "alpine";
  const version = variables.get("VERSION_ID") || (isAlpine ? alpineVersion : undefined);
  const branch = isAlpine && version ? alpineBranch(version) : undefined;
  const like = (variables.get("ID_LIKE") ?? "").split(/\s+/).filter(Boolean);
  return {
    id,
    name: variables.get("NAME") || (isAlpine ? "Alpine Linux" : id),
    ...(version ? { version } : {}),
    ...(branch === undefined ? {} : { branch }),
    ...(like.length === 0 ? {} : { like }),
    path: (variables.get("ID") ? osRelease : alpineRelease)!.path,
  };
}

/**
 * What is wrong where both files say that it is Alpine, and not which one: one package has them, so
 * somebody wrote one of them. What is derived from Alpine may keep Alpine's file with Alpine's version.
 */
export function releaseConflict(
  osRelease: ReleaseFile | undefined,
  alpineRelease: ReleaseFile | undefined,
): string | undefined {
  const variables = parseOsRelease(osRelease?.text ?? "");
  const stated = variables.get("VERSION_ID");
  const other = alpineRelease?.text.trim();
  if (variables.get("ID") !== "alpine" || !stated || !other || stated === other) return undefined;
  return `${osRelease!.path} says Alpine ${stated}, ${alpineRelease!.path} says ${other}; the first counts`;
}
