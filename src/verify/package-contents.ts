/** Package contents: what a package itself has, to hold the image's database against. */
import {
  fetchPackage,
  identityKey,
  openPackage,
  type Access,
  type PackageSource,
  type ScriptKind,
  xattrChecksum,
} from "../apk/index.ts";
import type { TarEntry, TarHeader } from "../archive/index.ts";
import {
  BivyError,
  encodeName,
  hashBytes,
  isBivyError,
  parseEntryPath,
  startHash,
  type Limits,
} from "../base/index.ts";
import type { Inventory } from "../inventory/index.ts";
import type { Expectation } from "./compare.ts";
import { judgeBy } from "./judgement.ts";
import type { Voucher } from "./voucher.ts";
import { packageXattrs } from "./package-xattrs.ts";

export interface PackagedEntry extends Expectation {
  /** Names count by what etc/passwd and etc/group of the root say; "" where there are none. */
  readonly userName: string;
  readonly groupName: string;
}

export interface PackageContents {
  readonly kind: "contents";
  /** By plain path, as the package writes it. */
  readonly entries: ReadonlyMap<string, PackagedEntry>;
  readonly scripts: ReadonlyMap<ScriptKind, Uint8Array>;
}

/** By the key of the identity. */
export type ContentsByPackage = ReadonlyMap<string, PackageContents | Unavailable>;

export interface Unavailable {
  readonly kind: "unavailable";
  readonly reason: string;
}

/** Packages that are read at once. */
const atOnce = 4;

/** Fetches and reads every package that the vouchers prove. */
export async function readContents(
  inventory: Inventory,
  vouchers: readonly Voucher[],
  access: Access,
): Promise<ContentsByPackage> {
  const judge = judgeBy({ vouchers, sources: 1, incomplete: false });
  const pending = inventory.packages.flatMap(({ installed }) => {
    const { vouchers: proving } = judge(installed);
    return proving === undefined || installed.installedSize === 0
      ? []
      : [{ identity: installed.identity, proving }];
  });
  const contents = new Map<string, PackageContents | Unavailable>();
  const work = async () => {
    for (let next = pending.shift(); next !== undefined; next = pending.shift())
      contents.set(identityKey(next.identity), await readFirst(next.proving, access));
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return contents;
}

/** From the first place that has it: mirrors drop packages that their old indexes still name. */
async function readFirst(
  vouchers: readonly Voucher[],
  access: Access,
): Promise<PackageContents | Unavailable> {
  const reasons: string[] = [];
  for (const voucher of vouchers)
    try {
      const place = voucher.package();
      const source = "open" in place ? place : await fetchPackage(place, access);
      return await readPackage(source, voucher.identity, access.limits);
    } catch (error) {
      if (!isBivyError(error) || error.code === "aborted") throw error;
      reasons.push(`${error.message} [${error.code}]`);
    }
  return { kind: "unavailable", reason: reasons[0]! };
}

/** Reads a package to its end; all of it is verified when the promise resolves. */
async function readPackage(
  source: PackageSource,
  identity: string,
  limits: Limits,
): Promise<PackageContents> {
  const opened = await openPackage(source, { by: "identity", identity }, limits);
  try {
    const entries = new Map<string, PackagedEntry>();
    for await (const entry of opened.data()) {
      const path = parseEntryPath(entry.header.path, source.subject);
      entries.set(path, await describeEntry(entry, entries, source.subject));
    }
    return { kind: "contents", entries, scripts: opened.scripts };
  } catch (error) {
    await source.reject?.();
    throw error;
  } finally {
    await opened.close();
  }
}

async function describeEntry(
  entry: TarEntry,
  before: ReadonlyMap<string, PackagedEntry>,
  subject: string,
): Promise<PackagedEntry> {
  const { header } = entry;
  if (header.type === "hardlink") {
    const linked = before.get(parseEntryPath(header.linkPath, subject));
    if (linked !== undefined) return linked;
    throw new BivyError(
      "package-invalid",
      `${subject}: ${header.path} is a hard link to ${header.linkPath}, which is not an earlier file of it`,
      { hint: "The package is damaged; tell its maker." },
    );
  }
  const common = { ...attributesOf(header), kind: header.type };
  switch (header.type) {
    case "file":
      return { ...common, checksum: { algorithm: "sha1", bytes: await hashContent(entry) } };
    case "symlink": {
      const bytes = hashBytes("sha1", encodeName(header.linkPath));
      return { ...common, checksum: { algorithm: "sha1", bytes } };
    }
    case "character":
    case "block":
      return { ...common, device: { major: header.deviceMajor, minor: header.deviceMinor } };
    default:
      return common;
  }
}

function attributesOf(header: TarHeader) {
  const { mode, uid, gid, userName, groupName } = header;
  const xattrs = packageXattrs(header.xattrs);
  if (xattrs.size === 0) return { mode, uid, gid, userName, groupName };
  const checksum = { algorithm: "sha1" as const, bytes: xattrChecksum(xattrs, "sha1") };
  return { mode, uid, gid, userName, groupName, xattrs: checksum };
}

async function hashContent(entry: TarEntry): Promise<Uint8Array> {
  const hash = startHash("sha1");
  for await (const chunk of entry.chunks()) hash.update(chunk);
  return hash.bytes();
}
