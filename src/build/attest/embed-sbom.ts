/**
 * Embedding: the bill of materials of an image, in the image itself, as its topmost layer. It is about
 * what is below, and cannot have the digest of the image that it stands in.
 */
import { tarHeader, writeTar, type TarItem } from "../../archive/index.ts";
import { BivyError, bytesContent, encodeText, joinPath, type Limits } from "../../base/index.ts";
import { readInventory } from "../../inventory/index.ts";
import {
  appendLayers,
  formatCreated,
  writeLayer,
  type BlobStore,
  type Image,
  type LayerCompression,
  type Reference,
} from "../../oci/index.ts";
import { writeCycloneDx, writeSpdx } from "../../sbom/index.ts";
import { findNode, type DirectoryNode } from "../../tree/index.ts";

export interface EmbedOptions {
  readonly format: "spdx" | "cyclonedx";
  /** Of bivy. */
  readonly version: string;
  /** The name that the image gets; the document's file is called after it. */
  readonly reference?: Reference;
  readonly compression: LayerCompression;
  /** Where the layer is written. */
  readonly blobs: BlobStore;
  readonly limits: Limits;
  readonly signal: AbortSignal;
}

/** Where the SBOMs of packages are that bring their own, too. */
const folder = "var/lib/db/sbom";
export const embeddingTitle = "bivy build --sbom-in-image";

/** The image with its bill of materials; the same image gives the same one. */
export async function embedSbom(image: Image, options: EmbedOptions): Promise<Image> {
  const { format, version, reference, compression, blobs, limits, signal } = options;
  const { subject } = image;
  const inventory = await readInventory(
    { kind: "image", image },
    { subject, limits, signal, inspects: true },
  );
  const created = Date.parse((await image.config()).created ?? "");
  const time = Number.isNaN(created) ? 0 : Math.max(0, Math.floor(created / 1000));
  const write = format === "spdx" ? writeSpdx : writeCycloneDx;
  const text = write(inventory, {
    time,
    version,
    phase: "build",
    isEmbedded: true,
    ...(reference === undefined ? {} : { reference }),
  });
  const name = reference?.repository.replace(/^.*\//s, "") ?? "image";
  const path = joinPath(folder, `${name}.${format === "spdx" ? "spdx" : "cdx"}.json`);
  const tar = writeTar(layerItems(inventory.tree.top, path, encodeText(text), time));
  const layer = await writeLayer(tar, blobs, { compression, limits });
  const entry = { created: formatCreated(time), created_by: embeddingTitle };
  return appendLayers(image, [layer], { history: [entry] });
}

/** The file, and before it the folders above it that are not there yet. */
function layerItems(
  top: DirectoryNode,
  path: string,
  bytes: Uint8Array,
  mtime: number,
): readonly TarItem[] {
  const parts = path.split("/");
  const above = parts.slice(1).map((_, at) => parts.slice(0, at + 1).join("/"));
  const blocked = above.find((each) => {
    const node = findNode(top, each);
    return node !== undefined && node.kind !== "directory";
  });
  if (blocked !== undefined)
    throw new BivyError("file-conflict", `${path}: expected a folder at ${blocked}, found none`, {
      hint: "Attach the SBOM instead of embedding it: --sbom.",
    });
  return [
    ...above
      .filter((each) => findNode(top, each) === undefined)
      .map((each) => ({
        header: tarHeader({ path: each, type: "directory", mode: 0o755, mtime }),
      })),
    {
      header: tarHeader({ path, type: "file", mode: 0o644, mtime, size: bytes.byteLength }),
      content: bytesContent(bytes),
    },
  ];
}
