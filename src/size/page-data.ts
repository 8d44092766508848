/**
 * Page data: the files of a report in as few bytes as a page can carry.
 *
 * An image may have a hundred thousand files, of which a screen shows a few thousand. So the largest
 * files and folders are kept, as many as fit into a budget, and all others are summed up in the nearest
 * folder that is kept, by layer and package. A folder is never smaller than what is in it, so taking
 * the largest first never takes a file without its folders.
 */
import { compareNames } from "../base/index.ts";
import type { FileSize } from "./folder-size.ts";
import type { SizeReport } from "./measure.ts";
import type { FolderEntry, PageData, PageEntry, SmallFilesEntry } from "./page/data.ts";

/** Bytes of JSON for the entries that are kept. */
const entryBudget = 1_500_000;
/** Sums of small files; when there are more, layer and package are left out of them. */
const mostSums = 15_000;
/** Bytes of JSON for the names of layers, and for those of packages. */
const labelBudget = 100_000;

interface Folder {
  readonly name: string;
  readonly depth: number;
  readonly folders: Map<string, Folder>;
  readonly files: File[];
  bytes: number;
  isKept: boolean;
}

interface File {
  readonly name: string;
  readonly depth: number;
  readonly bytes: number;
  readonly layer: number;
  readonly package: number;
  isKept: boolean;
}

export function pageData(report: SizeReport): PageData {
  const packages = report.packages?.packages ?? [];
  const root = buildTree(report.files, new Map(packages.map(({ name }, index) => [name, index])));
  keepLargest(root);
  const sums = { count: 0 };
  const entry = encodeFolder(root, true, sums);
  return {
    root: sums.count > mostSums ? encodeFolder(root, false, sums) : entry,
    layers: shortened(
      report.layers.map(({ instruction, comment }) => instruction ?? comment ?? ""),
    ),
    packages: shortened(packages.map(({ name, version }) => `${name} ${version}`)),
  };
}

function buildTree(files: readonly FileSize[], packages: ReadonlyMap<string, number>): Folder {
  const root = openFolder("", 0);
  for (const { path, bytes, layer, package: owner } of files) {
    const parts = path.split("/");
    const name = parts.pop()!;
    let folder = root;
    folder.bytes += bytes;
    for (const part of parts) {
      let below = folder.folders.get(part);
      if (below === undefined)
        folder.folders.set(part, (below = openFolder(part, folder.depth + 1)));
      folder = below;
      folder.bytes += bytes;
    }
    folder.files.push({
      name,
      depth: folder.depth + 1,
      bytes,
      layer,
      package: owner === undefined ? -1 : (packages.get(owner) ?? -1),
      isKept: false,
    });
  }
  return root;
}

function openFolder(name: string, depth: number): Folder {
  return { name, depth, folders: new Map(), files: [], bytes: 0, isKept: false };
}

/** Marks the largest files and folders, until the budget is spent. */
function keepLargest(root: Folder): void {
  const all: (Folder | File)[] = [];
  const folders = [root];
  for (const folder of folders) {
    all.push(folder);
    for (const file of folder.files) all.push(file);
    for (const below of folder.folders.values()) folders.push(below);
  }
  all.sort((a, b) => b.bytes - a.bytes || a.depth - b.depth || compareNames(a.name, b.name));
  let spent = 0;
  for (const each of all) {
    spent += jsonSize(each.name) + 24;
    if (spent > entryBudget) break;
    each.isKept = true;
  }
  root.isKept = true;
}

function encodeFolder(folder: Folder, withOrigin: boolean, sums: { count: number }): FolderEntry {
  const entries: PageEntry[] = [];
  const small = new Map<string, [number, number, number, number]>();
  const addSmall = (file: File): void => {
    const [layer, owner] = withOrigin ? [file.layer, file.package] : [-1, -1];
    const key = `${layer} ${owner}`;
    let sum = small.get(key);
    if (sum === undefined) small.set(key, (sum = [0, 0, layer, owner]));
    sum[0] += 1;
    sum[1] += file.bytes;
  };
  for (const below of folder.folders.values())
    if (below.isKept) entries.push(encodeFolder(below, withOrigin, sums));
    else for (const file of filesBelow(below)) addSmall(file);
  for (const file of folder.files)
    if (file.isKept) entries.push([file.name, file.bytes, file.layer, file.package]);
    else addSmall(file);
  sums.count += small.size;
  const summed: SmallFilesEntry[] = [...small.values()];
  return [folder.name, [...entries, ...summed]];
}

function filesBelow(top: Folder): File[] {
  const folders = [top];
  for (const folder of folders) for (const below of folder.folders.values()) folders.push(below);
  return folders.flatMap(({ files }) => files);
}

/** Labels from outside, which may be as long as they like: each gets its share of the budget. */
function shortened(labels: readonly string[]): string[] {
  const most = Math.max(20, Math.floor(labelBudget / Math.max(1, labels.length)));
  return labels.map((label) => (label.length > most ? `${label.slice(0, most - 1)}…` : label));
}

function jsonSize(text: string): number {
  return Buffer.byteLength(embeddableJson(text));
}

/** JSON that cannot end the script element that it stands in, nor begin a comment there. */
export function embeddableJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
