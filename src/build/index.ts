/** build: from a configuration to an image; the lock that makes it repeatable. */
export { buildImage, type BuildOptions, type BuildResult, type BuiltArch } from "./declarative.ts";
export { parseArch } from "./config/archs.ts";
export { loadImageConfig } from "./config/include.ts";
export { parseImageConfig, type ImageConfig } from "./config/image-config.ts";
export { loadBuildKeys, type BuildKeys } from "./keys.ts";
export {
  formatLock,
  parseLock,
  requestDigest,
  requireCurrentLock,
  type Lock,
  type LockedArch,
  type LockedPackage,
} from "./lock.ts";
export { resolveImage, type Resolution, type ResolvedPackage } from "./resolve.ts";
