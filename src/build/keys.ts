/** Keys of a declarative build: what the configuration names, loaded, beside Alpine's own. */
import { basename } from "node:path";
import {
  builtInKeys,
  fetchCurrent,
  parseKey,
  type Access,
  type Key,
  type Keyring,
  type Repository,
  repositoryAt,
} from "../apk/index.ts";
import { BivyError, decodeName, readUserFile } from "../base/index.ts";
import { isLoopback, showUrl } from "../http/index.ts";
import type { ConfigKey, ConfigRepository } from "./config/contents.ts";
import type { ImageConfig } from "./config/image-config.ts";

export interface BuildKeys {
  /** Those of the configuration: its keyring's, and those that it names for one repository. */
  readonly named: readonly Key[];
  /** Keys that only the image trusts, when it runs. */
  readonly runtime: readonly Key[];
}

/** The repositories that packages are taken from, in the order in which they are preferred. */
export function buildRepositories(config: ImageConfig): Repository[] {
  return [...config.contents.repositories, ...config.contents.buildRepositories].map(toRepository);
}

function toRepository({ url, tag, keys }: ConfigRepository): Repository {
  return repositoryAt(url, {
    ...(tag === undefined ? {} : { tag }),
    scoped: keys !== undefined,
    alpineKeys: keys?.some(({ kind }) => kind === "alpine") ?? false,
  });
}

export async function loadBuildKeys(config: ImageConfig, access: Access): Promise<BuildKeys> {
  const { contents } = config;
  const named = await loadAll(contents.keyring, undefined, access);
  for (const repository of [...contents.repositories, ...contents.buildRepositories])
    named.push(...(await loadAll(repository.keys ?? [], toRepository(repository).url, access)));
  return { named, runtime: await loadAll(contents.runtimeKeyring, undefined, access) };
}

/** All keys that may sign for packages of an architecture. */
export function keyringFor(arch: string, keys: BuildKeys): Keyring {
  return { keys: [...builtInKeys(arch), ...keys.named] };
}

async function loadAll(
  keys: readonly ConfigKey[],
  repository: string | undefined,
  access: Access,
): Promise<Key[]> {
  const named = keys.filter((key) => key.kind !== "alpine");
  return Promise.all(named.map((key) => loadKey(key, repository, access)));
}

async function loadKey(
  key: Exclude<ConfigKey, { kind: "alpine" }>,
  repository: string | undefined,
  access: Access,
): Promise<Key> {
  switch (key.kind) {
    case "inline":
      return parseKey(key.name, key.content, repository);
    case "path":
      return parseKey(basename(key.path), decodeName(await readUserFile(key.path)), repository);
    case "url":
      return parseKey(
        urlBaseName(key.url),
        decodeName(await fetchKey(key.url, access)),
        repository,
      );
  }
}

function urlBaseName(url: string): string {
  const name = basename(new URL(url).pathname);
  try {
    return decodeURIComponent(name);
  } catch {
    // A percent sign that stands for itself.
    return name;
  }
}

/** A key over plain http could be anybody's, and would make everything that it signs trusted. */
async function fetchKey(url: string, access: Access): Promise<Uint8Array> {
  const { protocol, hostname } = new URL(url);
  const subject = `key ${showUrl(url)}`;
  if (protocol !== "https:" && !isLoopback(hostname))
    throw new BivyError(
      "key-invalid",
      `${subject}: expected an https URL, found ${protocol.slice(0, -1)}`,
      {
        hint: "Fetch it yourself, compare its fingerprint with the owner's, and give the file.",
      },
    );
  return fetchCurrent(url, access, { subject, limit: "document-size", secure: true });
}
