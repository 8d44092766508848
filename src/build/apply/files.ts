/** Files of an image: contents that the configuration states, and files and folders of the build context. */
import type { Stats } from "node:fs";
import { lstat, readdir, readlink, realpath } from "node:fs/promises";
import { join } from "node:path";
import { readAccounts, type Account, type RootAccounts } from "../../apk/index.ts";
import {
  baseName,
  BivyError,
  bytesContent,
  compareNames,
  decodeName,
  encodeText,
  fileContent,
  fileError,
  joinPath,
  limitExceeded,
  nearestName,
} from "../../base/index.ts";
import type { Attributes, Root } from "../../tree/index.ts";
import type { ApplyOptions } from "./apply.ts";
import type { ConfigFile } from "../config/paths.ts";
import type { ImageConfig } from "../config/image-config.ts";
import { fieldError, fieldName, inField } from "./field.ts";
import { ensureDirectory, placeOf, prepareFile } from "./place.ts";

type SourceFile = Extract<ConfigFile, { readonly kind: "source" }>;

/** One field `files[n]` on its way into the root. */
interface Copy {
  readonly root: Root;
  readonly owner: Pick<Attributes, "uid" | "gid">;
  /** Undefined: 0o755 for what its owner may execute, else 0o644. */
  readonly permissions: number | undefined;
  readonly options: ApplyOptions;
  entries: number;
}

/** Puts the files into the image, in the order of the configuration. */
export async function applyFiles(
  root: Root,
  config: ImageConfig,
  options: ApplyOptions,
): Promise<void> {
  for (const [index, file] of config.files.entries()) {
    const field = fieldName(config, `files[${index}]`);
    await inField(field, "Check the field.", async () => {
      const accounts = await readAccounts(root, options.limits);
      const owner = ownerOf(file, accounts, field);
      await putFile(
        { root, owner, permissions: file.permissions, options, entries: 0 },
        file,
        field,
      );
    });
  }
}

async function putFile(copy: Copy, file: ConfigFile, field: string): Promise<void> {
  const { root, owner, options } = copy;
  if (file.kind === "content") {
    const place = placeOf(root, file.path);
    prepareFile(root, place, options.time);
    const attributes = { ...owner, mode: file.permissions, mtime: options.time };
    return root.writeFile(place, attributes, bytesContent(encodeText(file.content)));
  }
  const source = await resolveSource(file, options.contextFolder, field);
  const stats = await statsOf(source);
  if (stats.isDirectory()) return copyFolder(copy, source, file.path);
  const path = file.below ? joinPath(file.path, baseName(file.source)) : file.path;
  const place = placeOf(root, path);
  if (root.lookup(place)?.kind === "directory")
    throw fieldError(
      `${field}.path`,
      `expected no directory at /${place}, found one`,
      `To put the file into the directory, write "/${file.path}/" with a slash at the end.`,
      { code: "file-exists" },
    );
  return copyEntry(copy, source, place, stats);
}

/** The real path of a source. A link may lead to another place of the context, but not out of it. */
async function resolveSource(
  file: SourceFile,
  contextFolder: string,
  field: string,
): Promise<string> {
  const context = await realpathOf(contextFolder);
  const source = await realpathOf(join(context, file.source));
  if (source === context || source.startsWith(context === "/" ? context : `${context}/`))
    return source;
  throw fieldError(
    `${field}.source`,
    `expected a path inside of the build context ${contextFolder}, found ${file.source}, which leads to ${source}`,
    "Files are taken from the build context only: put the file itself there instead of a link, or choose a wider context.",
    { code: "path-unsafe" },
  );
}

async function realpathOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    throw fileError(error, "looking for the source", path);
  }
}

async function statsOf(path: string): Promise<Stats> {
  try {
    return await lstat(path);
  } catch (error) {
    throw fileError(error, "looking at", path);
  }
}

/**
 * Copies what is in a folder into a directory of the image, which is made if need be. Directories that
 * stand there already stay as they are. Links are copied as links, and never followed: what they say is
 * about the image, where `/usr/bin/python3` may well be.
 */
async function copyFolder(copy: Copy, source: string, path: string): Promise<void> {
  const { root, owner, options } = copy;
  const folder = ensureDirectory(root, path, { ...owner, mode: 0o755, mtime: options.time });
  for (const name of await listFolder(source)) {
    copy.entries += 1;
    if (copy.entries > options.limits.entries)
      throw limitExceeded("entries", options.limits, source);
    const below = join(source, name);
    const place = joinPath(folder, name);
    const stats = await statsOf(below);
    if (stats.isDirectory()) await copyFolder(copy, below, place);
    else await copyEntry(copy, below, place, stats);
  }
}

async function listFolder(folder: string): Promise<string[]> {
  let found: Buffer[];
  try {
    found = await readdir(folder, { encoding: "buffer" });
  } catch (error) {
    throw fileError(error, "listing", folder);
  }
  const names = found.map(decodeName);
  const foreign = names.find((name) => !name.isWellFormed());
  if (foreign === undefined) return names.sort(compareNames);
  throw new BivyError(
    "path-unsafe",
    `${folder}: expected names in UTF-8, found ${JSON.stringify(foreign)}`,
    {
      hint: "Rename the file.",
    },
  );
}

async function copyEntry(copy: Copy, source: string, place: string, stats: Stats): Promise<void> {
  const { root, owner, options } = copy;
  const { time } = options;
  if (!stats.isFile() && !stats.isSymbolicLink())
    throw new BivyError(
      "io-failed",
      `${source}: expected a file, a folder or a symlink, found a device, pipe or socket`,
      {
        hint: "Remove it from the build context, or name the files that are needed one by one.",
      },
    );
  prepareFile(root, place, time);
  if (stats.isSymbolicLink())
    return root.makeSymlink(place, await targetOf(source), { ...owner, mode: 0o777, mtime: time });
  const mode = copy.permissions ?? ((stats.mode & 0o100) === 0 ? 0o644 : 0o755);
  await root.writeFile(place, { ...owner, mode, mtime: time }, fileContent(source, stats.size));
}

async function targetOf(link: string): Promise<string> {
  try {
    return decodeName(await readlink(link, { encoding: "buffer" }));
  } catch (error) {
    throw fileError(error, "reading the link", link);
  }
}

function ownerOf(
  file: ConfigFile,
  { users, groups }: RootAccounts,
  field: string,
): Pick<Attributes, "uid" | "gid"> {
  return {
    uid: idOf(file.uid, users, `${field}.uid`, "user", "etc/passwd"),
    gid: idOf(file.gid, groups, `${field}.gid`, "group", "etc/group"),
  };
}

function idOf(
  said: number | string,
  accounts: ReadonlyMap<string, Account>,
  field: string,
  kind: string,
  source: string,
): number {
  if (typeof said === "number") return said;
  const account = accounts.get(said);
  if (account !== undefined) return account.id;
  const near = nearestName(said, accounts.keys());
  throw fieldError(
    field,
    `expected a ${kind} of the image's /${source}, found "${said}"${near === undefined ? "" : `; did you mean ${near}?`}`,
    `Add the ${kind} to accounts, install the package that brings it, or write the number.`,
  );
}
