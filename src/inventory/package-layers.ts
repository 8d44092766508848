/**
 * Package layers: which layer brought each installed package, and which packages of lower layers went.
 *
 * Every layer that changes packages has the whole installed database anew. So the databases of all
 * layers, lowest first, tell it: a package is there since the first database of the unbroken run that
 * ends with the last one.
 */
import { identityKey, parseInstalled, type InstalledPackage } from "../apk/index.ts";
import { isBivyError } from "../base/index.ts";
import type { FileNode, LayeredTree } from "../tree/index.ts";
import type { InventoryPackage, RemovedPackage } from "./inventory.ts";
import { readContents } from "./root-files.ts";

/** The database that a layer left behind. */
export interface LayerDatabase {
  readonly layer: number;
  /** None where the layer removed the database. */
  readonly packages: readonly InstalledPackage[];
}

/** Where databases are, unless their folder is a link to somewhere else. */
const usualPaths = ["lib/apk/db/installed", "usr/lib/apk/db/installed"];

/**
 * The databases of the layers below the one that the final database came from, lowest first. `path` is
 * the plain path of the final one, undefined where there is none any more. Of what they hold together
 * at most `most` bytes are read.
 */
export async function readLowerDatabases(
  tree: LayeredTree,
  path: string | undefined,
  most: number,
  note: (problem: string) => void,
): Promise<readonly LayerDatabase[]> {
  const files: [number, FileNode | undefined][] = [];
  let left = most;
  for (const [layer, file] of lowerFiles(tree, path)) {
    left -= file?.content.size ?? 0;
    if (left < 0) {
      note(`the databases of the layers have more than ${most} bytes; some were not read`);
      break;
    }
    files.push([layer, file]);
  }
  const present = files.map(([, file]) => file).filter((file) => file !== undefined);
  const contents = await readContents(present);
  return files
    .map(([layer, file]) => {
      const subject = `the installed database of layer ${layer + 1}`;
      const packages = file === undefined ? [] : tryParse(contents.get(file)!, subject, note);
      return packages === undefined ? undefined : { layer, packages };
    })
    .filter((database) => database !== undefined);
}

/** By layer, lowest first; undefined where a layer removed the database and left none. */
function lowerFiles(
  tree: LayeredTree,
  path: string | undefined,
): readonly [number, FileNode | undefined][] {
  const paths = new Set(path === undefined ? usualPaths : [...usualPaths, path]);
  const files = new Map<number, FileNode | undefined>();
  for (const [layer, { changes }] of tree.layers.entries())
    for (const change of changes) {
      if (!paths.has(change.path)) continue;
      const { kind, before, beforeLayer } = change;
      if (kind === "removed" && !files.has(layer)) files.set(layer, undefined);
      if (before.kind === "file" && beforeLayer < layer) files.set(beforeLayer, before);
    }
  const last = path === undefined ? tree.layers.length : (tree.layerOf(path) ?? 0);
  return [...files].filter(([layer]) => layer < last).sort(([a], [b]) => a - b);
}

/** One that is damaged has no say: it is not what is installed. */
function tryParse(
  bytes: Uint8Array,
  subject: string,
  note: (problem: string) => void,
): readonly InstalledPackage[] | undefined {
  try {
    return parseInstalled(bytes, { subject });
  } catch (error) {
    if (!isBivyError(error, "database-invalid")) throw error;
    note(error.message);
    return undefined;
  }
}

export interface LayeredPackages {
  /** Those of the last database, in its order. */
  readonly packages: readonly InventoryPackage[];
  readonly removedPackages: readonly RemovedPackage[];
}

/** Compares databases, lowest first; the last is the one that counts. */
export function packageLayers(databases: readonly LayerDatabase[]): LayeredPackages {
  let present = new Map<string, InventoryPackage>();
  const removed = new Map<string, RemovedPackage>();
  for (const { layer, packages } of databases) {
    const next = new Map<string, InventoryPackage>();
    for (const installed of packages) {
      const key = keyOf(installed);
      next.set(key, { installed, layer: present.get(key)?.layer ?? layer });
    }
    for (const [key, { installed, layer: since }] of present) {
      if (next.has(key)) continue;
      removed.delete(key);
      removed.set(key, { installed, layer: since, removedIn: layer });
    }
    present = next;
  }
  return {
    // A database may name a package twice, which is then listed twice.
    packages: (databases.at(-1)?.packages ?? []).map((installed) => ({
      installed,
      layer: present.get(keyOf(installed))!.layer,
    })),
    removedPackages: [...removed].filter(([key]) => !present.has(key)).map(([, each]) => each),
  };
}

function keyOf({ name, version, identity }: InstalledPackage): string {
  return `${name}\0${version}\0${identityKey(identity)}`;
}
