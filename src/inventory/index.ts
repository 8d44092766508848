/** inventory: what an image, a root folder or a root archive holds, and what needs what in it. */
export {
  compareInventories,
  type ChangeKind,
  type FileAspect,
  type FileChange,
  type InventoryDifference,
  type PackageChange,
  type SettingChange,
  type SizeTotals,
} from "./compare.ts";
export {
  dependencyGraph,
  reachableFrom,
  shareOf,
  type Dependency,
  type DependencyGraph,
  type Dependent,
  type PackageNode,
  type WorldEntry,
} from "./dependencies.ts";
export { alpineBranch, distributionOf, type ReleaseFile } from "./distribution.ts";
export {
  packageRepositories,
  repositoryOfUrl,
  type PackageRepository,
} from "./package-repository.ts";
export { pathsFromWorld, type WorldPath } from "./required-by.ts";
export * from "./inventory.ts";
export type { Ecosystem, LanguagePackage } from "./languages/language-package.ts";
export { formatPackageUrl, type PackageUrl } from "./package-url.ts";
export {
  keepInventoryFiles,
  readInventory,
  takeInventory,
  type InventoryOptions,
  type InventorySource,
} from "./read-inventory.ts";
export { unownedFiles, type UnownedFile, type UnownedFiles } from "./unowned-files.ts";
