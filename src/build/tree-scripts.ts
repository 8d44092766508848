/**
 * Package scripts on a tree in memory: the tree is laid out in a temporary directory, the script runs
 * there in a sandbox, and what it changed is taken back.
 */
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import {
  makeParents,
  type ScriptRequest,
  type ScriptResult,
  type ScriptRunner,
} from "../apk/index.ts";
import {
  bytesContent,
  fileError,
  makeScratchFolder,
  removeScratchFolder,
  type Limits,
} from "../base/index.ts";
import { canSetOwners, coveredFolders, runInRoot } from "../sandbox/index.ts";
import { DirectoryRoot, Mirror, resolveInRoot, type Root, type TreeRoot } from "../tree/index.ts";

export interface TreeScriptsOptions {
  /** The date of what scripts write, in seconds since 1970. */
  readonly time: number;
  readonly limits: Limits;
  readonly signal?: AbortSignal;
}

/** Where apk puts a script while it runs. */
const scriptFolder = "lib/apk/exec";

/** Runs the scripts of one tree; `close` removes the temporary directory. */
export class TreeScripts implements ScriptRunner {
  readonly #tree: TreeRoot;
  readonly #options: TreeScriptsOptions;
  #mirror: Mirror | undefined;
  #scratch: string | undefined;

  constructor(tree: TreeRoot, options: TreeScriptsOptions) {
    this.#tree = tree;
    this.#options = options;
  }

  async run(request: ScriptRequest, root: Root): Promise<ScriptResult> {
    const { time, limits, signal } = this.#options;
    this.#mirror ??= await this.#open();
    const folder = resolveInRoot(root, scriptFolder);
    if (root.lookup(folder) === undefined) {
      makeParents(root, `${folder}/script`, time);
      root.setAttributes(folder, { mode: 0o700, uid: 0, gid: 0, mtime: time });
    }
    await this.#mirror.lay(this.#tree.snapshot());
    const path = `${folder}/${request.label}`;
    try {
      // Packages and scripts decide what stands there. A link among it would lead out of the root and
      // onto the host, so the script comes and goes as packages do: never through one.
      const files = new DirectoryRoot(this.#mirror.directory, { owners: false });
      const attributes = { mode: 0o755, uid: 0, gid: 0, mtime: time };
      await files.writeFile(path, attributes, bytesContent(request.script));
      const result = await runInRoot({
        root: this.#mirror.directory,
        command: [`/${path}`, ...request.arguments],
        environment: request.environment,
        timeoutMilliseconds: limits["script-time"] * 1000,
        ...(signal === undefined ? {} : { signal }),
      });
      if (files.lookup(path)?.kind !== "directory") files.remove(path);
      await this.#mirror.takeBack(this.#tree);
      return result;
    } catch (error) {
      throw fileError(error, `running ${request.label}`, path);
    }
  }

  /** The root's folder is as open as a root is, but stands in one that only its owner can enter. */
  async #open(): Promise<Mirror> {
    this.#scratch = await makeScratchFolder("root");
    const directory = join(this.#scratch, "root");
    await mkdir(directory);
    await chmod(directory, 0o755);
    return new Mirror(directory, {
      owners: canSetOwners(),
      time: this.#options.time,
      ignored: coveredFolders,
      limits: this.#options.limits,
    });
  }

  async close(): Promise<void> {
    if (this.#scratch !== undefined) await removeScratchFolder(this.#scratch);
    this.#scratch = undefined;
    this.#mirror = undefined;
  }
}
