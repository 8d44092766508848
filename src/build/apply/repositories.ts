/** Repositories of an image: what apk inside of it goes on with, etc/apk/repositories and the keys in etc/apk/keys. */
import {
  builtInKeys,
  formatRepository,
  keyToPem,
  parseKey,
  readRootText,
  type Key,
} from "../../apk/index.ts";
import { BivyError, isBivyError, joinPath } from "../../base/index.ts";
import { withoutUserinfo } from "../../http/index.ts";
import { resolveInRoot, type Root } from "../../tree/index.ts";
import type { ApplyOptions } from "./apply.ts";
import type { ConfigRepository } from "../config/contents.ts";
import type { ImageConfig } from "../config/image-config.ts";
import { fieldName, inField } from "./field.ts";
import { changeText } from "./place.ts";

const keysFolder = "etc/apk/keys";

/**
 * Writes the list of repositories: those of the build, then those of the running image, each once, in
 * the order in which apk prefers them. Without any, what the packages brought stays.
 */
export async function applyRepositories(
  root: Root,
  config: ImageConfig,
  options: ApplyOptions,
): Promise<void> {
  const { repositories, runtimeRepositories } = config.contents;
  const all = [...repositories, ...runtimeRepositories];
  if (all.length === 0) return;
  for (const [index, repository] of repositories.entries())
    if (isFolder(repository))
      options.events({
        type: "warning",
        text: `${fieldName(config, `contents.repositories[${index}]`)}: ${repository.written} is a folder of this machine, and apk in the image will look for it there`,
        hint: "Move it to contents.build_repositories, which are for the build only.",
      });
  const lines = new Set(all.map(repositoryLine));
  await inField(
    fieldName(config, "contents.repositories"),
    "Leave out the package that brings it.",
    () => changeText(root, "etc/apk/repositories", () => [...lines, ""].join("\n"), options),
  );
}

function isFolder({ written }: ConfigRepository): boolean {
  return !/^https?:\/\//i.test(written);
}

function repositoryLine({ written, tag }: ConfigRepository): string {
  // Whoever has the image can read the list: the credentials of the build are not theirs.
  const plain = { url: withoutUserinfo(written), scoped: false, alpineKeys: false };
  return formatRepository(tag === undefined ? plain : { ...plain, tag });
}

/**
 * Writes the keys that the image trusts, each under its name. A key never takes the place of another:
 * that would change whom the image trusts without a word.
 */
export async function applyKeys(
  root: Root,
  config: ImageConfig,
  options: ApplyOptions,
): Promise<void> {
  const field = fieldName(config, "contents.keyring and contents.runtime_keyring");
  const alpine = config.contents.runtimeKeyring.some(({ kind }) => kind === "alpine");
  const keys = [...options.keys, ...(alpine ? builtInKeys(options.arch) : [])];
  const written = new Map<string, Key>();
  for (const key of keys) {
    const before = written.get(key.name);
    if (before?.fingerprint === key.fingerprint) continue;
    if (before !== undefined) throw nameTaken(field, key, before.fingerprint, "in another key");
    written.set(key.name, key);
    await inField(field, "Leave out the package that brings it.", () =>
      writeKey(root, key, field, options),
    );
  }
}

async function writeKey(root: Root, key: Key, field: string, options: ApplyOptions): Promise<void> {
  const path = joinPath(keysFolder, key.name);
  if (root.lookup(resolveInRoot(root, path)) !== undefined) {
    const found = await fingerprintAt(root, path, key.name, options);
    if (found === key.fingerprint) return;
    throw nameTaken(field, key, found, `in /${path}`);
  }
  await changeText(root, path, () => keyToPem(key), options);
}

/** The fingerprint of a key in the root; undefined for a file that is not a key. */
async function fingerprintAt(
  root: Root,
  path: string,
  name: string,
  { limits }: ApplyOptions,
): Promise<string | undefined> {
  try {
    return parseKey(name, await readRootText(root, path, limits)).fingerprint;
  } catch (error) {
    if (isBivyError(error, "key-invalid")) return undefined;
    throw error;
  }
}

function nameTaken(field: string, key: Key, found: string | undefined, place: string): BivyError {
  const said = found === undefined ? "no key" : `the fingerprint ${found}`;
  return new BivyError(
    "config-invalid",
    `${field}: the key ${key.name}: expected one key of this name, with the fingerprint ${key.fingerprint}; found ${said} ${place}`,
    {
      hint: "Signatures name keys by their files: find out which of the two is meant, and leave out the other.",
    },
  );
}
