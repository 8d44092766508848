/** Contents of an image configuration: the repositories, the keys and the packages that the image is made of. */
import { isAbsolute, join } from "node:path";
import { tryParseAtom } from "../../apk/index.ts";
import {
  fields,
  filledText,
  line,
  listOf,
  note,
  quote,
  refused,
  requireFields,
  text,
  textLike,
  unexpected,
  type Reader,
  type Reading,
} from "./reader.ts";
import type { ConfigNode } from "./yaml.ts";

/** A repository as the configuration names it. */
export interface ConfigRepository {
  /** A URL, or the path of a folder, resolved against the folder of the file that names it. */
  readonly url: string;
  /** The same as it stands in the file, without a trailing slash: what the image's own list says. */
  readonly written: string;
  /** Without its `@`. */
  readonly tag: string | undefined;
  /** The only keys that may sign for this repository; undefined when none were named for it. */
  readonly keys: readonly ConfigKey[] | undefined;
}

export type ConfigKey =
  /** A file; `path` is resolved against the folder of the file that names it. */
  | { readonly kind: "path"; readonly path: string; readonly written: string }
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "inline"; readonly name: string; readonly content: string }
  /** The word `alpine`: Alpine Linux's own keys, for a mirror of it under another name. */
  | { readonly kind: "alpine" };

const schemeForm = /^([a-z][a-z0-9+.-]*):\/\//i;
const fileScheme = /^file:\/\//i;

/** As apko: a name that is safe as the name of a file. */
const nameForm = /^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/;
const fileName = textLike(
  nameForm,
  "a name of letters, digits, - _ and ., that does not begin with a dot",
);

function resolveLocal(written: string, reading: Reading): string {
  const path = fileScheme.test(written) ? tryFilePath(written) : written;
  return isAbsolute(path) || reading.folder === "" ? path : join(reading.folder, path);
}

function tryFilePath(url: string): string {
  try {
    return decodeURIComponent(url.replace(fileScheme, ""));
  } catch {
    return url.replace(fileScheme, "");
  }
}

/** Checks the scheme of a URL or path; true when it can be used. */
function usable(
  written: string,
  schemes: readonly string[],
  node: ConfigNode,
  at: string,
  reading: Reading,
): boolean {
  const scheme = schemeForm.exec(written)?.[1]?.toLowerCase();
  if (scheme === undefined || scheme === "file") return true;
  if (!schemes.includes(scheme)) {
    unexpected(reading, node, at, `a URL with ${schemes.join(" or ")}, or a path`);
    return false;
  }
  if (URL.canParse(written)) return true;
  unexpected(reading, node, at, "a URL");
  return false;
}

const inlineKey = fields({ name: fileName, content: filledText });

const key: Reader<ConfigKey> = (node, at, reading) => {
  if (node.kind === "map") {
    const found = inlineKey(node, at, reading);
    if (found === undefined || !requireFields(reading, node, at, found, ["name", "content"]))
      return undefined;
    if (
      found.content!.split("-----BEGIN ").length !== 2 ||
      !found.content!.includes("-----BEGIN PUBLIC KEY-----")
    )
      return note(
        reading,
        node,
        `${at}.content: expected one public key in PEM form, found ${quote(found.content!.trim())}`,
      );
    return { kind: "inline", name: found.name!, content: found.content! };
  }
  if (node.kind !== "scalar")
    return unexpected(
      reading,
      node,
      at,
      "the path or the URL of a key, or a map of name and content",
    );
  const written = line(node, at, reading);
  if (written === undefined || !usable(written, ["https", "http"], node, at, reading))
    return undefined;
  if (written === "alpine") return { kind: "alpine" };
  if (schemeForm.test(written) && !fileScheme.test(written)) return { kind: "url", url: written };
  return { kind: "path", path: resolveLocal(written, reading), written };
};

/** Keys are kept under their names, so two inline keys of one name would hide one another. */
const keys: Reader<readonly ConfigKey[]> = (node, at, reading) => {
  const found = listOf(key)(node, at, reading);
  const seen = new Set<string>();
  for (const item of found ?? []) {
    if (item.kind !== "inline") continue;
    if (seen.has(item.name))
      note(reading, node, `${at}: expected names that differ, found ${quote(item.name)} twice`);
    seen.add(item.name);
  }
  return found;
};

const tagForm = /^[A-Za-z0-9_.-]+$/;

/** Takes a line of etc/apk/repositories apart: `[@tag] URL [component…]`; each component is a repository of its own. */
function repositoryLine(
  node: ConfigNode,
  at: string,
  reading: Reading,
): readonly ConfigRepository[] | undefined {
  const found = line(node, at, reading);
  if (found === undefined) return undefined;
  const words = found.trim().split(/\s+/);
  const tag = words[0]!.startsWith("@") ? words.shift()!.slice(1) : undefined;
  const [base, ...components] = words;
  const expected = "[@tag] URL [component…]";
  if (
    (tag !== undefined && !tagForm.test(tag)) ||
    base === undefined ||
    components.some((word) => !/^[\w./-]+$/.test(word) || word.split("/").includes(".."))
  )
    return unexpected(reading, node, at, expected);
  if (!usable(base, ["https", "http"], node, at, reading)) return undefined;
  const trimmed = withoutSlash(base);
  const urls =
    components.length === 0
      ? [trimmed]
      : components.map((component) => `${trimmed}/${withoutSlash(component)}`);
  return urls.map((written) => ({
    url: isRemote(written) ? written : resolveLocal(written, reading),
    written,
    tag,
    keys: undefined,
  }));
}

function isRemote(written: string): boolean {
  return schemeForm.test(written) && !fileScheme.test(written);
}

function withoutSlash(url: string): string {
  return url.length > 1 ? url.replace(/\/+$/, "") || "/" : url;
}

const repositoryFields = fields(
  {
    url: line,
    tag: textLike(tagForm, "a tag of letters, digits, - _ and .", "Leave out the @."),
    keys,
  },
  { key: 'the field "keys"', keyring: 'the field "keys"' },
);

const repository: Reader<readonly ConfigRepository[]> = (node, at, reading) => {
  if (node.kind === "scalar") return repositoryLine(node, at, reading);
  if (node.kind !== "map")
    return unexpected(
      reading,
      node,
      at,
      "a repository: a line [@tag] URL [component…], or a map of url, tag and keys",
    );
  const found = repositoryFields(node, at, reading);
  if (found === undefined || !requireFields(reading, node, at, found, ["url"])) return undefined;
  const urlNode = node.entries.find((entry) => entry.key === "url")!.value;
  const lines = repositoryLine(urlNode, `${at}.url`, reading);
  if (lines?.[0]?.tag !== undefined && found.tag !== undefined)
    return note(
      reading,
      node,
      `${at}: expected one tag, found @${lines[0].tag} in url and ${quote(found.tag)} in tag`,
    );
  if (found.keys?.length === 0)
    return note(
      reading,
      node,
      `${at}.keys: expected at least one key, found an empty list`,
      "Leave keys out to accept the keys of the keyring.",
    );
  return lines?.map((one) => ({ ...one, tag: one.tag ?? found.tag, keys: found.keys }));
};

const repositories: Reader<readonly ConfigRepository[]> = (node, at, reading) =>
  listOf(repository)(node, at, reading)?.flat();

/** Repositories of the running image: nothing is fetched from them, so a path is the image's own. */
const runtimeRepositories: Reader<readonly ConfigRepository[]> = (node, at, reading) => {
  const found = repositories(node, at, reading);
  if (found?.some((one) => one.keys !== undefined))
    return note(
      reading,
      node,
      `${at}: expected no keys, found some`,
      "Keys of the running image stand in contents.runtime_keyring.",
    );
  return found?.map((one) => ({ ...one, url: one.written }));
};

const atom: Reader<string> = (node, at, reading) => {
  const found = line(node, at, reading);
  if (found === undefined || (!/\s/.test(found) && tryParseAtom(found) !== undefined)) return found;
  return unexpected(
    reading,
    node,
    at,
    "a package: [!]NAME[@TAG][=VERSION]",
    "Write it without spaces, such as curl=8.9.0-r0, curl~8.9 or curl@edge.",
  );
};

export const contents = fields({
  repositories,
  build_repositories: repositories,
  runtime_repositories: runtimeRepositories,
  keyring: keys,
  runtime_keyring: keys,
  packages: listOf(atom),
  baseimage: refused(
    "building on top of a base image is not supported",
    "Name every package in contents.packages, or start from the image in a Dockerfile: FROM, then RUN apk add.",
  ),
  ecosystems: refused(
    "packages of other ecosystems are not supported",
    "Install their apk packages, such as py3-requests, or use a Dockerfile.",
  ),
});

const certificateFields = fields({ name: fileName, content: text });

/** A certificate that the image is to trust, in PEM form. */
export interface ConfigCertificate {
  readonly name: string;
  readonly content: string;
}

const certificate: Reader<ConfigCertificate> = (node, at, reading) => {
  const found = certificateFields(node, at, reading);
  if (found === undefined || !requireFields(reading, node, at, found, ["name", "content"]))
    return undefined;
  const blocks = found.content!.split("-----BEGIN ").length - 1;
  if (
    blocks !== 1 ||
    !/-----BEGIN CERTIFICATE-----[\s\S]*-----END CERTIFICATE-----/.test(found.content!)
  )
    return note(
      reading,
      node,
      `${at}.content: expected one certificate in PEM form, found ${blocks === 1 ? "something else" : blocks}`,
    );
  return { name: found.name!, content: found.content! };
};

export const certificates = fields({
  additional: listOf(certificate),
  providers: listOf(line),
});
