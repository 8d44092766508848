/** Vouchers: statements of indexes, locks and package files that a name and version is a certain build. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  addressIn,
  identityKey,
  openPackage,
  type Access,
  type Keyring,
  type LoadedIndex,
  type Package,
  type PackageAddress,
  type PackageSource,
} from "../apk/index.ts";
import {
  BivyError,
  compareNames,
  fileContent,
  fileError,
  isBivyError,
  type Limits,
} from "../base/index.ts";
import type { Inventory } from "../inventory/index.ts";
import type { Proof, RepositoryReport } from "./report.ts";

export interface Voucher {
  readonly by: Proof["by"];
  readonly subject: string;
  readonly name: string;
  readonly version: string;
  readonly identity: string;
  /** File name of the key that signed; absent where a lock has the package without one. */
  readonly key?: string;
  /** Where the package itself can be had. */
  readonly package: () => PackageAddress | PackageSource;
}

/** A package as a lock has it. */
export interface LockedPackage {
  readonly package: Package;
  readonly arch: string;
  /** A path or a URL. */
  readonly location: string;
  /** The key that vouched for it when it was locked; absent where none did. */
  readonly signedBy?: string;
  /** A kept copy. */
  readonly source?: PackageSource;
}

export interface LockEvidence {
  /** The lock file, for messages. */
  readonly subject: string;
  readonly packages: readonly LockedPackage[];
}

/** What one source of evidence gave. */
export interface Found {
  readonly vouchers: readonly Voucher[];
  /** How many indexes, locks or package files could be read. */
  readonly sources: number;
  readonly repository?: RepositoryReport;
  readonly notes?: readonly string[];
}

export function vouchersOfIndex(index: LoadedIndex, arch: string): Voucher[] {
  const { repository, location, verified } = index;
  return index.packages.map((subject) => ({
    by: "index",
    subject: location,
    name: subject.name,
    version: subject.version,
    identity: subject.identity,
    ...(verified === undefined ? {} : { key: verified.key.name }),
    package: () => addressIn(repository, arch, subject),
  }));
}

/** A lock has packages for each architecture, under the same names. */
export function lockedVouchers(lock: LockEvidence, archs: readonly string[]): Voucher[] {
  return lock.packages
    .filter(({ arch }) => archs.includes(arch))
    .map(({ package: subject, location, signedBy, source }) => ({
      by: "lock",
      subject: lock.subject,
      name: subject.name,
      version: subject.version,
      identity: subject.identity,
      ...(signedBy === undefined ? {} : { key: signedBy }),
      package: () => source ?? { package: subject, location },
    }));
}

/** The packages in a folder and those below it, each by its own signature; one of them must count. */
export async function vouchersOfFolder(
  folder: string,
  archs: readonly string[],
  keyring: Keyring,
  { limits, signal }: Access,
): Promise<Found> {
  const vouchers: Voucher[] = [];
  const failures: BivyError[] = [];
  let read = 0;
  for (const path of await findPackages(folder)) {
    signal?.throwIfAborted();
    try {
      const voucher = await vouchFor(path, keyring, limits);
      read += 1;
      if (voucher.arch === "noarch" || archs.includes(voucher.arch)) vouchers.push(voucher);
    } catch (error) {
      if (!isBivyError(error)) throw error;
      failures.push(error);
    }
  }
  if (read === 0) throw failures[0] ?? noPackages(folder);
  const notes = failures.map(({ message, code }) => `${message} [${code}]`);
  return { vouchers, sources: read, notes };
}

function noPackages(folder: string): BivyError {
  return new BivyError("file-not-found", `${folder}: expected packages (.apk), found none`, {
    hint: "Name the folder that bivy lock --vendor wrote, or another that holds signed packages.",
  });
}

async function vouchFor(
  path: string,
  keyring: Keyring,
  limits: Limits,
): Promise<Voucher & { readonly arch: string }> {
  const { size } = await stat(path).catch((error: unknown) => {
    throw fileError(error, "reading", path);
  });
  const source = { subject: path, open: () => fileContent(path, size).chunks() };
  const opened = await openPackage(source, { by: "signature", keyring }, limits);
  await opened.close();
  const { info, identity, verified } = opened;
  return {
    by: "package",
    subject: path,
    name: info.name,
    version: info.version,
    arch: info.arch,
    identity,
    key: verified!.key.name,
    package: () => source,
  };
}

async function findPackages(folder: string): Promise<string[]> {
  const found: string[] = [];
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw fileError(error, "reading", folder);
  });
  for (const entry of entries.toSorted((a, b) => compareNames(a.name, b.name))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...(await findPackages(path)));
    else if (entry.name.endsWith(".apk")) found.push(path);
  }
  return found;
}

/** Those that say something about the packages of an image: an index has thousands of others. */
export function selectVouchers(vouchers: readonly Voucher[], inventory: Inventory): Voucher[] {
  const names = new Set(inventory.packages.map(({ installed }) => installed.name));
  const identities = new Set(
    inventory.packages.map(({ installed }) => identityKey(installed.identity)),
  );
  return vouchers.filter(
    ({ name, identity }) => names.has(name) || identities.has(identityKey(identity)),
  );
}
