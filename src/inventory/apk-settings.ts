/**
 * apk settings: what etc/apk of a root says: world, architectures, repositories, keys. One bad line
 * does not make the rest unreadable.
 */
import { parseRepositoryLine, tryParseAtom, type Atom, type Repository } from "../apk/index.ts";
import { baseName, decodeName, isBivyError } from "../base/index.ts";
import { walkTree, type LayeredTree } from "../tree/index.ts";
import type { ShippedKey } from "./inventory.ts";
import type { RootFiles } from "./root-files.ts";

/** World, repositories and the like are lists that people write. */
export const largestSetting = 1024 * 1024;

/** PEM of an RSA key of 16384 bits has 3 kB. */
const largestKey = 64 * 1024;

/** An Alpine root has some thirty. */
const mostKeys = 256;

export async function readWorld(files: RootFiles): Promise<readonly Atom[]> {
  const world: Atom[] = [];
  for (const word of await readWords(files, "etc/apk/world")) {
    const atom = tryParseAtom(word);
    if (atom === undefined)
      files.note(
        `etc/apk/world: ${JSON.stringify(word)}: expected [!]name[@tag][operator version]`,
      );
    else world.push(atom);
  }
  return world;
}

export function readArchs(files: RootFiles): Promise<readonly string[]> {
  return readWords(files, "etc/apk/arch");
}

async function readWords(files: RootFiles, path: string): Promise<readonly string[]> {
  const text = await files.readText(path, largestSetting);
  return (text ?? "").split(/\s+/).filter(Boolean);
}

/** Of files with one name in several of these folders, apk reads the first (apk-repositories(5)). */
const repositoryFolders = ["etc/apk/repositories.d", "lib/apk/repositories.d"];

/** Nobody has so many files of repositories, or so many repositories. */
const mostRepositoryFiles = 256;
const mostRepositories = 4096;

export async function readRepositories(files: RootFiles): Promise<readonly Repository[]> {
  const paths = new Map([["", "etc/apk/repositories"]]);
  for (const path of repositoryFolders.flatMap((folder) => files.list(folder))) {
    const name = baseName(path);
    if (name.endsWith(".list") && !name.startsWith(".") && !paths.has(name)) paths.set(name, path);
  }
  const named = [...paths.values()].slice(0, mostRepositoryFiles);
  const repositories: Repository[] = [];
  for (const { path, bytes } of await files.read(named, largestSetting))
    for (const [at, line] of decodeName(bytes).split("\n").entries()) {
      repositories.push(...readRepositoryLine(line, `${path}:${at + 1}`, files));
      if (repositories.length < mostRepositories) continue;
      files.note(
        `${path}:${at + 1}: more than ${mostRepositories} repositories; the rest was not read`,
      );
      return repositories;
    }
  if (paths.size > named.length)
    files.note(`${mostRepositoryFiles} files of repositories were read, the others not`);
  return repositories;
}

/** A line that may also be written as apk 3 has it: a kind of index first, variables, assignments. */
function readRepositoryLine(line: string, subject: string, files: RootFiles): Repository[] {
  const plain = line.replace(/^\s*v[23]\s+/, "");
  if (/^\s*(?:set|ndx)\s/.test(plain) || plain.includes("${")) {
    files.note(`${subject}: variables and single index files of apk 3 are not understood`);
    return [];
  }
  try {
    return parseRepositoryLine(plain, subject);
  } catch (error) {
    if (!isBivyError(error, "repositories-invalid")) throw error;
    files.note(error.message);
    return [];
  }
}

/** Where apk looks for keys; the second is apk 3's. Hidden files do not count. */
const trustedFolders = ["etc/apk/keys", "lib/apk/keys"];

/** Where the package alpine-keys has those of all architectures and releases. */
const keptFolder = "usr/share/apk/keys";

export async function readKeys(
  files: RootFiles,
  tree: LayeredTree,
): Promise<readonly ShippedKey[]> {
  const trusted = new Set(
    trustedFolders
      .flatMap((folder) => files.list(folder))
      .filter((path) => !baseName(path).startsWith(".")),
  );
  const paths = new Set(trusted);
  for (const path of keptKeys(files)) {
    if (paths.size > mostKeys) break;
    paths.add(path);
  }
  if (paths.size > mostKeys) files.note(`${mostKeys} keys were read, the others not`);
  const read = await files.read([...paths].slice(0, mostKeys), largestKey);
  return read.map(({ path, place, bytes }) => {
    const layer = latestLayer(tree, path, place);
    return {
      path,
      name: baseName(path),
      bytes,
      ...(layer === undefined ? {} : { layer }),
      trusted: trusted.has(path),
    };
  });
}

/** The links beside them, by architecture, lead to the same files. */
function* keptKeys(files: RootFiles): Generator<string> {
  const folder = files.resolve(keptFolder);
  const node = folder === undefined ? undefined : files.lookup(folder);
  if (folder === undefined || node?.kind !== "directory") return;
  for (const { path, node: each } of walkTree(node, folder)) if (each.kind === "file") yield path;
}

/** A key that is a link is there since its link and its file are. */
function latestLayer(tree: LayeredTree, ...paths: readonly string[]): number | undefined {
  const layers = paths.map((path) => tree.layerOf(path)).filter((layer) => layer !== undefined);
  return layers.length === 0 ? undefined : Math.max(...layers);
}
