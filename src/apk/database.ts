/**
 * The database of a root: lib/apk/db/{installed,scripts.tar,triggers,lock} and etc/apk/{world,arch}.
 * Read from where an image has it, also below usr/lib; written as apk 2.14 writes it.
 */
import {
  bytesContent,
  encodeName,
  encodeText,
  isBivyError,
  joinPath,
  parentPath,
  pathPrefixes,
  readContent,
  type Limits,
} from "../base/index.ts";
import { resolveInRoot, type Attributes, type DeviceNode, type Root } from "../tree/index.ts";
import { readRootText } from "./accounts.ts";
import type { Atom } from "./atom.ts";
import { identityKey } from "./identity.ts";
import {
  formatInstalled,
  parseInstalled,
  sortInstalled,
  type InstalledPackage,
} from "./installed.ts";
import type { ScriptKind } from "./package-file.ts";
import { formatScripts, readScripts } from "./script-archive.ts";
import { formatWorld, parseWorld } from "./world.ts";

export interface Database {
  /** In the order in which they were installed, which is that of scripts and triggers. */
  readonly installed: readonly InstalledPackage[];
  /** By identity. */
  readonly scripts: ReadonlyMap<string, ReadonlyMap<ScriptKind, Uint8Array>>;
  /** Globs by identity. */
  readonly triggers: ReadonlyMap<string, readonly string[]>;
  readonly world: readonly Atom[];
  /** The architectures of the root, the main one first. */
  readonly archs: readonly string[];
}

export const databaseDirectory = "lib/apk/db";
const databasePlaces = [databaseDirectory, "usr/lib/apk/db"];

/** The plain path of the database's folder in a root; undefined where there is none. */
export function findDatabase(root: Pick<Root, "lookup">): string | undefined {
  return databasePlaces
    .map((place) => resolveInRoot(root, place))
    .find((place) => root.lookup(installedIn(root, place))?.kind === "file");
}

/** Where the list of packages in the database's folder is; a link to it is followed. */
function installedIn(root: Pick<Root, "lookup">, place: string): string {
  return resolveInRoot(root, joinPath(place, "installed"));
}

/** Reads the database; an empty one where there is none. */
export async function readDatabase(root: Root, limits: Limits): Promise<Database> {
  const place = findDatabase(root) ?? databaseDirectory;
  const installedPath = installedIn(root, place);
  const entry = root.lookup(installedPath);
  const wide = { ...limits, "document-size": limits["index-size"] };
  const installed =
    entry?.kind === "file"
      ? parseInstalled(await readContent(entry.content, wide, installedPath), {
          subject: installedPath,
        })
      : [];
  return {
    installed,
    scripts: await readScripts(root, place, limits),
    triggers: parseTriggers(await readRootText(root, joinPath(place, "triggers"), limits)),
    world: parseWorld(await readRootText(root, "etc/apk/world", limits), {
      subject: "etc/apk/world",
    }),
    archs: (await readRootText(root, "etc/apk/arch", limits)).split(/\s+/).filter(Boolean),
  };
}

function parseTriggers(text: string): Map<string, string[]> {
  const triggers = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const [identity, ...globs] = line.split(" ").filter(Boolean);
    if (identity !== undefined) triggers.set(identityKey(identity), globs);
  }
  return triggers;
}

function formatTriggers(database: Database): string {
  return database.installed
    .filter(({ identity }) => database.triggers.has(identityKey(identity)))
    .map(
      ({ identity }) => `${identity} ${database.triggers.get(identityKey(identity))!.join(" ")}\n`,
    )
    .join("");
}

/** Writes the database, to where it is already or to lib/apk/db. `time` is in seconds since 1970. */
export async function writeDatabase(root: Root, database: Database, time: number): Promise<void> {
  const place = findDatabase(root) ?? resolveInRoot(root, databaseDirectory);
  const file: Attributes = { mode: 0o644, uid: 0, gid: 0, mtime: time };
  const write = (path: string, bytes: Uint8Array, attributes = file): Promise<void> => {
    makeParents(root, path, time);
    return root.writeFile(path, attributes, bytesContent(bytes));
  };
  await write(
    joinPath(place, "installed"),
    encodeName(formatInstalled(sortInstalled(database.installed))),
  );
  await write(joinPath(place, "scripts.tar"), formatScripts(database.installed, database.scripts));
  // The packed form of newer roots, which apk would read instead.
  root.remove(joinPath(place, "scripts.tar.gz"));
  await write(joinPath(place, "triggers"), encodeText(formatTriggers(database)));
  if (root.lookup(joinPath(place, "lock")) === undefined)
    await write(joinPath(place, "lock"), new Uint8Array(0), { ...file, mode: 0o600 });
  await write(resolveInRoot(root, "etc/apk/world"), encodeText(formatWorld(database.world)));
  if (database.archs.length > 0)
    await write(resolveInRoot(root, "etc/apk/arch"), encodeText(`${database.archs.join("\n")}\n`));
}

/** Makes the folders above `path` that are not there, as mkdir -p does. */
export function makeParents(root: Root, path: string, time: number): void {
  for (const above of pathPrefixes(parentPath(path)))
    if (root.lookup(above) === undefined)
      root.makeDirectory(above, { mode: 0o755, uid: 0, gid: 0, mtime: time });
}

const directory = { mode: 0o755, uid: 0, gid: 0 };

/**
 * What `apk add --initdb` puts into an empty root: folders, and the devices that scripts need. Links
 * that are there already, such as lib to usr/lib, are followed. Devices are left out of a directory where
 * the user may not make them.
 */
export function initializeRoot(root: Root, time: number): void {
  const folders: readonly (readonly [string, number])[] = [
    ["dev", 0o755],
    ["etc", 0o755],
    ["etc/apk", 0o755],
    ["lib", 0o755],
    ["lib/apk", 0o755],
    [databaseDirectory, 0o755],
    ["proc", 0o555],
    ["tmp", 0o1777],
    ["var", 0o755],
    ["var/cache", 0o755],
    ["var/cache/apk", 0o755],
    ["var/cache/misc", 0o755],
  ];
  for (const [name, mode] of folders) {
    const path = resolveInRoot(root, name);
    if (root.lookup(path) !== undefined) continue;
    makeParents(root, path, time);
    root.makeDirectory(path, { ...directory, mode, mtime: time });
  }
  const devices: readonly (readonly [string, number, number, number])[] = [
    ["dev/null", 0o666, 1, 3],
    ["dev/zero", 0o666, 1, 5],
    ["dev/random", 0o666, 1, 8],
    ["dev/urandom", 0o666, 1, 9],
    ["dev/console", 0o600, 5, 1],
  ];
  for (const [name, mode, major, minor] of devices) {
    const path = resolveInRoot(root, name);
    if (root.lookup(path) === undefined)
      makeDevice(root, path, {
        kind: "character",
        mode,
        uid: 0,
        gid: 0,
        mtime: time,
        major,
        minor,
      });
  }
}

function makeDevice(root: Root, path: string, device: DeviceNode): void {
  try {
    root.makeSpecial(path, device);
  } catch (error) {
    if (!isBivyError(error, "file-denied")) throw error;
  }
}
