/** sbom: bills of materials: what an inventory found, as SPDX and as CycloneDX; and those of others, read. */
export type { SbomOptions, SbomSource } from "./bill.ts";
export { writeCycloneDx } from "./cyclonedx.ts";
export { documentText, documentUuid } from "./document.ts";
export { contentsOf, type InventoryContentsOptions } from "./inventory-contents.ts";
export { apkPackageUrl, formatPackageUrl, type PackageUrl } from "./package-url.ts";
export { tryParsePackageUrl } from "./read/read-package-url.ts";
export { looksLikeSbom, parseSbom, type ParseSbomOptions } from "./read/read-sbom.ts";
export * from "./read/sbom-document.ts";
export { writeSpdx } from "./spdx.ts";
