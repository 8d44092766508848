/** Package state: what apk would find in the root of a stage at one step of it. */
import {
  formatWorld,
  parseInstalled,
  parseKey,
  parseWorld,
  type Atom,
  type InstalledPackage,
  type Key,
} from "../../../apk/index.ts";
import { decodeName, isBivyError } from "../../../base/index.ts";
import { filesOfRoot, withWritten, type KnownFiles } from "./known-files.ts";
import { type RootReader } from "./root-reader.ts";

/** The text of a file with lines of repositories, or why it is not known. */
export type RepositoryFile = { readonly text: string } | { readonly doubt: string };

/** Where apk looks for repositories first. */
export const repositoriesPath = "/etc/apk/repositories";

export interface PackageState {
  /** apk's name of the architecture. */
  readonly arch: string;
  /** Undefined where the root has no database: it is not Alpine's. */
  readonly installed: readonly InstalledPackage[] | undefined;
  readonly world: readonly Atom[];
  /** `etc/apk/repositories` and the files beside it, by absolute path, in the order in which apk reads them. */
  readonly repositories: ReadonlyMap<string, RepositoryFile>;
  /** Those below etc/apk/keys. */
  readonly keys: readonly Key[];
  readonly files: KnownFiles;
  /** Why it is no longer known what is installed; undefined while it is. */
  readonly doubt: string | undefined;
  /** Other roots that apk made in this one (`--root`), by absolute path. */
  readonly roots: ReadonlyMap<string, PackageState>;
}

const databases = ["lib/apk/db/installed", "usr/lib/apk/db/installed"];
const settings = "etc/apk";

/** What an empty root has. */
export function emptyState(arch: string, files: KnownFiles): PackageState {
  return {
    arch,
    installed: undefined,
    world: [],
    repositories: new Map(),
    keys: [],
    files,
    doubt: undefined,
    roots: new Map(),
  };
}

/** Reads the state of a root. `arch` is that of the platform; what the root says counts more. */
export async function readPackageState(root: RootReader, arch: string): Promise<PackageState> {
  const text = async (path: string): Promise<string> =>
    decodeName((await root.read(path)) ?? new Uint8Array(0));
  const files = filesOfRoot(root);
  const installed = await readInstalled(root);
  if (installed === undefined) return emptyState(arch, files);
  const [own] = (await text(`${settings}/arch`)).split(/\s+/);
  const repositories = new Map<string, RepositoryFile>();
  for (const path of await repositoryFiles(root))
    repositories.set(`/${path}`, { text: await text(path) });
  return {
    arch: own || arch,
    installed,
    world: parseWorld(await text(`${settings}/world`), { subject: `${settings}/world` }),
    repositories,
    keys: await readKeys(root),
    files,
    doubt: undefined,
    roots: new Map(),
  };
}

async function readInstalled(root: RootReader): Promise<InstalledPackage[] | undefined> {
  for (const path of databases) {
    const bytes = await root.read(path);
    if (bytes !== undefined) return parseInstalled(bytes, { subject: path });
  }
  return undefined;
}

async function repositoryFiles(root: RootReader): Promise<readonly string[]> {
  const folder = `${settings}/repositories.d`;
  const names = (await root.list(folder)).filter((name) => name.endsWith(".list"));
  return [`${settings}/repositories`, ...names.map((name) => `${folder}/${name}`)];
}

async function readKeys(root: RootReader): Promise<Key[]> {
  const folder = `${settings}/keys`;
  const keys: Key[] = [];
  for (const name of await root.list(folder)) {
    const bytes = await root.read(`${folder}/${name}`);
    const key = bytes && tryParseKey(name, decodeName(bytes));
    if (key !== undefined) keys.push(key);
  }
  return keys;
}

/** apk passes over files that are no keys, and so does bivy. */
export function tryParseKey(name: string, pem: string): Key | undefined {
  try {
    return parseKey(name, pem);
  } catch (error) {
    if (isBivyError(error, "key-invalid")) return undefined;
    throw error;
  }
}

/** The files of the state that a script may read; undefined for those that are not known. */
export function knownSettings(state: PackageState): ReadonlyMap<string, string> {
  const { repositories, world, arch, installed, doubt } = state;
  const known = new Map<string, string>();
  if (installed === undefined) return known;
  known.set("/etc/apk/arch", `${arch}\n`);
  if (doubt === undefined) known.set("/etc/apk/world", formatWorld(world));
  for (const [path, file] of repositories) if ("text" in file) known.set(path, file.text);
  return known;
}

/** All lines of repositories; or why they are not known. */
export function repositoryLines({ repositories }: PackageState): RepositoryFile {
  let lines = "";
  for (const file of repositories.values()) {
    if ("doubt" in file) return file;
    lines += file.text === "" || file.text.endsWith("\n") ? file.text : `${file.text}\n`;
  }
  return { text: lines };
}

/** The state in which a file with repositories is another one. */
export function withRepositories(
  state: PackageState,
  path: string,
  file: RepositoryFile,
): PackageState {
  return { ...state, repositories: new Map(state.repositories).set(path, file) };
}

/** The state once it is no longer known what is installed. The first reason is the one that counts. */
export function doubted(state: PackageState, reason: string): PackageState {
  return { ...state, doubt: state.doubt ?? reason };
}

/** The state in which some files have another content. */
export function withFiles(
  state: PackageState,
  written: ReadonlyMap<string, string | undefined>,
): PackageState {
  return { ...state, files: withWritten(state.files, written) };
}
