/**
 * Fetching from repositories: indexes and packages. A folder of this machine is read in place; what
 * comes over the network goes through the cache, and what turns out false there is thrown out of it.
 */
import { stat } from "node:fs/promises";
import {
  BivyError,
  collectBytes,
  fileContent,
  fileError,
  ignoreEvents,
  isBivyError,
  limitExceeded,
  type Content,
  type EventSink,
  type LimitName,
  type Limits,
} from "../base/index.ts";
import { fetchCached, showUrl, type Cache, type HttpClient } from "../http/index.ts";
import { readIndexArchive, type RepositoryIndex } from "./index-archive.ts";
import type { Keyring } from "./keyring.ts";
import { packageLabel, type Package } from "./package.ts";
import type { PackageSource } from "./package-file.ts";
import {
  indexUrl,
  isLocalRepository,
  packageUrl,
  requirePlainPackage,
  type Repository,
} from "./repositories.ts";

/** What fetching needs from outside. */
export interface Access {
  readonly client: HttpClient;
  readonly cache: Cache;
  readonly limits: Limits;
  readonly events?: EventSink;
  readonly signal?: AbortSignal;
}

export interface LoadedIndex extends RepositoryIndex {
  readonly repository: Repository;
  /** Where the index was: a path or a URL. */
  readonly location: string;
}

/** Fetches and verifies the index of a repository. `keyring` undefined takes it unverified. */
export async function loadIndex(
  repository: Repository,
  arch: string,
  keyring: Keyring | undefined,
  access: Access,
): Promise<LoadedIndex> {
  const location = indexUrl(repository, arch);
  const { limits } = access;
  const bytes = await readIndexBytes(repository, arch, location, access);
  const trust = keyring === undefined ? {} : { trust: { keyring, repository } };
  try {
    const index = readIndexArchive(bytes, { subject: showUrl(location), limits, ...trust });
    reportIndex(index, showUrl(location), access.events ?? ignoreEvents);
    return { ...index, repository, location };
  } catch (error) {
    // Or the server would say of a false copy that it is current. Without it nothing better can come.
    if (!isLocalRepository(repository) && !access.client.offline)
      await forget(access.cache, indexKey(location));
    throw error;
  }
}

function reportIndex(index: RepositoryIndex, location: string, events: EventSink): void {
  const { verified } = index;
  if (verified === undefined)
    return events({
      type: "warning",
      text: `${location}: taken without a signature that is trusted`,
      hint: "Anyone between you and the repository can change what you install.",
    });
  events({
    type: "verified",
    link: "index",
    subject: location,
    detail: `${index.packages.length} packages, ${verified.signature.algorithm} signature by ${verified.key.name}`,
  });
}

function indexKey(location: string): string {
  return `index ${location}`;
}

async function readIndexBytes(
  repository: Repository,
  arch: string,
  location: string,
  access: Access,
): Promise<Uint8Array> {
  const limit = "index-size";
  if (!isLocalRepository(repository))
    return fetchCurrent(location, access, {
      key: indexKey(location),
      subject: `index ${location}`,
      limit,
    });
  const hint = `Check the path, which should end before the architecture, and whether the repository has ${arch}.`;
  return readWhole(await localContent(location, hint), location, limit, access.limits);
}

export interface CurrentOptions {
  /** How messages name it. */
  readonly subject: string;
  readonly limit: LimitName;
  /** Of the cache; the URL by default. */
  readonly key?: string;
  /** Not from a mirror over plain http. */
  readonly secure?: boolean;
}

/** All that a URL holds now: the server is asked whether a cached copy is current, unless offline. */
export async function fetchCurrent(
  url: string,
  access: Access,
  { subject, limit, key, secure }: CurrentOptions,
): Promise<Uint8Array> {
  const { client, cache, limits, signal } = access;
  const content = await fetchCached({
    client,
    cache,
    url,
    revalidate: client.offline ? "never" : "always",
    maxBytes: limits[limit],
    subject,
    ...(key === undefined ? {} : { key }),
    ...(secure === undefined ? {} : { secure }),
    ...(signal === undefined ? {} : { signal }),
  });
  return readWhole(content, url, limit, limits);
}

function readWhole(
  content: Content,
  location: string,
  limit: LimitName,
  limits: Limits,
): Promise<Uint8Array> {
  return collectBytes(content.chunks(), limits[limit], () =>
    limitExceeded(limit, limits, showUrl(location)),
  );
}

async function localContent(path: string, hint: string): Promise<Content> {
  try {
    return fileContent(path, (await stat(path)).size);
  } catch (error) {
    const known = fileError(error, "reading", path);
    throw known.code === "file-not-found"
      ? new BivyError(known.code, known.message, { cause: error, hint })
      : known;
  }
}

/** A package to fetch: where it is, and what it must be. */
export interface PackageAddress {
  readonly package: Package;
  /** A path or a URL. */
  readonly location: string;
}

export function addressIn(repository: Repository, arch: string, subject: Package): PackageAddress {
  requirePlainPackage(subject.name, subject.version, showUrl(indexUrl(repository, arch)));
  return {
    package: subject,
    location: packageUrl(repository, arch, subject.name, subject.version),
  };
}

/**
 * Makes the file of a package available: it is there when the promise resolves. Its content is not
 * verified here but by whoever opens it, each time.
 */
export async function fetchPackage(
  address: PackageAddress,
  access: Access,
): Promise<PackageSource> {
  const { location } = address;
  const { client, cache, limits, signal } = access;
  const label = packageLabel(address.package);
  if (!/^https?:\/\//i.test(location)) {
    const content = await localContent(
      location,
      `The index names ${label}, but its file is not beside it; make the index anew.`,
    );
    return { subject: location, open: () => content.chunks() };
  }
  const { identity } = address.package;
  const key = `package ${identity === "" ? location : identity}`;
  const content = await fetchCached({
    client,
    cache,
    url: location,
    key,
    revalidate: "never",
    maxBytes: limits["download-size"],
    subject: label,
    ...(address.package.size > 0 ? { expectedSize: address.package.size } : {}),
    ...(signal === undefined ? {} : { signal }),
  }).catch((error: unknown) => {
    throw unavailable(error, label, location);
  });
  return {
    subject: label,
    open: () => content.chunks(),
    reject: () => cache.remove(key),
  };
}

/** Mirrors drop old revisions: say so, since it is the usual reason. */
function unavailable(error: unknown, label: string, location: string): unknown {
  if (!isBivyError(error, "http-not-found")) return error;
  return new BivyError(
    "package-unavailable",
    `${label}: ${showUrl(location)} is not there (404), though the index names it`,
    {
      cause: error,
      hint: "Mirrors drop old revisions. Refresh the index or the lock; to keep builds repeatable, keep the packages: bivy lock --vendor DIR.",
    },
  );
}

async function forget(cache: Cache, key: string): Promise<void> {
  await cache.remove(key).catch(() => undefined);
}

/**
 * Fetches packages, several at once, in an order of its own; the result is in the given order. The first
 * failure stops the others, and is thrown once all of them have cleaned up.
 */
export async function fetchPackages(
  addresses: readonly PackageAddress[],
  access: Access,
): Promise<PackageSource[]> {
  const stop = new AbortController();
  const signal =
    access.signal === undefined ? stop.signal : AbortSignal.any([access.signal, stop.signal]);
  // The client limits how many run at once.
  const fetches = addresses.map(async (address) => {
    try {
      return await fetchPackage(address, { ...access, signal });
    } catch (error) {
      stop.abort(error);
      throw error;
    }
  });
  await Promise.allSettled(fetches);
  // Only the first abort of a controller sets its reason.
  if (stop.signal.aborted) throw stop.signal.reason;
  return Promise.all(fetches);
}
