/** Places: what stands at a path of an image, through which links it is found, and which layers had it before. */
import { baseName, isBivyError, joinPath, parentPath, plainPath } from "../base/index.ts";
import type { FileOwner, Inventory } from "../inventory/index.ts";
import {
  findNode,
  resolveInRoot,
  walkTree,
  type DirectoryNode,
  type LayeredTree,
  type TreeNode,
} from "../tree/index.ts";

/** A symbolic link that a path leads through: as one of its folders, or at its end. */
export interface FollowedLink {
  /** Plain path of the link. */
  readonly path: string;
  readonly target: string;
  readonly owner?: FileOwner;
  readonly layer?: number;
  /** What stood at its path before, lowest layer first. */
  readonly former: readonly FormerNode[];
}

/** What stood at a path until a layer replaced or removed it. */
export interface FormerNode {
  readonly node: TreeNode;
  /** The layer that brought it; lowest 0. */
  readonly layer: number;
  /** The layer that replaced or removed it. */
  readonly until: number;
}

export interface Place {
  /** As it was asked for, without what means nothing; it may go up with `..`. */
  readonly path: string;
  /** In the order in which they are followed. */
  readonly links: readonly FollowedLink[];
  /** The one of them that stands at the path itself, not above it or behind another link. */
  readonly link?: FollowedLink;
  /** Plain path without links; undefined where links lead in a circle. */
  readonly end: string | undefined;
  /** What stands at the end; undefined where nothing does. */
  readonly node: TreeNode | undefined;
  readonly layer?: number;
  /** The package that has the path in the database, also where nothing stands there. */
  readonly owner?: FileOwner;
  /** What stood at the end before, lowest layer first. */
  readonly former: readonly FormerNode[];
  /** The layer that removed what stood there; absent where something stands, or nothing ever did. */
  readonly removedIn?: number;
}

/** Follows a path, absolute or from the root, to where it ends. */
export function findPlace(inventory: Inventory, asked: string): Place {
  const { top } = inventory.tree;
  const { end, links: followed } = follow(top, asked);
  const links = followed.map((link): FollowedLink => ({
    ...link,
    ...ownerAndLayer(inventory, link.path),
    former: formerNodes(inventory, link.path),
  }));
  const path = plainPath(asked);
  const folder = follow(top, parentPath(path)).end;
  const link = links.find((each) => each.path === joinPath(folder ?? "", baseName(path)));
  const node = end === undefined ? undefined : findNode(top, end);
  const former = end === undefined ? [] : formerNodes(inventory, end);
  const removedIn = node === undefined ? former.at(-1)?.until : undefined;
  return {
    path,
    links,
    ...(link === undefined ? {} : { link }),
    end,
    node,
    ...(end === undefined ? {} : ownerAndLayer(inventory, end)),
    former,
    ...(removedIn === undefined ? {} : { removedIn }),
  };
}

interface Followed {
  /** Undefined where the links lead in a circle. */
  readonly end: string | undefined;
  readonly links: readonly { readonly path: string; readonly target: string }[];
}

/** Follows all links of a path, in a tree. */
export function follow(top: DirectoryNode, path: string): Followed {
  const links: { path: string; target: string }[] = [];
  const lookup = (each: string): TreeNode | undefined => {
    const node = findNode(top, each);
    if (node?.kind === "symlink") links.push({ path: each, target: node.target });
    return node;
  };
  try {
    return { end: resolveInRoot({ lookup }, path), links };
  } catch (error) {
    if (isBivyError(error, "path-unsafe")) return { end: undefined, links };
    throw error;
  }
}

function ownerAndLayer(
  { owners, tree }: Inventory,
  path: string,
): Pick<FollowedLink, "owner" | "layer"> {
  const owner = owners.get(path);
  const layer = tree.layerOf(path);
  return {
    ...(owner === undefined ? {} : { owner }),
    ...(layer === undefined ? {} : { layer }),
  };
}

function formerNodes({ tree }: Inventory, path: string): readonly FormerNode[] {
  const former: FormerNode[] = [];
  for (const [until, { changes }] of tree.layers.entries())
    for (const { path: changed, before, beforeLayer } of changes)
      // What a layer replaced of its own never was in an image.
      if (changed === path && beforeLayer < until)
        former.push({ node: before, layer: beforeLayer, until });
  return former;
}

/** The plain paths with this last part: those of the image, then those that layers removed. */
export function pathsNamed({ tree }: Inventory, name: string, most: number): readonly string[] {
  const found = new Set<string>();
  for (const path of knownPaths(tree)) {
    if (baseName(path) === name) found.add(path);
    if (found.size === most) break;
  }
  return [...found];
}

function* knownPaths({ top, layers }: LayeredTree): Generator<string> {
  for (const { path } of walkTree(top)) yield path;
  for (const { changes } of layers)
    for (const { path, kind } of changes) if (kind === "removed") yield path;
}
