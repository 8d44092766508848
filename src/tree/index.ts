/** tree: files as data, and the roots that packages, copies and scripts write to. */
export * from "./node.ts";
export * from "./root.ts";
export * from "./file-tree.ts";
export { folderResolver } from "./folder-resolver.ts";
export { TreeRoot, type TreeRootOptions } from "./tree-root.ts";
export { DirectoryRoot, type DirectoryRootOptions } from "./directory-root.ts";
export { Mirror, type MirrorOptions } from "./mirror.ts";
export * from "./layered-tree.ts";
export { layerDiff, type LayerDiffOptions } from "./layer-diff.ts";
export { readLayers } from "./read-layers.ts";
export { layerChecksum, readFiles, type PassingFile } from "./layer-content.ts";
export { readDirectoryTree } from "./directory-tree.ts";
export { ContextContent, readContextTree, type WalkedIgnore } from "./context-tree.ts";
export { layOut, type LayOutOptions } from "./lay-out.ts";
export { takeUpper, type UpperOptions } from "./overlay.ts";
export { spoolContents, type Spool } from "./spool.ts";
export { exportTree } from "./export-tree.ts";
export { flatItems } from "./flat-items.ts";
