/**
 * Media types of images: those of OCI (image-spec, media-types.md) and of Docker's schema 2
 * (distribution, manifest-v2-2.md), and how one family answers to the other.
 */

export const mediaTypes = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
  layerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  layerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
} as const;

export const dockerMediaTypes = {
  manifest: "application/vnd.docker.distribution.manifest.v2+json",
  index: "application/vnd.docker.distribution.manifest.list.v2+json",
  config: "application/vnd.docker.container.image.v1+json",
  layer: "application/vnd.docker.image.rootfs.diff.tar",
  layerGzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
} as const;

/** How the bytes of a layer are stored. */
export type LayerCompression = "none" | "gzip" | "zstd";

/** The OCI media type of a layer; zstd exists there only. */
export function layerMediaType(compression: LayerCompression): string {
  return {
    none: mediaTypes.layer,
    gzip: mediaTypes.layerGzip,
    zstd: mediaTypes.layerZstd,
  }[compression];
}

const ociCounterparts: Readonly<Record<string, string>> = {
  [dockerMediaTypes.manifest]: mediaTypes.manifest,
  [dockerMediaTypes.index]: mediaTypes.index,
  [dockerMediaTypes.config]: mediaTypes.config,
  [dockerMediaTypes.layer]: mediaTypes.layer,
  [dockerMediaTypes.layerGzip]: mediaTypes.layerGzip,
};

/** The OCI media type of the same bytes; what has none is returned as it is. */
export function toOciMediaType(mediaType: string): string {
  return Object.hasOwn(ociCounterparts, mediaType) ? ociCounterparts[mediaType]! : mediaType;
}

export function isManifestType(mediaType: string): boolean {
  return mediaType === mediaTypes.manifest || mediaType === dockerMediaTypes.manifest;
}

export function isIndexType(mediaType: string): boolean {
  return mediaType === mediaTypes.index || mediaType === dockerMediaTypes.index;
}

export function isConfigType(mediaType: string): boolean {
  return mediaType === mediaTypes.config || mediaType === dockerMediaTypes.config;
}
