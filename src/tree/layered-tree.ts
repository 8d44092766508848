/**
 * LayeredTree: the files of an image as its layers give them together, each with the layer that it
 * came from. Metadata are in memory; contents are read from their layer when they are asked for.
 */
import type { Chunks, Limits } from "../base/index.ts";
import type { DirectoryNode, FileNode, TreeNode } from "./node.ts";

/** One layer on its way into a tree. */
export interface TreeLayer {
  /** What messages call it. */
  readonly subject: string;
  /** Its uncompressed tar, verified while it streams; may be opened any number of times. */
  tar(): Chunks;
}

export type ChecksumAlgorithm = "sha1" | "sha256";

export interface ReadLayersOptions {
  readonly limits?: Limits;
  /** Which checksums of every file's content are computed while its layer streams by. */
  readonly checksums?: readonly ChecksumAlgorithm[];
  /**
   * Whether the content of a file that streams by is kept in memory, because the caller will read it:
   * such a content is there without reading its layer again, also once a higher layer replaced it.
   * `path` is where it comes to stand, once links on the way are followed.
   */
  readonly keeps?: (path: string, size: number) => boolean;
  /**
   * Who looks at the content of a file while it streams by; `path` is as for `keeps`. It is not asked
   * for empty files, and for one file at a time: a file is finished before the next is asked for.
   */
  readonly inspect?: (path: string, size: number) => Inspector | undefined;
  readonly signal?: AbortSignal;
}

/** Looks at one content while it streams by. */
export interface Inspector {
  /**
   * Is given the content chunk by chunk, which are the tree's: what is to stay must be copied. False
   * once it has seen enough.
   */
  take(chunk: Uint8Array): boolean;
  /** The content is over, or enough of it was seen; `file` is the node that has it. */
  finish(file: FileNode): void;
}

/** What a layer did to something that stood at a path before it: a layer below, or the layer itself. */
export interface LayerChange {
  readonly path: string;
  /** Whether something stands there once the whole layer is applied. */
  readonly kind: "changed" | "removed";
  /** A folder comes without its children: what became of each is a change of its own. */
  readonly before: TreeNode;
  /** The layer that `before` came from; lowest 0. Of a folder without an entry, the first that implied it. */
  readonly beforeLayer: number;
}

export interface LayerRecord {
  /** Entries in its tar, whiteouts among them. */
  readonly entries: number;
  /** Bytes of its tar; 0 for a folder on disk. */
  readonly size: number;
  /** Bytes of the files' contents in it. */
  readonly contentSize: number;
  /** What it replaced or removed, each file and folder of its own, in the order of its tar. */
  readonly changes: readonly LayerChange[];
}

export interface LayeredTree {
  readonly top: DirectoryNode;
  /** One for each layer that was applied, lowest first. */
  readonly layers: readonly LayerRecord[];
  /**
   * The layer that brought what stands at a plain path (not followed); lowest 0. For a folder, that
   * which gave it its attributes: one that only repeats them did not bring it. Undefined where nothing
   * stands, or where no layer has an entry of it (a folder that is only implied by others).
   */
  layerOf(path: string): number | undefined;
  /** The checksum of a file's content in lower-case hex, where it was asked for. */
  checksumOf(file: FileNode, algorithm: ChecksumAlgorithm): string | undefined;
}
