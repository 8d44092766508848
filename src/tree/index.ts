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
export { readFiles, type PassingFile } from "./layer-content.ts";
export { readDirectoryTree } from "./directory-tree.ts";
