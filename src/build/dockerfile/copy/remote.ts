/** Remote sources: what ADD takes from the network, known before it is fetched. */
import { type Access } from "../../../apk/index.ts";
import { type TreeNode } from "../../../tree/index.ts";

export interface RemoteSource {
  /** As the instruction names it. */
  readonly source: string;
  /** What it holds, for the key of a step: a digest, or a commit and a folder of it. */
  readonly identity: string;
  /** Fetches it, once however often it is called. */
  open(): Promise<RemoteFiles>;
}

export interface RemoteFiles {
  /** What it is called in a directory; empty for a repository, which has no name there. */
  readonly name: string;
  readonly node: TreeNode;
}

export interface RemoteOptions {
  readonly access: Access;
  /** A folder that stays as long as the files are used. */
  readonly scratch: string;
  /** The socket of an agent that holds keys for ssh; without it there are none. */
  readonly sshSocket?: string | undefined;
}

/** Calls a function at most once at a time; a failure is not kept. */
export function onceOnly<Result>(open: () => Promise<Result>): () => Promise<Result> {
  let opened: Promise<Result> | undefined;
  return () =>
    (opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    }));
}
