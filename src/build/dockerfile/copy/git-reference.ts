/**
 * Git references: the address of a repository as ADD takes it, `REMOTE[?QUERY][#REF[:FOLDER]]`, in the
 * manner of BuildKit. An http address is a repository's only if its path ends with `.git`; `git://`,
 * `ssh://` and `user@host:path` always are.
 */
import { BivyError, nearestName } from "../../../base/index.ts";
import { redactCredentials } from "../../../http/index.ts";

export interface GitReference {
  /** What git is given. */
  readonly remote: string;
  /** A branch, a tag, or a commit; undefined for the default branch. */
  readonly ref: string | undefined;
  /** A folder of the repository; empty for all of it. */
  readonly folder: string;
  /** The beginning of a commit, which the reference must lead to. */
  readonly checksum: string | undefined;
  readonly keepGitDirectory: boolean;
  readonly submodules: boolean;
}

const urlForm = /^(https?|git|ssh):\/\/[^?#]+/;
const scpForm = /^[a-zA-Z0-9_][a-zA-Z0-9_-]*@[a-zA-Z0-9][a-zA-Z0-9.-]*:[^?#]+/;

/** Undefined where a source is no repository. Errors are `dockerfile-invalid`. */
export function tryParseGitReference(source: string): GitReference | undefined {
  const url = urlForm.exec(source);
  const remote = url?.[0] ?? scpForm.exec(source)?.[0];
  if (remote === undefined) return undefined;
  if (url?.[1]!.startsWith("http") && !remote.endsWith(".git")) return undefined;
  const [head, fragment = ""] = splitAt(source, "#");
  const [, query = ""] = splitAt(head, "?");
  const [ref = "", folder = ""] = splitAt(url === null ? fragment : decode(fragment), ":");
  return readQuery(remote, { ref, folder }, new URLSearchParams(query), source);
}

function splitAt(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const queryNames = [
  "ref",
  "tag",
  "branch",
  "subdir",
  "checksum",
  "commit",
  "keep-git-dir",
  "submodules",
] as const;

function readQuery(
  remote: string,
  fragment: { readonly ref: string; readonly folder: string },
  query: URLSearchParams,
  source: string,
): GitReference {
  const fail = (reason: string, hint: string) =>
    new BivyError("dockerfile-invalid", `${redactCredentials(source)}: ${reason}`, { hint });
  const values = new Map<string, string>();
  for (const [name, value] of query) {
    if (!queryNames.some((known) => known === name)) {
      const near = nearestName(name, queryNames);
      throw fail(
        `there is no ${JSON.stringify(name)} of a repository`,
        near === undefined ? `Known are ${queryNames.join(", ")}.` : `Did you mean ${near}?`,
      );
    }
    if (values.has(name)) throw fail(`${name} is given twice`, "Leave one of them out.");
    if (value === "" && name !== "keep-git-dir" && name !== "submodules")
      throw fail(`${name} has no value`, `Write ${name}=VALUE, or leave it out.`);
    values.set(name, value);
  }
  const one = (said: readonly (string | undefined)[], what: string): string | undefined => {
    const given = [...new Set(said.filter((each) => each !== undefined && each !== ""))];
    if (given.length > 1)
      throw fail(`${given.join(" and ")} are two different ${what}`, "Leave one of them out.");
    return given[0];
  };
  const isOn = (name: string, otherwise: boolean): boolean => {
    const value = values.get(name);
    if (value === undefined) return otherwise;
    if (/^(?:|1|t|true)$/i.test(value)) return true;
    if (/^(?:0|f|false)$/i.test(value)) return false;
    throw fail(
      `${name} expects true or false, found ${JSON.stringify(value)}`,
      "Write one of them.",
    );
  };
  const checksum = one([values.get("checksum"), values.get("commit")], "commits");
  const named = [
    fragment.ref,
    values.get("ref"),
    below("refs/tags/", values.get("tag")),
    below("refs/heads/", values.get("branch")),
  ];
  const ref = one(named, "references") ?? checksum;
  if (ref?.startsWith("-") || /[\0-\x20~^:?*[\\]/.test(ref ?? ""))
    throw fail(`${JSON.stringify(ref)} is no reference`, "Name a branch, a tag or a commit.");
  return {
    remote,
    ref,
    folder: one([fragment.folder, values.get("subdir")], "folders") ?? "",
    checksum,
    keepGitDirectory: isOn("keep-git-dir", false),
    submodules: isOn("submodules", true),
  };
}

function below(prefix: string, name: string | undefined): string | undefined {
  return name === undefined || name.startsWith(prefix) ? name : `${prefix}${name}`;
}
