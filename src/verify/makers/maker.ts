/**
 * Makers: who makes files in an image that no package has. A maker recognises a path by an exact rule,
 * and proves the file to be what it makes there as far as that is possible. The list is kept short: what
 * no rule proves is better reported once too often.
 */
import type { TreeNode } from "../../tree/index.ts";
import type { Claims } from "../claims.ts";
import type { Comparable } from "../compare.ts";
import type { Documents } from "../documents.ts";
import type { ContentsByPackage } from "../package-contents.ts";
import type { FileReport, KeyReport } from "../report.ts";
import type { Inventory } from "../../inventory/index.ts";

/** What makers can look at. */
export interface Scene {
  readonly inventory: Inventory;
  readonly claims: Claims;
  readonly documents: Documents;
  readonly contents: ContentsByPackage;
  /** The files and folders of packages, judged. */
  readonly owned: ReadonlyMap<string, FileReport>;
  /** The keys in the image, judged, by path. */
  readonly keys: ReadonlyMap<string, KeyReport>;
  readonly comparable: Comparable;
}

/** Whether something belongs to root, as far as owners are known. */
export function isRoots(
  { uid, gid }: TreeNode,
  { comparable }: Pick<Scene, "comparable">,
): boolean {
  return !comparable.owners || (uid === 0 && gid === 0);
}

export interface Recognition {
  /** Such as `apk` or `busybox`. */
  readonly maker: string;
  /** Whether it is proven to be what the maker makes; else it only stands where such files stand. */
  readonly verified: boolean;
  readonly reason: string;
  /** Something about it does not fit, which may be the fault of something else. */
  readonly doubtful?: true;
}

/** It stands where the maker's files stand, and is proven not to be one. */
export interface Refusal {
  readonly refused: string;
}

/** Undefined for what the maker does not know. */
export type Maker = (path: string, node: TreeNode) => Recognition | Refusal | undefined;

/** Whether a path is an unchanged file of a package. */
export function isIntact(path: string, { owned }: Scene): boolean {
  return owned.get(path)?.state === "packaged";
}
