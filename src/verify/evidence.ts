/**
 * Evidence: what the packages of an image are held against. It is gathered first, with whatever files
 * and network that takes; judging by it (verify.ts) is a pure function.
 *
 * What the user names (repositories, a lock, package files) takes the place of the repositories that
 * the image names: the image is what is in question. Its own are asked only where nothing was named,
 * and count only under keys that the image has no say in: Alpine's for Alpine's repositories, and
 * those of the user for others.
 */
import {
  builtInKeys,
  indexUrl,
  isAlpineRepository,
  isAlpineTree,
  isLocalRepository,
  loadIndex,
  parseKey,
  type Access,
  type Key,
  type Keyring,
  type Repository,
} from "../apk/index.ts";
import { decodeName, isBivyError } from "../base/index.ts";
import { showUrl } from "../http/index.ts";
import type { Inventory } from "../inventory/index.ts";
import { archsOf } from "./archs.ts";
import { readDocuments, type Documents } from "./documents.ts";
import { readContents, type ContentsByPackage } from "./package-contents.ts";
import type { IndexReport, RepositoryReport } from "./report.ts";
import {
  lockedVouchers,
  selectVouchers,
  vouchersOfFolder,
  vouchersOfIndex,
  type Found,
  type LockEvidence,
  type Voucher,
} from "./voucher.ts";

export interface EvidenceSources {
  readonly repositories?: readonly Repository[];
  readonly locks?: readonly LockEvidence[];
  /** Folders with packages, each of which counts by its own signature. */
  readonly packageFolders?: readonly string[];
  /** Keys beside Alpine's own. */
  readonly keys?: readonly Key[];
  /** Take the keys that the image trusts for the user's. */
  readonly trustImageKeys?: boolean;
  /** Fetch the proven packages and compare their contents with the database. */
  readonly deep?: boolean;
}

export interface Evidence {
  readonly vouchers: readonly Voucher[];
  readonly repositories: readonly RepositoryReport[];
  /** How many indexes, locks and package files could be read. */
  readonly sources: number;
  /** Keys that the user named. */
  readonly keys: readonly Key[];
  readonly contents: ContentsByPackage;
  readonly documents: Documents;
  readonly notes: readonly string[];
}

/** For a check of the files alone: what the image's database says is taken for granted. */
export const noEvidence: Evidence = {
  vouchers: [],
  repositories: [],
  sources: 0,
  keys: [],
  contents: new Map(),
  documents: new Map(),
  notes: [],
};

/**
 * Throws when something that the user named cannot be read or trusted; repositories that only the image
 * names may fail, and are reported with why.
 */
export async function gatherEvidence(
  inventory: Inventory,
  sources: EvidenceSources,
  access: Access,
): Promise<Evidence> {
  const { repositories: named, locks, packageFolders, keys = [] } = sources;
  const archs = archsOf(inventory);
  const trusted = sources.trustImageKeys === true ? [...keys, ...imageKeys(inventory)] : keys;
  const byUser = named !== undefined || locks !== undefined || packageFolders !== undefined;
  const asked = byUser ? (named ?? []) : inventory.repositories.slice(0, mostImageRepositories);
  const found = await Promise.all([
    ...(locks ?? []).map((lock) => askLock(lock, archs)),
    ...(packageFolders ?? []).map((folder) =>
      vouchersOfFolder(folder, archs, keyringOf(archs, trusted), access),
    ),
    ...asked.map((repository) =>
      askRepository(repository, byUser ? "by-user" : "by-image", archs, trusted, access),
    ),
  ]);
  const unasked = inventory.repositories.slice(byUser ? 0 : mostImageRepositories);
  const evidence: Evidence = {
    vouchers: selectVouchers(
      found.flatMap(({ vouchers }) => vouchers),
      inventory,
    ),
    repositories: [
      ...found.flatMap(({ repository }) => repository ?? []),
      ...unasked.map((repository) => describeRepository(repository, "by-image", [])),
    ],
    sources: found.reduce((sum, each) => sum + each.sources, 0),
    keys,
    contents: new Map(),
    documents: await readDocuments(inventory, access),
    notes: [
      ...found.flatMap(({ notes }) => notes ?? []),
      ...(byUser || unasked.length === 0
        ? []
        : [`${unasked.length} of the image's repositories were not asked: it names too many.`]),
    ],
  };
  if (sources.deep !== true) return evidence;
  return { ...evidence, contents: await readContents(inventory, evidence.vouchers, access) };
}

/** An image can name any number of hosts for others to ask. */
const mostImageRepositories = 32;

async function askLock(lock: LockEvidence, archs: readonly string[]): Promise<Found> {
  return { vouchers: lockedVouchers(lock, archs), sources: 1 };
}

async function askRepository(
  repository: Repository,
  named: RepositoryReport["named"],
  archs: readonly string[],
  keys: readonly Key[],
  access: Access,
): Promise<Found> {
  const indexes: IndexReport[] = [];
  const vouchers: Voucher[] = [];
  for (const arch of archs) {
    const location = showUrl(indexUrl(repository, arch));
    if (named === "by-image" && isLocalRepository(repository)) {
      // Its path means something in the image. On this machine it is anybody's.
      indexes.push({ location, arch, failure: "it is a folder inside the image" });
      continue;
    }
    try {
      const loaded = await loadIndex(repository, arch, keyringOf([arch], keys), access);
      const key = loaded.verified!.key.name;
      indexes.push({ location, arch, packages: loaded.packages.length, key });
      for (const voucher of vouchersOfIndex(loaded, arch)) vouchers.push(voucher);
    } catch (error) {
      if (named === "by-user" || !isBivyError(error) || error.code === "aborted") throw error;
      indexes.push({ location, arch, failure: `${error.message} [${error.code}]` });
    }
  }
  const read = indexes.filter(({ failure }) => failure === undefined).length;
  return { vouchers, sources: read, repository: describeRepository(repository, named, indexes) };
}

function describeRepository(
  repository: Repository,
  named: RepositoryReport["named"],
  indexes: readonly IndexReport[],
): RepositoryReport {
  const { url, tag } = repository;
  const isLocal = isLocalRepository(repository);
  return {
    url: showUrl(url),
    ...(tag === undefined ? {} : { tag }),
    kind: kindOf(url, isLocal && named === "by-image"),
    named,
    transport: isLocal ? "file" : /^https:/i.test(url) ? "https" : "http",
    indexes,
  };
}

function kindOf(url: string, isInImage: boolean): RepositoryReport["kind"] {
  if (isInImage) return "image";
  if (isAlpineRepository(url)) return "alpine";
  return isAlpineTree(url) ? "mirror" : "other";
}

function keyringOf(archs: readonly string[], keys: readonly Key[]): Keyring {
  return { keys: [...archs.flatMap(builtInKeys), ...keys] };
}

/** The keys that apk in the image trusts, as far as they can be read. */
function imageKeys(inventory: Inventory): Key[] {
  return inventory.keys
    .filter(({ trusted }) => trusted)
    .flatMap(({ name, bytes }) => {
      try {
        return [parseKey(name, decodeName(bytes))];
      } catch (error) {
        if (isBivyError(error)) return [];
        throw error;
      }
    });
}
