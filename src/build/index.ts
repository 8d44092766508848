/** build: from a configuration or a Dockerfile to an image; the lock that makes it repeatable. */
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
export { attestBuilds, type AttestOptions } from "./attest/attest-build.ts";
export { embeddingTitle, embedSbom, type EmbedOptions } from "./attest/embed-sbom.ts";
export { cacheImage, importSteps } from "./dockerfile/cache/cache-image.ts";
export {
  openStepCache,
  type ImportedSteps,
  type StepCache,
} from "./dockerfile/cache/step-cache.ts";
export {
  buildDockerfile,
  planBuild,
  type DockerfileBuild,
  type DockerfileBuildOptions,
} from "./dockerfile/execute/build.ts";
export { type PlannedBuild } from "./dockerfile/execute/plan-images.ts";
export { type Credentials, type SocketAccess } from "./dockerfile/execute/run-mounts.ts";
export { type FailedCommand } from "./dockerfile/execute/run-step.ts";
export { bootstrapBase } from "./dockerfile/sources/bootstrap-base.ts";
export {
  openBaseImages,
  type BaseImages,
  type NamedContext,
} from "./dockerfile/sources/base-images.ts";
export {
  findIgnore,
  openBuildContext,
  type BuildContext,
} from "./dockerfile/sources/build-context.ts";
export {
  lockInputs,
  openRecorder,
  type StepRecorder,
  type StepRecordings,
} from "./dockerfile/execute/lock-inputs.ts";
export { type LockedBuild } from "./dockerfile/execute/locked-step.ts";
export {
  completeLock,
  formatDockerfileLock,
  isDockerfileLock,
  parseDockerfileLock,
  type DockerfileLock,
} from "./dockerfile/packages/dockerfile-lock.ts";
export {
  diffLocks,
  lockedStages,
  type LockDifference,
} from "./dockerfile/packages/lock-difference.ts";
export { type LockFinding } from "./dockerfile/packages/lock-dockerfile.ts";
