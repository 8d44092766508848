/**
 * The build context: the folder that COPY, ADD and mounts take files from, without what is ignored. It
 * is looked at when a step first asks for it, and only where the steps of the build point to.
 *
 * Hashing many files is most of the work of a build that finds all in its cache. So hashes are kept,
 * by path, with all that stat(2) tells of the file: size, times of content and inode, inode number. A
 * file that was changed less than two seconds before it was hashed is not kept, because it could change
 * again within one tick of the clock of a file system.
 */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import {
  BivyError,
  decodeName,
  encodeText,
  hashContent,
  hashHex,
  newOwner,
  readUserFile,
  startHash,
  type Limits,
} from "../../../base/index.ts";
import { parseIgnore, type Ignore } from "../../../dockerfile/index.ts";
import {
  ContextContent,
  findNode,
  readContextTree,
  walkTree,
  type DirectoryNode,
  type FileNode,
} from "../../../tree/index.ts";

export interface BuildContext {
  readonly folder: string;
  /** What the steps name. */
  tree(): Promise<DirectoryNode>;
  /** All of it: for messages, which tell of names that are like a wrong one. */
  whole(): Promise<DirectoryNode>;
  /** Whether a plain path is left out by an ignore file. */
  isIgnored(path: string): boolean;
  /** The SHA-256 of a file of the context, in hex; it is written down at the content, too. */
  hash(file: FileNode): string | Promise<string>;
  /** Keeps the hashes for later builds. */
  close(): Promise<void>;
}

export interface BuildContextOptions {
  readonly ignore: Ignore | undefined;
  /** The paths that steps name; folders and patterns among them. All of it where it is undefined. */
  readonly wanted: readonly string[] | undefined;
  /** Where hashes are kept. */
  readonly hashes: string | undefined;
  /** Called once the context turns out to have very many files. */
  readonly whenLarge?: () => void;
  readonly limits: Limits;
  readonly signal: AbortSignal;
}

/** From so many files on, memory is worth more than time. */
const manyFiles = 20_000;

/** The ignore file of a build: that of the Dockerfile, or else that of the context. */
export async function findIgnore(
  folder: string | undefined,
  dockerfile: string | undefined,
): Promise<Ignore | undefined> {
  const own = dockerfile === undefined ? [] : [`${dockerfile}.dockerignore`];
  const shared = folder === undefined ? [] : [join(folder, ".dockerignore")];
  for (const path of [...own, ...shared]) {
    const bytes = await readUserFile(path).catch((error: unknown) => {
      if (error instanceof BivyError && error.code === "file-not-found") return undefined;
      throw error;
    });
    if (bytes !== undefined) return parseIgnore(decodeName(bytes), path);
  }
  return undefined;
}

export function openBuildContext(folder: string, options: BuildContextOptions): BuildContext {
  let tree: Promise<DirectoryNode> | undefined;
  const { ignore, whenLarge } = options;
  const read = async (): Promise<DirectoryNode> => {
    const found = await readTree(folder, options);
    if (whenLarge !== undefined && countsBeyond(found, manyFiles)) whenLarge();
    return found;
  };
  const hashes = openHashes(options.hashes, folder);
  return {
    folder,
    tree: () => (tree ??= read()),
    whole: () => readTree(folder, { ...options, wanted: undefined }),
    isIgnored: (path) => ignore?.matches(path) ?? false,
    hash(file) {
      const { content } = file;
      if (!(content instanceof ContextContent)) return hashContent(content);
      if (content.sha256 !== undefined) return content.sha256;
      const known = hashes.loaded();
      const take = (sha256: string): string => (content.sha256 = sha256);
      return known === undefined
        ? hashes.load().then((loaded) => take(loaded.hash(content)))
        : take(known.hash(content));
    },
    close: () => hashes.save(),
  };
}

function countsBeyond(tree: DirectoryNode, most: number): boolean {
  let count = 0;
  for (const _ of walkTree(tree)) if (++count > most) return true;
  return false;
}

async function readTree(
  folder: string,
  { ignore, wanted, limits, signal }: BuildContextOptions,
): Promise<DirectoryNode> {
  const ignoring =
    ignore === undefined ? {} : { ignore: ignore.root, keepsFolder: keptFolders(ignore) };
  const shared = { limits, signal, ...ignoring };
  if (wanted === undefined) return readContextTree(folder, shared);
  const paths = wanted.map(fixedPart);
  const tree = await readContextTree(folder, { ...shared, wanted: paths });
  // A link may lead to where nobody looked.
  return paths.some((path) => meetsLink(tree, path)) ? readContextTree(folder, shared) : tree;
}

/**
 * BuildKit goes down into an ignored folder that an exception of the ignore file names, or that lies on
 * the way to it, and then the folder is there, if only empty. It does so as long as no exception has a
 * pattern but at its end.
 */
function keptFolders({ patterns }: Ignore): (path: string) => boolean {
  const exceptions = patterns
    .filter(({ exclusion }) => exclusion)
    .map(({ text }) => text.replace(/(?:\/?\*+)+$/, ""));
  if (exceptions.some((text) => /[*?[\]^\\]/.test(text))) return () => false;
  return (path) => exceptions.some((text) => `${text}/`.startsWith(`${path}/`));
}

/** The part of a source before its first pattern, as a plain path. */
function fixedPart(source: string): string {
  const clean = posix.join("/", source).slice(1).replace(/\/$/, "");
  const parts = clean.split("/");
  const pattern = parts.findIndex((part) => /[*?[\\]/.test(part));
  return (pattern === -1 ? parts : parts.slice(0, pattern)).join("/");
}

function meetsLink(tree: DirectoryNode, path: string): boolean {
  const parts = path.split("/");
  return parts.some(
    (_, index) => findNode(tree, parts.slice(0, index + 1).join("/"))?.kind === "symlink",
  );
}

/** In milliseconds: within so little, a file could change again without a trace. */
const mostRacy = 2000;

interface KnownHash {
  readonly stamp: string;
  readonly sha256: string;
}

/** The hashes that are known of files, once those of earlier builds are loaded. */
interface LoadedHashes {
  hash(content: ContextContent): string;
}

function openHashes(folder: string | undefined, context: string) {
  const file = folder && join(folder, `${hashHex("sha256", encodeText(context))}.json`);
  const fresh = new Map<string, KnownHash>();
  let known: Promise<ReadonlyMap<string, KnownHash>> | undefined;
  let loaded: LoadedHashes | undefined;
  return {
    loaded: () => loaded,
    async load(): Promise<LoadedHashes> {
      const before = await (known ??= readHashes(file));
      return (loaded ??= { hash: (content) => findHash(content, before, fresh) });
    },
    async save(): Promise<void> {
      if (file === undefined || fresh.size === 0) return;
      const before = await known;
      const isSame =
        before?.size === fresh.size &&
        [...fresh].every(([path, each]) => before.get(path) === each);
      if (isSame) return;
      // What could not be kept is computed again.
      await writeHashes(file, fresh).catch(() => undefined);
    },
  };
}

function findHash(
  content: ContextContent,
  before: ReadonlyMap<string, KnownHash>,
  fresh: Map<string, KnownHash>,
): string {
  const { path, stamp } = content;
  const found = fresh.get(path) ?? before.get(path);
  if (found?.stamp === stamp) {
    fresh.set(path, found);
    return found.sha256;
  }
  const now = Date.now();
  const sha256 = hashFile(content);
  if (now - content.changed > mostRacy) fresh.set(path, { stamp, sha256 });
  return sha256;
}

async function writeHashes(file: string, hashes: ReadonlyMap<string, KnownHash>): Promise<void> {
  const temporary = `${file}.${newOwner()}`;
  await mkdir(dirname(file), { recursive: true });
  await writeFile(temporary, JSON.stringify(Object.fromEntries(hashes)));
  await rename(temporary, file);
}

async function readHashes(file: string | undefined): Promise<ReadonlyMap<string, KnownHash>> {
  if (file === undefined) return new Map();
  try {
    const found = JSON.parse(await readFile(file, "utf8")) as Record<string, KnownHash>;
    return new Map(
      Object.entries(found).filter(
        ([, each]) => typeof each?.stamp === "string" && /^[0-9a-f]{64}$/.test(each.sha256),
      ),
    );
  } catch {
    return new Map();
  }
}

const buffer = Buffer.allocUnsafeSlow(256 * 1024);

/** Synchronous: for many small files, waiting costs more than reading. */
function hashFile(content: ContextContent): string {
  const descriptor = openSync(content.hostPath, "r");
  try {
    const running = startHash("sha256");
    let size = 0;
    for (let read = -1; read !== 0; size += read) {
      read = readSync(descriptor, buffer, 0, buffer.byteLength, null);
      running.update(buffer.subarray(0, read));
    }
    if (size === content.size && fstatSync(descriptor).size === size) return running.hex();
  } finally {
    closeSync(descriptor);
  }
  throw new BivyError(
    "io-failed",
    `${content.path}: expected ${content.size} bytes, found another size`,
    { hint: "The file changed while it was read; try again." },
  );
}
