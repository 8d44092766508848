/**
 * Unowned files: the regular files of a tree that no installed package has.
 *
 * A symlink holds nothing of its own, and what it leads to is counted for itself, so links (BusyBox's
 * applets among them) do not count; nor do folders and devices. Not counted either is what packages
 * never have and every root has all the same: apk's own files, what is mounted over or left by container
 * runtimes, and what the scripts of Alpine's packages make of packaged files. That is judged by the path
 * alone: whether such a file is what it should be is for `bivy verify` to prove.
 */
import { joinPath } from "../base/index.ts";
import { walkTree, type FileNode } from "../tree/index.ts";
import type { Inventory } from "./inventory.ts";

export interface UnownedFile {
  readonly path: string;
  /** Bytes of its content. */
  readonly size: number;
  /** The layer that brought it; lowest 0. */
  readonly layer?: number;
}

export interface UnownedFiles {
  readonly count: number;
  /** Bytes of their contents in all. */
  readonly bytes: number;
  /** The first of them, in the order of their paths. */
  readonly files: readonly UnownedFile[];
}

/** More than anybody reads. */
const mostListed = 1000;

/**
 * The files without an owner, each once: a file with several names is owned where one of them is. At
 * most `most` are listed. Throws as `Inventory.owners` does.
 */
export function unownedFiles(inventory: Inventory, most = mostListed): UnownedFiles {
  const { tree, owners } = inventory;
  const unowned = new Map<FileNode, string>();
  const owned = new Set<FileNode>();
  for (const { path, node } of walkTree(tree.top)) {
    if (node.kind !== "file") continue;
    if (owners.get(path)?.file !== undefined || isKept(path, inventory)) owned.add(node);
    else if (!unowned.has(node)) unowned.set(node, path);
  }
  const files: UnownedFile[] = [];
  let count = 0;
  let bytes = 0;
  for (const [node, path] of unowned) {
    if (owned.has(node)) continue;
    const { size } = node.content;
    count += 1;
    bytes += size;
    if (files.length >= most) continue;
    const layer = tree.layerOf(path);
    files.push({ path, size, ...(layer === undefined ? {} : { layer }) });
  }
  return { count, bytes, files };
}

const apkFile =
  /^(?:(?:usr\/)?lib\/apk\/(?:db|exec|keys)\/|etc\/apk\/(?:world|arch|repositories|repositories\.d\/.+|keys\/.+|protected_paths\.d\/.+)$|var\/cache\/apk\/|var\/log\/apk\.log$)/;
/** File systems are mounted over these. */
const mountedFile = /^(?:dev|proc|sys|run|var\/run)\//;
const runtimeFile = /^(?:\.dockerenv|etc\/(?:hostname|hosts|resolv\.conf))$/;
/** Copies that adduser keeps, and the bundle of ca-certificates' trigger. */
const scriptFile = /^etc\/(?:(?:group|passwd|shadow)-|ssl\/certs\/ca-certificates\.crt)$/;

function isKept(path: string, { databasePath }: Inventory): boolean {
  if (databasePath !== undefined && path.startsWith(joinPath(databasePath, ""))) return true;
  return [apkFile, mountedFile, runtimeFile, scriptFile].some((each) => each.test(path));
}
