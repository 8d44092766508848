/** Comparing: what stands in the tree, with what a package or its record in the database says of it. */
import {
  tryParseChecksum,
  type InstalledDirectory,
  type InstalledFile,
  type InstalledPackage,
  xattrChecksum,
} from "../apk/index.ts";
import { encodeName, equalBytes, hashBytes } from "../base/index.ts";
import type { ChecksumAlgorithm, LayeredTree, TreeNode } from "../tree/index.ts";
import type { Difference, EntryKind } from "./report.ts";
import { packageXattrs, type Xattrs } from "./package-xattrs.ts";

/** A checksum, or as many of its first bytes as were kept. */
export interface Checksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly bytes: Uint8Array;
}

/** What is said of a file, folder or link. */
export interface Expectation {
  /** Absent where it is not said: the database tells folders from the rest, and no more. */
  readonly kind?: EntryKind;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Of the content of a file, or of the target of a symlink. */
  readonly checksum?: Checksum;
  /** Of the extended attributes; absent where there are none. */
  readonly xattrs?: Checksum;
  readonly device?: { readonly major: number; readonly minor: number };
}

/** What can be compared at all in a tree. */
export interface Comparable {
  readonly owners: boolean;
  readonly xattrs: boolean;
}

export interface Comparison {
  readonly differences: readonly Difference[];
  /** Why the content cannot be proven, though nothing differs. */
  readonly unprovable?: string;
}

/** The checksum in a record; a package may be flagged as having the start of SHA-256 in place of SHA-1. */
export function recordChecksum(text: string, subject: InstalledPackage): Checksum | undefined {
  const bytes = tryParseChecksum(text);
  if (bytes?.byteLength === 32) return { algorithm: "sha256", bytes };
  if (bytes?.byteLength !== 20) return undefined;
  return { algorithm: subject.flags.shortSha256 ? "sha256" : "sha1", bytes };
}

/** Whether the checksums in these packages' records are of SHA-256, and not only of SHA-1. */
export function needsSha256(packages: readonly InstalledPackage[]): boolean {
  return packages.some(
    (subject) =>
      subject.flags.shortSha256 ||
      subject.directories.some(({ files }) =>
        files.some(
          ({ checksum }) =>
            checksum !== undefined && recordChecksum(checksum, subject)?.algorithm === "sha256",
        ),
      ),
  );
}

export function expectationOf(
  record: InstalledFile | InstalledDirectory,
  subject: InstalledPackage,
): Expectation {
  const { mode, uid, gid, xattrHash } = record;
  const checksum = "checksum" in record ? record.checksum : undefined;
  return {
    ...("files" in record ? { kind: "directory" } : {}),
    mode,
    uid,
    gid,
    ...optional("checksum", checksum, subject),
    ...optional("xattrs", xattrHash, subject),
  };
}

function optional(
  field: "checksum" | "xattrs",
  text: string | undefined,
  subject: InstalledPackage,
): { checksum?: Checksum; xattrs?: Checksum } {
  const checksum = text === undefined ? undefined : recordChecksum(text, subject);
  return checksum === undefined ? {} : { [field]: checksum };
}

export function compareNode(
  node: TreeNode,
  expected: Expectation,
  tree: LayeredTree,
  comparable: Comparable,
): Comparison {
  if (!kindsFit(node, expected))
    return {
      differences: [{ aspect: "kind", expected: expected.kind ?? "file", found: node.kind }],
    };
  const content = compareContent(node, expected, tree);
  return {
    ...content,
    differences: [
      ...content.differences,
      ...compareAttributes(node, expected),
      ...(comparable.owners ? compareOwner(node, expected) : []),
      ...(comparable.xattrs ? compareXattrs(node.xattrs, expected) : []),
    ],
  };
}

function kindsFit(node: TreeNode, { kind }: Expectation): boolean {
  return kind === undefined ? node.kind !== "directory" : kind === node.kind;
}

function compareContent(node: TreeNode, expected: Expectation, tree: LayeredTree): Comparison {
  const { checksum } = expected;
  switch (node.kind) {
    case "file": {
      if (checksum === undefined) return noChecksum;
      const found = tree.checksumOf(node, checksum.algorithm);
      if (found === undefined)
        return { differences: [], unprovable: `its ${checksum.algorithm} was not computed` };
      return compareChecksum("content", checksum, Buffer.from(found, "hex"));
    }
    case "symlink":
      if (checksum === undefined) return noChecksum;
      return compareChecksum(
        "target",
        checksum,
        hashBytes(checksum.algorithm, encodeName(node.target)),
      );
    case "character":
    case "block":
      return compareDevice(node, expected);
    default:
      // Of a pipe there is nothing but its attributes, which is what the database has of it.
      return checksum === undefined ? nothingDiffers : wrongKind(node);
  }
}

const nothingDiffers: Comparison = { differences: [] };
const noChecksum: Comparison = {
  differences: [],
  unprovable: "the database has no checksum of it",
};

function wrongKind(node: TreeNode): Comparison {
  return { differences: [{ aspect: "kind", expected: "file", found: node.kind }] };
}

function compareChecksum(
  aspect: "content" | "target",
  { algorithm, bytes }: Checksum,
  found: Uint8Array,
): Comparison {
  if (equalBytes(found.subarray(0, bytes.byteLength), bytes)) return nothingDiffers;
  const text = (sum: Uint8Array) => `${algorithm}:${Buffer.from(sum).toString("hex")}`;
  return {
    differences: [
      { aspect, expected: text(bytes), found: text(found.subarray(0, bytes.byteLength)) },
    ],
  };
}

function compareDevice(
  node: TreeNode & { kind: "character" | "block" },
  { device, checksum }: Expectation,
): Comparison {
  if (checksum !== undefined) return wrongKind(node);
  // The database has no numbers of devices, so that one that it lists could be any.
  if (device === undefined)
    return { differences: [], unprovable: "the database has no device numbers" };
  if (device.major === node.major && device.minor === node.minor) return nothingDiffers;
  return {
    differences: [
      {
        aspect: "device",
        expected: `${device.major}:${device.minor}`,
        found: `${node.major}:${node.minor}`,
      },
    ],
  };
}

/** The mode of a symlink means nothing, and layers carry it in different ways. */
function compareAttributes(node: TreeNode, { mode }: Expectation): Difference[] {
  if (node.kind === "symlink" || node.mode === mode) return [];
  return [{ aspect: "mode", expected: formatMode(mode), found: formatMode(node.mode) }];
}

export function formatMode(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

function compareOwner(node: TreeNode, { uid, gid }: Expectation): Difference[] {
  if (node.uid === uid && node.gid === gid) return [];
  return [{ aspect: "owner", expected: `${uid}:${gid}`, found: `${node.uid}:${node.gid}` }];
}

function compareXattrs(found: Xattrs | undefined, { xattrs }: Expectation): Difference[] {
  const ours = packageXattrs(found);
  const names = [...ours.keys()].sort().join(", ") || "none";
  if (xattrs === undefined)
    return ours.size === 0 ? [] : [{ aspect: "xattrs", expected: "none", found: names }];
  const sum = xattrChecksum(ours, xattrs.algorithm);
  if (ours.size > 0 && equalBytes(sum.subarray(0, xattrs.bytes.byteLength), xattrs.bytes))
    return [];
  return [{ aspect: "xattrs", expected: "as packaged", found: names }];
}
