/**
 * Records: the database's list of a package's files, held against the package itself. A database that
 * was edited together with a file agrees with the file; it does not agree with the package.
 */
import { parseAccounts, tryParseChecksum, type InstalledPackage } from "../apk/index.ts";
import { decodeName, equalBytes, joinPath } from "../base/index.ts";
import { formatMode, recordChecksum, type Expectation } from "./compare.ts";
import type { Documents } from "./documents.ts";
import type { PackageContents, PackagedEntry } from "./package-contents.ts";
import type { RecordDifference } from "./report.ts";

/** Users and groups of the root, by name. */
export interface AccountIds {
  readonly users: ReadonlyMap<string, number>;
  readonly groups: ReadonlyMap<string, number>;
}

export function readAccountIds(documents: Documents): AccountIds {
  const read = (file: "passwd" | "group") => {
    const text = decodeName(documents.get(`etc/${file}`) ?? new Uint8Array(0));
    return new Map([...parseAccounts(text, file)].map(([name, { id }]) => [name, id]));
  };
  return { users: read("passwd"), groups: read("group") };
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Who a file belongs to: names count by the accounts there were, which may be gone; then by the numbers. */
function ownersOf(entry: PackagedEntry, { users, groups }: AccountIds): readonly Owner[] {
  const uids = [users.get(entry.userName) ?? entry.uid, entry.uid];
  const gids = [groups.get(entry.groupName) ?? entry.gid, entry.gid];
  return uids.flatMap((uid) => gids.map((gid) => ({ uid, gid })));
}

/** What the package says of a file, with the owner of the record where the package allows that one. */
export function packagedExpectation(
  entry: PackagedEntry,
  record: Owner,
  accounts: AccountIds,
): Expectation {
  const owners = ownersOf(entry, accounts);
  const owner = owners.find(({ uid, gid }) => uid === record.uid && gid === record.gid);
  return { ...entry, ...(owner ?? owners[0]!) };
}

/** `others` are the paths that other packages have: one of them may have replaced a file of this one. */
export function compareRecords(
  subject: InstalledPackage,
  contents: PackageContents,
  others: ReadonlySet<string>,
  accounts: AccountIds,
): RecordDifference[] {
  const differences: RecordDifference[] = [];
  const recorded = new Set<string>();
  for (const directory of subject.directories)
    for (const file of directory.files) {
      const path = joinPath(directory.path, file.name);
      recorded.add(path);
      const entry = contents.entries.get(path);
      if (entry === undefined || entry.kind === "directory") {
        differences.push({ path, kind: "invented", text: "the package has no such file" });
        continue;
      }
      const texts = [
        ...compareChecksums(file.checksum, entry, subject),
        ...compareOwnership(file, entry, accounts),
      ];
      if (texts.length > 0) differences.push({ path, kind: "edited", text: texts.join("; ") });
    }
  for (const [path, { kind }] of contents.entries)
    if (kind !== "directory" && !recorded.has(path) && !others.has(path))
      differences.push({ path, kind: "omitted", text: "the database leaves out this file" });
  return differences;
}

/** A record without a checksum, or with one of another kind, says nothing that could be wrong. */
function compareChecksums(
  text: string | undefined,
  { checksum }: PackagedEntry,
  subject: InstalledPackage,
): string[] {
  if (text === undefined || checksum === undefined) return [];
  const recorded = recordChecksum(text, subject);
  if (recorded !== undefined && recorded.algorithm !== checksum.algorithm) return [];
  if (equalBytes(tryParseChecksum(text) ?? new Uint8Array(0), checksum.bytes)) return [];
  const hex = Buffer.from(checksum.bytes).toString("hex");
  return [`the package's content is ${checksum.algorithm}:${hex}, the record says another`];
}

function compareOwnership(
  record: Owner & { readonly mode: number },
  entry: PackagedEntry,
  accounts: AccountIds,
): string[] {
  const texts: string[] = [];
  if (entry.kind !== "symlink" && record.mode !== entry.mode)
    texts.push(
      `mode ${formatMode(entry.mode)} in the package, ${formatMode(record.mode)} recorded`,
    );
  const owners = ownersOf(entry, accounts);
  if (!owners.some(({ uid, gid }) => uid === record.uid && gid === record.gid))
    texts.push(
      `owner ${owners[0]!.uid}:${owners[0]!.gid} in the package, ${record.uid}:${record.gid} recorded`,
    );
  return texts;
}
