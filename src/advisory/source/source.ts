/** Feed sources: where the files of feeds are read: from their servers, or from a folder that mirrors them. */
import type { Content } from "../../base/index.ts";
import type { FeedName } from "../feed.ts";

/** One file of a feed. */
export interface FeedFile {
  readonly feed: FeedName;
  /** Of secdb. */
  readonly branch?: string;
  readonly repository?: string;
  readonly url: string;
  /** The names under which a folder may have it, the first that is there counts; `*` stands for some text. */
  readonly names: readonly string[];
}

export interface FetchedFile {
  readonly content: Content;
  /** Where it was: a URL, or a path. */
  readonly url: string;
  /** When it was last known to be current: seconds since 1970. */
  readonly fetched: number;
}

export interface FeedSource {
  /** What messages call it. */
  readonly subject: string;
  /** Undefined where it has no such file. */
  fetch(file: FeedFile): Promise<FetchedFile | undefined>;
  /** The branches that it has files of secdb for; undefined where it cannot tell. */
  listBranches(): Promise<readonly string[] | undefined>;
}
