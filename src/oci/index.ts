/** oci: images, their formats, and the places on this machine where they are. */
export {
  openArchive,
  type ArchiveKind,
  type ArchiveOptions,
  type ImageArchive,
} from "./archive-read.ts";
export {
  dockerArchive,
  ociArchive,
  writeArchiveFile,
  type DockerArchiveOptions,
  type OciArchiveOptions,
} from "./archive-write.ts";
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
export { folderBlobs } from "./blob-folder.ts";
export {
  memoryBlobs,
  putBlob,
  verifyBlob,
  type BlobAddress,
  type BlobSink,
  type BlobSource,
  type BlobStore,
  type BlobWriter,
} from "./blobs.ts";
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
export { blobsOf, copyBlobs, type ImageBlob } from "./copy.ts";
export { isAttestation, refNameAnnotation, type Descriptor } from "./descriptor.ts";
export {
  imageOf,
  openImage,
  type Image,
  type ImageIndex,
  type ImageOrIndex,
  type IndexChild,
  type OpenImageOptions,
} from "./image.ts";
export { type Layer } from "./layer.ts";
export { writeLayer, type LayerWriteOptions } from "./layer-write.ts";
export {
  createLayout,
  isLayout,
  openLayout,
  type Layout,
  type LayoutEntry,
  type LayoutOptions,
  type LayoutPutOptions,
} from "./layout.ts";
export { locateImage, type LocatedImage, type LocateOptions } from "./locate.ts";
export { formatImageLocator, parseImageLocator, type ImageLocator } from "./locator.ts";
export { withLock, type LockOptions } from "./lock.ts";
export { parseManifest, type IndexManifest, type Manifest } from "./manifest.ts";
export { dockerMediaTypes, mediaTypes, type LayerCompression } from "./media-type.ts";
export { annotate, appendLayers, changeConfig, type AppendOptions } from "./mutate.ts";
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
export { platformsOf, selectPlatform } from "./select.ts";
export {
  defaultStorePath,
  openStore,
  type ImageStore,
  type StoredImage,
  type StoreOptions,
} from "./store.ts";
