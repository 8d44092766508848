/** Supply: the indexes that apk would see in a stage, loaded once and verified under bivy's rules. */
import {
  builtInKeys,
  isLocalRepository,
  loadIndex,
  parseRepositories,
  type Access,
  type Key,
  type LoadedIndex,
  type Repository,
} from "../../../apk/index.ts";
import { isBivyError } from "../../../base/index.ts";
import { showUrl } from "../../../http/index.ts";

export interface SupplyOptions {
  readonly access: Access;
  /** Keys that the user names, beside those of the root and Alpine's own. */
  readonly keys: readonly Key[];
  /** Take indexes without a trusted signature. */
  readonly allowUntrusted: boolean;
}

/** Why something is not known, and what helps. */
export interface Problem {
  readonly reason: string;
  readonly hint?: string;
}

export function isProblem<Result extends object>(result: Result | Problem): result is Problem {
  return "reason" in result;
}

/** The repositories of lines; a problem where a line is malformed. */
export function repositoriesOf(text: string, subject: string): Repository[] | Problem {
  try {
    return parseRepositories(text, subject);
  } catch (error) {
    if (isBivyError(error, "repositories-invalid")) return { reason: error.message };
    throw error;
  }
}

/** Failures that concern one repository, with which a build can be locked all the same. */
const passedOver = [
  "key-unknown",
  "key-not-allowed",
  "signature-missing",
  "signature-invalid",
  "http-not-found",
] as const;

/** Loads indexes as they are asked for; the same one is loaded once. */
export class Supply {
  readonly #options: SupplyOptions;
  readonly #loaded = new Map<string, Promise<LoadedIndex | Problem>>();

  constructor(options: SupplyOptions) {
    this.#options = options;
  }

  /**
   * The index of a repository, or why it cannot be taken. `keys` are those of the root.
   *
   * Fails where the network does.
   */
  async load(
    repository: Repository,
    arch: string,
    keys: readonly Key[],
  ): Promise<LoadedIndex | Problem> {
    const prints = keys.map(({ name, fingerprint }) => `${name} ${fingerprint}`);
    const key = JSON.stringify([repository.url, arch, ...prints.sort()]);
    const loading = this.#loaded.get(key) ?? this.#load(repository, arch, keys);
    this.#loaded.set(key, loading);
    const found = await loading;
    return isProblem(found) ? found : { ...found, repository };
  }

  async #load(
    repository: Repository,
    arch: string,
    keys: readonly Key[],
  ): Promise<LoadedIndex | Problem> {
    const shown = showUrl(repository.url);
    if (isLocalRepository(repository))
      return { reason: `${shown} is a folder of the image, with packages of its own` };
    const { access, keys: named, allowUntrusted } = this.#options;
    const keyring = allowUntrusted
      ? undefined
      : { keys: [...builtInKeys(arch), ...named, ...keys] };
    try {
      return await loadIndex(repository, arch, keyring, access);
    } catch (error) {
      if (!isBivyError(error, ...passedOver)) throw error;
      const { message, code, hint } = error;
      return {
        reason: message,
        ...(code === "http-not-found"
          ? { hint: "Correct the repository's URL." }
          : code.startsWith("key-")
            ? { hint: `Name the key of ${shown} with --key FILE, if you trust it.` }
            : hint === undefined
              ? {}
              : { hint }),
      };
    }
  }
}
