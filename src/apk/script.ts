/** Scripts of packages: who runs them, and what is said when nobody can. */
import type { Root } from "../tree/index.ts";

/** PATH is all that a script finds in its environment, besides what apk 3 adds. */
export const scriptPath = "/usr/sbin:/usr/bin:/sbin:/bin";

export interface ScriptRequest {
  /** Such as `busybox-1.36.1-r19.post-install`. */
  readonly label: string;
  readonly script: Uint8Array;
  /** What follows the script's name: versions, or a trigger's directories. */
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

export interface ScriptResult {
  readonly exitCode: number;
  /** What it printed on both streams, cut to a bearable length. */
  readonly output: string;
}

/** Runs package scripts in a root. What a script changes is in the root when the promise resolves. */
export interface ScriptRunner {
  run(request: ScriptRequest, root: Root): Promise<ScriptResult>;
}
