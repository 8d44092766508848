/**
 * apk: its database, its own files below etc/apk, its log and cache, and what `apk add --initdb` makes
 * in a new root.
 */
import { identityKey, type InstalledPackage } from "../../apk/index.ts";
import { baseName, isBivyError, parentPath } from "../../base/index.ts";
import { folderResolver, type TreeNode } from "../../tree/index.ts";
import { checkScripts } from "../scripts.ts";
import { isRoots, type Maker, type Recognition, type Refusal, type Scene } from "./maker.ts";

/** Folders with the modes that apk gives them. */
const folders: Readonly<Record<string, number>> = {
  dev: 0o755,
  etc: 0o755,
  "etc/apk": 0o755,
  "etc/apk/keys": 0o755,
  lib: 0o755,
  "lib/apk": 0o755,
  "lib/apk/db": 0o755,
  "lib/apk/exec": 0o700,
  proc: 0o555,
  tmp: 0o1777,
  usr: 0o755,
  "usr/lib": 0o755,
  "usr/lib/apk": 0o755,
  "usr/lib/apk/db": 0o755,
  var: 0o755,
  "var/cache": 0o755,
  "var/cache/apk": 0o755,
  "var/cache/misc": 0o755,
  "var/log": 0o755,
};

/** Whether apk itself makes a folder with this mode, also where a package would have another. */
export function isApkFolder(path: string, mode: number): boolean {
  return Object.hasOwn(folders, path) && folders[path] === mode;
}

/** Character devices: mode, major and minor number. */
const devices: Readonly<Record<string, readonly [mode: number, major: number, minor: number]>> = {
  "dev/null": [0o666, 1, 3],
  "dev/zero": [0o666, 1, 5],
  "dev/random": [0o666, 1, 8],
  "dev/urandom": [0o666, 1, 9],
  "dev/console": [0o600, 5, 1],
};

/** Whether it is a device that apk makes itself, with the right numbers and no more rights. */
export function isApkDevice(path: string, node: TreeNode): boolean {
  const device = Object.hasOwn(devices, path) ? devices[path] : undefined;
  if (device === undefined || node.kind !== "character") return false;
  const [mode, major, minor] = device;
  return node.major === major && node.minor === minor && (node.mode & ~mode) === 0;
}

const cachedFile =
  /^(?:APKINDEX\.[0-9a-f]{8}\.tar\.gz|[A-Za-z0-9_][A-Za-z0-9_.+-]*\.[0-9a-f]{8}\.apk)$/;

export function apkFiles(scene: Scene): Maker {
  const { inventory, documents } = scene;
  const resolve = folderResolver(inventory.tree.top);
  const installed = inventory.packages.map((each) => each.installed);
  const databasePath = inventory.databasePath;
  const plainFolders = new Map(
    Object.entries(folders).map(([path, mode]) => [resolve(path), mode]),
  );
  return (path, node) => {
    if (node.kind === "directory")
      return plainFolders.get(path) === node.mode && isRoots(node, scene)
        ? made(true, "a folder of every apk root")
        : undefined;
    if (isApkDevice(path, node)) return made(true, "a device of every apk root");
    if (node.kind !== "file") return undefined;
    const folder = parentPath(path);
    if (folder === databasePath)
      return recogniseDatabase(path, node.content.size, scene, installed);
    if (folder === "var/cache/apk" && cachedFile.test(baseName(path)))
      return made(false, "a download that apk kept");
    switch (path) {
      case "etc/apk/world":
        return recogniseWorld(scene);
      case "etc/apk/arch":
        return recogniseArch(documents.get(path), installed);
      case "etc/apk/repositories":
        return made(false, "the repositories, which are listed for themselves");
      case "var/log/apk.log":
        return made(false, "apk's log");
      default:
        return recogniseKey(path, scene);
    }
  };
}

function doubted(reason: string): Recognition {
  return { ...made(false, reason), doubtful: true };
}

function made(verified: boolean, reason: string): Recognition {
  return { maker: "apk", verified, reason };
}

function recogniseDatabase(
  path: string,
  size: number,
  scene: Scene,
  installed: readonly InstalledPackage[],
): Recognition | Refusal | undefined {
  switch (baseName(path)) {
    case "installed":
      return made(false, "the database that packages and files are held against");
    case "lock":
      return size === 0 ? made(true, "apk's lock, which is empty") : undefined;
    case "triggers":
      return recogniseTriggers(scene.documents.get(path), installed);
    case "scripts.tar":
    case "scripts.tar.gz":
      return recogniseScripts(path, scene);
    default:
      return undefined;
  }
}

/** Each line begins with the identity of an installed package. */
function recogniseTriggers(
  text: Uint8Array | undefined,
  installed: readonly InstalledPackage[],
): Recognition {
  const identities = new Set(installed.map(({ identity }) => identityKey(identity)));
  const lines = Buffer.from(text ?? [])
    .toString("latin1")
    .split("\n")
    .filter(Boolean);
  const stray = lines.find((line) => !identities.has(identityKey(line.split(" ")[0]!)));
  return stray === undefined
    ? made(false, "triggers of installed packages")
    : doubted(`has a trigger of no installed package: ${stray}`);
}

function recogniseScripts(path: string, scene: Scene): Recognition | Refusal {
  try {
    const { different, stray, proven } = checkScripts(path, scene);
    if (different !== undefined) return { refused: `${different} is not the package's script` };
    if (stray !== undefined) return doubted(`has a script of no installed package: ${stray}`);
    return made(proven, proven ? "the packages' scripts" : "scripts of installed packages");
  } catch (error) {
    if (!isBivyError(error)) throw error;
    return { refused: error.message };
  }
}

/** Each atom names something that is installed. */
function recogniseWorld({ inventory }: Scene): Recognition {
  const names = new Set(
    inventory.packages.flatMap(({ installed }) => [
      installed.name,
      ...installed.provides.map(({ name }) => name),
    ]),
  );
  const missing = inventory.world.filter(({ conflict, name }) => !conflict && !names.has(name));
  return missing.length === 0
    ? made(true, "what was asked for by name, all of it installed")
    : doubted(`asks for ${missing[0]!.name}, which is not installed`);
}

function recogniseArch(
  text: Uint8Array | undefined,
  installed: readonly InstalledPackage[],
): Recognition | undefined {
  if (text === undefined) return undefined;
  const archs = new Set(Buffer.from(text).toString("latin1").split(/\s+/).filter(Boolean));
  const fits = installed.every(({ arch }) => arch === "" || arch === "noarch" || archs.has(arch));
  return fits ? made(true, "the architecture of the packages") : undefined;
}

/** A key that is known whoever put it there. */
function recogniseKey(path: string, { keys }: Scene): Recognition | undefined {
  switch (keys.get(path)?.state) {
    case "alpine":
      return made(true, "one of Alpine's keys");
    case "named":
      return made(true, "a key that was named");
    default:
      return undefined;
  }
}
