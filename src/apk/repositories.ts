/** Repositories: lines of etc/apk/repositories, `[@tag] URL [component…]`, and the URLs that follow from them. */
import { fileURLToPath } from "node:url";
import { BivyError, messageOf } from "../base/index.ts";

/** One index and its packages. */
export interface Repository {
  /** Without a trailing slash: a http(s) URL, or a folder's path. The index is at `<url>/<arch>/APKINDEX.tar.gz`. */
  readonly url: string;
  /** Packages of a tagged repository are taken only for atoms `name@tag`. */
  readonly tag?: string;
  /** Whether the user named keys for this repository: then only those sign for it. */
  readonly scoped: boolean;
  /** Whether Alpine's own keys were named among them. */
  readonly alpineKeys: boolean;
}

const tagForm = /^@[A-Za-z0-9_.-]+$/;
const schemeForm = /^([a-z][a-z0-9+.-]*):\/\//i;

export function repositoryAt(
  url: string,
  options: Partial<Omit<Repository, "url">> = {},
): Repository {
  return { scoped: false, alpineKeys: false, ...options, url: plainUrl(url) };
}

/** `file:` URLs become paths, and trailing slashes go. */
function plainUrl(url: string): string {
  const path = /^file:\/\//i.test(url) ? filePath(url) : url;
  return path.length > 1 ? path.replace(/(?<=[^/])\/+$/, "") : path;
}

function filePath(url: string): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new BivyError(
      "repositories-invalid",
      `${url}: expected the URL of a folder of this machine, such as file:///srv/packages: ${messageOf(cause)}`,
      { cause, hint: "A plain path, such as /srv/packages, does as well." },
    );
  }
}

/** Reads one line; undefined for a blank line or a comment. Several components give several repositories. */
export function parseRepositoryLine(line: string, subject: string): Repository[] {
  const words = line
    .replace(/(^|\s)#.*$/, "")
    .trim()
    .split(/\s+/)
    .filter(Boolean);
  if (words.length === 0) return [];
  const tag = words[0]!.startsWith("@") ? words.shift()! : undefined;
  if (tag !== undefined && !tagForm.test(tag))
    throw invalidLine(
      subject,
      `the tag ${JSON.stringify(tag)} is not one: expected letters, digits, - _ or .`,
    );
  const [url, ...components] = words;
  if (url === undefined) throw invalidLine(subject, `expected a URL after the tag ${tag}`);
  requireKnownScheme(url, subject);
  const options = tag === undefined ? {} : { tag: tag.slice(1) };
  if (components.length === 0) return [repositoryAt(url, options)];
  const base = plainUrl(url);
  return components.map((component) => repositoryAt(`${base}/${component}`, options));
}

function requireKnownScheme(url: string, subject: string): void {
  const scheme = schemeForm.exec(url)?.[1]?.toLowerCase();
  if (scheme === undefined || scheme === "http" || scheme === "https" || scheme === "file") return;
  throw invalidLine(
    subject,
    `${url}: the scheme ${scheme} is not supported; expected https, http, file or a path`,
  );
}

function invalidLine(subject: string, found: string): BivyError {
  return new BivyError("repositories-invalid", `${subject}: ${found}`, {
    hint: "A line is [@tag] URL [component…], such as https://dl-cdn.alpinelinux.org/alpine/v3.20/main.",
  });
}

/** Reads a whole file in the form of etc/apk/repositories. */
export function parseRepositories(text: string, subject: string): Repository[] {
  return text
    .split("\n")
    .flatMap((line, index) => parseRepositoryLine(line, `${subject}:${index + 1}`));
}

/** The line that names a repository in etc/apk/repositories. */
export function formatRepository(repository: Repository): string {
  return repository.tag === undefined ? repository.url : `@${repository.tag} ${repository.url}`;
}

/** Whether the index and packages are files of this machine. */
export function isLocalRepository(repository: Repository): boolean {
  return !schemeForm.test(repository.url);
}

export function indexUrl(repository: Repository, arch: string): string {
  return `${repository.url}/${arch}/APKINDEX.tar.gz`;
}

/** A package lies beside the index of the architecture that was asked for, also when it is `noarch`. */
export function packageUrl(
  repository: Repository,
  arch: string,
  name: string,
  version: string,
): string {
  return `${repository.url}/${arch}/${name}-${version}.apk`;
}

/** Whether the URL is on one of Alpine Linux's own hosts. */
export function isAlpineRepository(url: string): boolean {
  // Read as the client reads it, which sees a host where a pattern would not: `https:///host`.
  if (!/^https?:/i.test(url) || !URL.canParse(url)) return false;
  const host = new URL(url).hostname.replace(/\.$/, "");
  return host === "alpinelinux.org" || host.endsWith(".alpinelinux.org");
}

/** Whether the URL has the form of Alpine's tree, as every mirror of it has: `…/v3.20/main`, `…/edge/testing`. */
export function isAlpineTree(url: string): boolean {
  return (
    isAlpineRepository(url) ||
    /\/(?:v\d+\.\d+|edge|latest-stable)\/(?:main|community|testing|releases)$/.test(url)
  );
}

/** Names and versions become parts of URLs and paths: whatever could leave its folder is refused. */
export function requirePlainPackage(name: string, version: string, subject: string): void {
  for (const word of [name, version])
    if (!/^[A-Za-z0-9_][A-Za-z0-9_.+~:-]*$/.test(word))
      throw new BivyError(
        "index-invalid",
        `${subject}: ${JSON.stringify(word)} is not a name or version that a file can have`,
        {
          hint: "The index is damaged or hostile; tell the repository's owner.",
        },
      );
}
