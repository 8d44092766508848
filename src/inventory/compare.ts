/** Comparing: what changed from one inventory to another: packages, files, settings and sizes. */
import { compareVersions, type InstalledPackage } from "../apk/index.ts";
import { compareNames } from "../base/index.ts";
import { walkTree, type FileNode, type TreeNode } from "../tree/index.ts";
import type { Inventory } from "./inventory.ts";

export type ChangeKind = "added" | "removed" | "changed";

export interface PackageChange {
  readonly name: string;
  readonly kind: "added" | "removed" | "upgraded" | "downgraded" | "rebuilt";
  readonly before?: string;
  readonly after?: string;
  /** Change of the installed size in bytes, as the databases state it. */
  readonly size: number;
}

/** What differs of a path that both have. */
export type FileAspect = "kind" | "content" | "target" | "mode" | "owner" | "device" | "xattrs";

export interface FileChange {
  readonly path: string;
  readonly kind: ChangeKind;
  readonly aspects: readonly FileAspect[];
  /** Bytes of content; 0 for what is no file. */
  readonly sizeBefore: number;
  readonly sizeAfter: number;
  /** The packages that own the path in either, by name. */
  readonly packages: readonly string[];
}

export interface SettingChange {
  /** Such as `config.Env.PATH`, `config.Cmd` or `architecture`. */
  readonly setting: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

export interface SizeTotals {
  /** Bytes of the layers as they are stored; absent where there are no layers, as for a folder. */
  readonly compressed?: number;
  /** Bytes of the files of the final tree, hard links once. */
  readonly unpacked: number;
  readonly layers: number;
  readonly files: number;
  readonly packages: number;
}

export interface InventoryDifference {
  readonly packages: readonly PackageChange[];
  readonly files: readonly FileChange[];
  readonly settings: readonly SettingChange[];
  readonly before: SizeTotals;
  readonly after: SizeTotals;
  /** Layers that both have, by diff id. */
  readonly sharedLayers: number;
}

/** Both inventories must have the SHA-256 of every file (`checksums: ["sha256"]`). Times do not count. */
export function compareInventories(before: Inventory, after: Inventory): InventoryDifference {
  const known = new Set(before.layers.map(({ diffId }) => diffId));
  return {
    packages: comparePackageSets(before, after),
    files: compareFiles(before, after),
    settings: compareSettings(before.config, after.config),
    before: totalsOf(before),
    after: totalsOf(after),
    sharedLayers: after.layers.filter(({ diffId }) => diffId !== undefined && known.has(diffId))
      .length,
  };
}

function comparePackageSets(before: Inventory, after: Inventory): PackageChange[] {
  const old = byName(before);
  const next = byName(after);
  const changes: PackageChange[] = [];
  for (const name of [...new Set([...old.keys(), ...next.keys()])].sort(compareNames)) {
    const was = old.get(name);
    const is = next.get(name);
    const size = (is?.installedSize ?? 0) - (was?.installedSize ?? 0);
    if (was === undefined) changes.push({ name, kind: "added", after: is!.version, size });
    else if (is === undefined) changes.push({ name, kind: "removed", before: was.version, size });
    else if (was.version !== is.version || was.identity !== is.identity) {
      const order = compareVersions(is.version, was.version);
      const kind = order > 0 ? "upgraded" : order < 0 ? "downgraded" : "rebuilt";
      changes.push({ name, kind, before: was.version, after: is.version, size });
    }
  }
  return changes;
}

function byName({ packages }: Inventory): Map<string, InstalledPackage> {
  return new Map(packages.map(({ installed }) => [installed.name, installed]));
}

function compareFiles(before: Inventory, after: Inventory): FileChange[] {
  const old = new Map([...walkTree(before.tree.top)].map(({ path, node }) => [path, node]));
  const changes: FileChange[] = [];
  const add = (
    path: string,
    was: TreeNode | undefined,
    is: TreeNode | undefined,
    aspects: readonly FileAspect[],
  ) => {
    const owners = [before, after].map(({ owners: each }) => each.get(path)?.package.name);
    changes.push({
      path,
      kind: was === undefined ? "added" : is === undefined ? "removed" : "changed",
      aspects,
      sizeBefore: contentSize(was),
      sizeAfter: contentSize(is),
      packages: [...new Set(owners.filter((name) => name !== undefined))],
    });
  };
  for (const { path, node } of walkTree(after.tree.top)) {
    const was = old.get(path);
    old.delete(path);
    const aspects = was === undefined ? [] : differingAspects(was, before, node, after);
    if (was === undefined || aspects.length > 0) add(path, was, node, aspects);
  }
  for (const [path, was] of old) add(path, was, undefined, []);
  return changes.sort((a, b) => compareNames(a.path, b.path));
}

function contentSize(node: TreeNode | undefined): number {
  return node?.kind === "file" ? node.content.size : 0;
}

function differingAspects(
  was: TreeNode,
  before: Inventory,
  is: TreeNode,
  after: Inventory,
): FileAspect[] {
  if (was.kind !== is.kind) return ["kind"];
  const aspects: FileAspect[] = [];
  if (was.kind === "file" && !haveSameContent(was, before, is as FileNode, after))
    aspects.push("content");
  if (was.kind === "symlink" && is.kind === "symlink" && was.target !== is.target)
    aspects.push("target");
  if ("major" in was && "major" in is && (was.major !== is.major || was.minor !== is.minor))
    aspects.push("device");
  if (was.mode !== is.mode && was.kind !== "symlink") aspects.push("mode");
  if (was.uid !== is.uid || was.gid !== is.gid) aspects.push("owner");
  if (!haveSameXattrs(was.xattrs, is.xattrs)) aspects.push("xattrs");
  return aspects;
}

function haveSameContent(
  was: FileNode,
  before: Inventory,
  is: FileNode,
  after: Inventory,
): boolean {
  if (was.content.size !== is.content.size) return false;
  return before.tree.checksumOf(was, "sha256") === after.tree.checksumOf(is, "sha256");
}

function haveSameXattrs(was: TreeNode["xattrs"], is: TreeNode["xattrs"]): boolean {
  const [old, next] = [was ?? new Map<string, Uint8Array>(), is ?? new Map<string, Uint8Array>()];
  if (old.size !== next.size) return false;
  return [...old].every(([name, value]) => {
    const other = next.get(name);
    return other !== undefined && Buffer.compare(value, other) === 0;
  });
}

/**
 * Settings by name: objects are gone into, variables are told apart by name, lists count as one. None
 * where one side is no image, and has no settings to differ in.
 */
function compareSettings(before: object | undefined, after: object | undefined): SettingChange[] {
  if (before === undefined || after === undefined) return [];
  const [old, next] = [settingsOf(before), settingsOf(after)];
  const changes: SettingChange[] = [];
  for (const setting of [...new Set([...old.keys(), ...next.keys()])].sort(compareNames)) {
    const [was, is] = [old.get(setting), next.get(setting)];
    if (JSON.stringify(was) === JSON.stringify(is)) continue;
    changes.push({
      setting,
      ...(was === undefined ? {} : { before: was }),
      ...(is === undefined ? {} : { after: is }),
    });
  }
  return changes;
}

/** What follows from the layers, and what the classic builder left of the container of its last step. */
const otherSettings = new Set([
  "rootfs",
  "history",
  "container",
  "container_config",
  "docker_version",
]);

function settingsOf(config: object): Map<string, unknown> {
  const settings = new Map<string, unknown>();
  const visit = (at: string, value: unknown): void => {
    if (at === "config.Env" && Array.isArray(value))
      for (const entry of value.map(String)) {
        const cut = entry.indexOf("=");
        settings.set(`${at}.${entry.slice(0, cut)}`, entry.slice(cut + 1));
      }
    else if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      const fields = Object.entries(value);
      // An empty object says something where it is a member of a set, as in ExposedPorts.
      if (fields.length === 0 && at.split(".").length > 2) settings.set(at, {});
      for (const [name, field] of fields)
        if (at !== "" || !otherSettings.has(name)) visit(at === "" ? name : `${at}.${name}`, field);
    } else if (!isUnset(value)) settings.set(at, value);
  };
  visit("", config);
  return settings;
}

/** Builders write what was never set in several ways. */
function isUnset(value: unknown): boolean {
  return value === null || value === undefined || value === "" || value === false;
}

function totalsOf({ layers, tree, packages }: Inventory): SizeTotals {
  const files = new Set<FileNode>();
  for (const { node } of walkTree(tree.top)) if (node.kind === "file") files.add(node);
  const sizes = layers.map(({ size }) => size);
  const compressed = sizes.reduce<number | undefined>(
    (sum, size) => (sum === undefined || size === undefined ? undefined : sum + size),
    0,
  );
  return {
    ...(compressed === undefined ? {} : { compressed }),
    unpacked: [...files].reduce((sum, { content }) => sum + content.size, 0),
    layers: layers.length,
    files: files.size,
    packages: packages.length,
  };
}
