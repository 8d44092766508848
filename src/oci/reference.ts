/**
 * Image references: `[REGISTRY/]REPOSITORY[:TAG][@DIGEST]`, in the grammar of Docker
 * (github.com/distribution/reference). What people leave out is filled in as docker does:
 * `alpine` is `docker.io/library/alpine`.
 */
import { BivyError, tryParseDigest, type Digest } from "../base/index.ts";

export interface Reference {
  /** Host and port, such as `docker.io` or `registry.example.com:5000`. */
  readonly registry: string;
  /** The path below the registry, such as `library/alpine`. */
  readonly repository: string;
  readonly tag?: string;
  /** Binds the reference to these bytes, whatever the tag says. */
  readonly digest?: Digest;
}

export const defaultRegistry = "docker.io";
const defaultNamespace = "library";
const defaultTag = "latest";
/** Docker Hub's former name, which people still type. */
const formerDefaultRegistry = "index.docker.io";

const longestName = 255;
/** A name, a tag and a digest, with room to spare; what is longer is not looked at. */
const longestText = 512;
const repositoryForm =
  /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const registryForm =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/;
const tagForm = /^\w[\w.-]{0,127}$/;

export function tryParseReference(text: string): Reference | undefined {
  const found = readReference(text);
  return typeof found === "string" ? undefined : found;
}

export function parseReference(text: string): Reference {
  const found = readReference(text);
  if (typeof found !== "string") return found;
  const lower = text.toLowerCase();
  const fixable = lower !== text && typeof readReference(lower) !== "string";
  throw new BivyError(
    "reference-invalid",
    `image reference "${text.slice(0, longestText)}": ${found}`,
    {
      hint: fixable
        ? `Names of repositories are lower-case: ${lower}`
        : "Write [REGISTRY/]REPOSITORY[:TAG][@DIGEST], such as alpine:3.20.",
    },
  );
}

export function isTag(text: string): boolean {
  return tagForm.test(text);
}

/** The reference, or what is wrong with the text. */
function readReference(text: string): Reference | string {
  if (text === "") return "it is empty";
  if (text.length > longestText) return `it is longer than ${longestText} characters`;
  const at = text.indexOf("@");
  const digestText = at === -1 ? undefined : text.slice(at + 1);
  const digest = digestText === undefined ? undefined : tryParseDigest(digestText);
  if (digestText !== undefined && digest === undefined)
    return "expected sha256: and 64 hex digits after @";

  const named = at === -1 ? text : text.slice(0, at);
  const colon = named.indexOf(":", named.lastIndexOf("/") + 1);
  const tag = colon === -1 ? undefined : named.slice(colon + 1);
  if (tag !== undefined && !tagForm.test(tag))
    return `expected a tag of letters, digits, "_", "." and "-", found "${tag}"`;

  const name = colon === -1 ? named : named.slice(0, colon);
  if (/^[0-9a-f]{64}$/.test(name))
    return "it is 64 hex digits, which would be taken for an image id";
  const { registry, repository } = splitName(name);
  if (!registryForm.test(registry)) return `expected a host as the registry, found "${registry}"`;
  if (!repositoryForm.test(repository))
    return `expected a repository of lower-case letters and digits, found "${repository}"`;
  if (registry.length + 1 + repository.length > longestName)
    return `its name is longer than ${longestName} characters`;
  return {
    registry,
    repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** The first part is a registry if it looks like a host: a dot, a port, `localhost` or upper case. */
function splitName(name: string): { registry: string; repository: string } {
  const slash = name.indexOf("/");
  const first = slash === -1 ? "" : name.slice(0, slash);
  const isHost = /[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase();
  const typed = isHost ? first : defaultRegistry;
  const registry = typed === formerDefaultRegistry ? defaultRegistry : typed;
  const path = isHost ? name.slice(slash + 1) : name;
  const isOfficial = registry === defaultRegistry && !path.includes("/");
  return { registry, repository: isOfficial ? `${defaultNamespace}/${path}` : path };
}

/** The whole reference, nothing left out: `docker.io/library/alpine:3.20`. */
export function formatReference(reference: Reference): string {
  return `${reference.registry}/${reference.repository}${suffix(reference)}`;
}

/** The reference as people type it: `alpine:3.20`. */
export function shortReference(reference: Reference): string {
  const { registry, repository } = reference;
  if (registry !== defaultRegistry) return formatReference(reference);
  const official = repository.startsWith(`${defaultNamespace}/`);
  const name = official ? repository.slice(defaultNamespace.length + 1) : repository;
  // A namespace that looks like a host would be read back as one.
  const isAmbiguous = splitName(name).repository !== repository;
  return isAmbiguous ? formatReference(reference) : `${name}${suffix(reference)}`;
}

function suffix({ tag, digest }: Reference): string {
  return `${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

/** Fills in the tag `latest` where neither a tag nor a digest was given. */
export function withDefaultTag(reference: Reference): Reference {
  if (reference.tag !== undefined || reference.digest !== undefined) return reference;
  return { ...reference, tag: defaultTag };
}
