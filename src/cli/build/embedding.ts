/** Embedding, as the flags of bivy build ask for it: a bill of materials in the image itself. */
import { BivyError } from "../../base/index.ts";
import type { BlobStore, Image, Reference } from "../../oci/index.ts";
import type { Session } from "../session.ts";
import { version } from "../version.ts";
import type { SharedFlags } from "./shared-flags.ts";

export type Embed = (image: Image, blobs: BlobStore) => Promise<Image>;

/** Undefined where it is not asked for; a wrong format is found out before any work is done. */
export function embedder(
  { sbomInImage, compression }: SharedFlags,
  [reference]: readonly Reference[],
  { limits, signal }: Session,
): Embed | undefined {
  if (sbomInImage === undefined) return undefined;
  const format = sbomInImage === true ? "spdx" : sbomInImage;
  if (format !== "spdx" && format !== "cyclonedx")
    throw new BivyError("usage", `--sbom-in-image ${format}: expected spdx or cyclonedx`, {
      hint: "Without a word it is spdx. Write a path that follows after --, or before the flag.",
    });
  return async (image, blobs) => {
    const { embedSbom } = await import("../../build/index.ts");
    return embedSbom(image, {
      format,
      version,
      compression,
      blobs,
      limits,
      signal,
      ...(reference === undefined ? {} : { reference }),
    });
  };
}
