/** oci: images, their formats, and the places on this machine where they are. */
export {
  openArchive,
  type ArchiveEntry,
  type ArchiveKind,
  type ArchiveOptions,
  type ImageArchive,
} from "./archive/archive-read.ts";
export {
  dockerArchive,
  ociArchive,
  savedArchive,
  writeArchiveFile,
  type DockerArchiveOptions,
  type ImageToSave,
  type OciArchiveOptions,
} from "./archive/archive-write.ts";
export { makeArtifact, type ArtifactDocument, type ArtifactParts } from "./artifact.ts";
export {
  describe,
  imageFromConfig,
  imageFromRawConfig,
  makeImage,
  makeIndex,
  platformOf,
  type ImageParts,
  type IndexPart,
} from "./assemble.ts";
export { attachAttestations, type AttestedImage, type Attestation } from "./attestation.ts";
export { folderBlobs } from "./layout/blob-folder.ts";
export { removeUnfinishedFiles, replaceFile } from "./layout/unfinished-file.ts";
export {
  memoryBlobs,
  putBlob,
  verifyBlob,
  type BlobAddress,
  type BlobContent,
  type BlobSink,
  type BlobSource,
  type BlobStore,
  type BlobWriter,
  type RepositoryName,
} from "./blobs.ts";
export { type Collected, type CollectOptions } from "./store/collect.ts";
export { gatherReferrers, putReferrers, type AttachedImage } from "./copy-referrers.ts";
export {
  encodeConfig,
  formatCreated,
  nameSet,
  parseConfig,
  type ContainerConfig,
  type Healthcheck,
  type HistoryEntry,
  type ImageConfig,
  type NameSet,
} from "./config.ts";
export {
  blobSink,
  blobsOf,
  copyImage,
  type CopyOptions,
  type ImageBlob,
  type ImageSink,
} from "./copy.ts";
export {
  checkDestination,
  isStandardOutput,
  writeImage,
  type DestinationOptions,
} from "./destination.ts";
export { isAttestation, refNameAnnotation, type Descriptor } from "./descriptor.ts";
export { formatInstruction, historySteps, layerHistory, type HistoryStep } from "./history.ts";
export { flattenImage, type FlattenOptions } from "./flatten.ts";
export {
  imageOf,
  openImage,
  type Image,
  type ImageIndex,
  type ImageOrIndex,
  type IndexChild,
  type OpenImageOptions,
} from "./image.ts";
export { readImageTree } from "./image-tree.ts";
export { interruptible } from "./interruptible.ts";
export { layerFrom, type Layer } from "./layer.ts";
export { writeLayer, type LayerWriteOptions } from "./layer-write.ts";
export {
  createLayout,
  isLayout,
  openLayout,
  type Layout,
  type LayoutEntry,
  type LayoutOptions,
  type LayoutPutOptions,
} from "./layout/layout.ts";
export { detectLocator, locateImage, type LocatedImage, type LocateOptions } from "./locate.ts";
export { formatImageLocator, parseImageLocator, type ImageLocator } from "./locator.ts";
export { withLock, type LockOptions } from "./layout/lock.ts";
export { parseManifest, type IndexManifest, type Manifest } from "./manifest.ts";
export { dockerMediaTypes, mediaTypes, type LayerCompression } from "./media-type.ts";
export { annotate, appendLayers, changeConfig, type AppendOptions } from "./mutate.ts";
export {
  layoutPlace,
  placeOf,
  registryPlace,
  storePlace,
  type ImagePlace,
  type PlaceOptions,
} from "./place.ts";
export {
  archOfPlatform,
  formatPlatform,
  hostPlatform,
  parsePlatform,
  platformDistance,
  platformOfArch,
  tryParsePlatform,
  type Platform,
} from "./platform.ts";
export {
  defaultRegistry,
  formatReference,
  parseReference,
  shortReference,
  tryParseReference,
  withDefaultTag,
  type Reference,
} from "./reference.ts";
export { rebaseImage } from "./rebase.ts";
export { childrenOf, platformsOf, selectPlatform } from "./select.ts";
export { presentChildren, type PresentChildren } from "./sparse.ts";
export {
  defaultStorePath,
  openStore,
  type ImageStore,
  type StoredImage,
  type StoreOptions,
  type StorePutOptions,
} from "./store/store.ts";
export { type StoreRecord, type StoreRecords } from "./store/records.ts";
export { type PresentImage, type StoredContents } from "./store/stored-contents.ts";
export {
  openCredentials,
  type CredentialSource,
  type CredentialsOptions,
} from "./registry/credentials.ts";
export { openRegistries, type Registries, type RegistriesOptions } from "./registry/registries.ts";
export { type Repository, type RepositoryPutOptions, type Which } from "./registry/repository.ts";
