/** size: what makes an image large, what of it is wasted, and how long it takes to pull. */
export * from "./compare.ts";
export { tellingFolders, type FileSize, type FolderSize } from "./folder-size.ts";
export { sizeHtml } from "./html.ts";
export type { FileReplacement, LayerSize, Tally } from "./layer-size.ts";
export { measureSize, type SizeReport, type SizeTotals } from "./measure.ts";
export type {
  PackageGroup,
  PackageSize,
  PackageSizes,
  UnownedFolder,
  WorldShare,
} from "./package-size.ts";
export * from "./pull.ts";
export type { LayerBytes, Saving } from "./saving.ts";
export type { Fate } from "./stored-file.ts";
export type { Waste, WastedCopy, WastedFile } from "./waste.ts";
