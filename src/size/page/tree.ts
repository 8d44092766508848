/** The tree that the report's page walks: unpacked from its data, filtered by layer, grouped by package. */
import type { FileEntry, FolderEntry, PageData, SmallFilesEntry } from "./data.ts";
import { formatCount } from "./text.ts";

export interface PageNode {
  readonly name: string;
  /** From the root of its view; what is unique in it. */
  readonly path: string;
  readonly bytes: number;
  /** Files in it; 1 for a file. */
  readonly files: number;
  readonly kind: "folder" | "file" | "small-files" | "package";
  /** The layer that stores it; -1 for several. */
  readonly layer: number;
  /** The package that it belongs to; -1 for none or several. */
  readonly package: number;
  /** The largest first. */
  readonly children: readonly PageNode[];
}

/** A leaf with the folders that it stands in. */
interface Leaf {
  readonly parts: readonly string[];
  readonly entry: FileEntry | SmallFilesEntry;
}

export function folderTree(data: PageData, isShown: (layer: number) => boolean): PageNode {
  return joinLeaves("", "", "folder", leavesOf(data.root, isShown));
}

/** The packages with their files below them; what belongs to none stands last. */
export function packageTree(data: PageData, isShown: (layer: number) => boolean): PageNode {
  const groups = new Map<number, Leaf[]>();
  for (const leaf of leavesOf(data.root, isShown)) {
    const owner = leaf.entry[3];
    const group = groups.get(owner);
    if (group === undefined) groups.set(owner, [leaf]);
    else group.push(leaf);
  }
  const packages = Array.from(groups, ([owner, leaves]) => {
    const name = data.packages[owner] ?? "(no package)";
    // A space before the name keeps it apart from folders, whatever they are called.
    return joinLeaves(name, ` ${name}`, "package", leaves);
  });
  return parentOf("", "", "folder", packages);
}

function leavesOf(root: FolderEntry, isShown: (layer: number) => boolean): Leaf[] {
  const leaves: Leaf[] = [];
  const visit = (folder: FolderEntry, parts: readonly string[]): void => {
    for (const entry of folder[1])
      if (entry.length === 2) visit(entry, [...parts, entry[0]]);
      else if (isShown(entry[2])) leaves.push({ parts, entry });
  };
  visit(root, []);
  return leaves;
}

interface OpenFolder {
  readonly folders: Map<string, OpenFolder>;
  readonly entries: (FileEntry | SmallFilesEntry)[];
}

function joinLeaves(
  name: string,
  path: string,
  kind: "folder" | "package",
  leaves: readonly Leaf[],
): PageNode {
  const root: OpenFolder = { folders: new Map(), entries: [] };
  for (const { parts, entry } of leaves) {
    let folder = root;
    for (const part of parts) {
      let below = folder.folders.get(part);
      if (below === undefined)
        folder.folders.set(part, (below = { folders: new Map(), entries: [] }));
      folder = below;
    }
    folder.entries.push(entry);
  }
  return closeFolder(name, path, kind, root);
}

function closeFolder(
  name: string,
  path: string,
  kind: "folder" | "package",
  folder: OpenFolder,
): PageNode {
  const below = (child: string): string => (path === "" ? child : `${path}/${child}`);
  const children = [
    ...Array.from(folder.folders, ([child, inner]) =>
      closeFolder(child, below(child), "folder", inner),
    ),
    ...folder.entries.map((entry) => closeEntry(entry, path, below)),
  ];
  return parentOf(name, path, kind, children);
}

function closeEntry(
  [label, bytes, layer, owner]: FileEntry | SmallFilesEntry,
  folder: string,
  below: (child: string) => string,
): PageNode {
  const shared = { bytes, layer, package: owner, children: [] };
  if (typeof label === "string")
    return { name: label, path: below(label), files: 1, kind: "file", ...shared };
  const name = formatCount(label, "small file");
  // No name is empty, so that this is the path of nothing else.
  const path = `${folder}//${layer}/${owner}`;
  return { name, path, files: label, kind: "small-files", ...shared };
}

function parentOf(
  name: string,
  path: string,
  kind: "folder" | "package",
  children: readonly PageNode[],
): PageNode {
  const sum = { bytes: 0, files: 0 };
  for (const { bytes, files } of children) {
    sum.bytes += bytes;
    sum.files += files;
  }
  return {
    name,
    path,
    kind,
    ...sum,
    layer: common(children.map(({ layer }) => layer)),
    package: common(children.map((child) => child.package)),
    children: children.toSorted((a, b) => b.bytes - a.bytes || (a.path < b.path ? -1 : 1)),
  };
}

/** What all have in common; -1 where they differ. */
function common(values: readonly number[]): number {
  const [first = -1] = values;
  return values.every((value) => value === first) ? first : -1;
}

/** The nodes from the root to a path, as far as they are there. */
export function nodesTo(root: PageNode, path: string): PageNode[] {
  const nodes = [root];
  for (;;) {
    const next = nodes
      .at(-1)!
      .children.find((child) => path === child.path || path.startsWith(`${child.path}/`));
    if (next === undefined) return nodes;
    nodes.push(next);
  }
}

export interface Found {
  /** The largest first, and no more than were asked for. */
  readonly nodes: readonly PageNode[];
  readonly count: number;
  /** Bytes of all files found; what is in a folder that was found counts with it. */
  readonly bytes: number;
  /** All that were found, what is in them, and the folders that they are in. */
  readonly related: ReadonlySet<PageNode>;
}

/** The files and folders whose path has a text in it, in whatever case. */
export function searchTree(root: PageNode, text: string, most: number): Found {
  const wanted = text.toLowerCase();
  const nodes: PageNode[] = [];
  const related = new Set<PageNode>();
  let bytes = 0;
  /** Says whether anything was found in the folder. */
  const visit = (folder: PageNode, isInFound: boolean): boolean => {
    let hasFound = false;
    for (const node of folder.children) {
      const isFound =
        node.kind !== "small-files" && node.path.trimStart().toLowerCase().includes(wanted);
      if (isFound) nodes.push(node);
      if (isFound && !isInFound) bytes += node.bytes;
      const holdsFound = visit(node, isInFound || isFound);
      if (isFound || isInFound || holdsFound) related.add(node);
      hasFound ||= isFound || holdsFound;
    }
    return hasFound;
  };
  visit(root, false);
  const ranked = nodes.sort((a, b) => b.bytes - a.bytes || (a.path < b.path ? -1 : 1));
  return { nodes: ranked.slice(0, most), count: nodes.length, bytes, related };
}
