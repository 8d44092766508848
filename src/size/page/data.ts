/** Page data: what the report's page draws, as it stands in the page as JSON. */

/** A file. Layer and package (`owner`) are places in the lists of the page; -1 where there is none or several. */
export type FileEntry = readonly [name: string, bytes: number, layer: number, owner: number];

/** Files that are too small to be drawn one by one: their number, and their bytes together. */
export type SmallFilesEntry = readonly [count: number, bytes: number, layer: number, owner: number];

export type FolderEntry = readonly [name: string, entries: readonly PageEntry[]];

export type PageEntry = FileEntry | SmallFilesEntry | FolderEntry;

export interface PageData {
  readonly root: FolderEntry;
  /** What each layer is called, lowest first. */
  readonly layers: readonly string[];
  readonly packages: readonly string[];
}
