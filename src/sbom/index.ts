/** sbom: bills of materials of what an inventory found, as SPDX and as CycloneDX. */
export type { SbomOptions } from "./bill.ts";
export { writeCycloneDx } from "./cyclonedx.ts";
export { apkPackageUrl, formatPackageUrl, type PackageUrl } from "./package-url.ts";
export { writeSpdx } from "./spdx.ts";
