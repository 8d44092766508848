/** Whole or sparse: what of an image is here to be written elsewhere, after a pull of some platforms only. */
import { BivyError } from "../../base/index.ts";
import type { ImageLocator, ImageOrIndex } from "../../oci/index.ts";
import { printNote } from "../term/streams.ts";

export interface Part {
  readonly image: ImageOrIndex;
  readonly includes?: (child: { readonly digest: string }) => boolean;
}

/**
 * What of an image can be written to a place. An index that is not whole stays what it is on this
 * machine; a registry takes no such thing, so it gets the one image that is here.
 */
export async function writablePart(
  image: ImageOrIndex,
  source: ImageLocator,
  destination: Pick<ImageLocator, "kind">,
): Promise<Part> {
  if (image.kind === "image" || source.kind === "registry") return { image };
  const { formatImageLocator, presentChildren } = await import("../../oci/index.ts");
  const { present, absent, images } = await presentChildren(image);
  if (absent === 0) return { image };
  const name = formatImageLocator(source);
  if (destination.kind !== "registry")
    return { image, includes: ({ digest }) => (present as ReadonlySet<string>).has(digest) };
  const [only, ...others] = images;
  if (only === undefined || others.length > 0)
    throw new BivyError(
      "image-invalid",
      `${name}: expected every image of its index, found ${images.length} of ${images.length + absent}`,
      {
        hint: "Name one with --platform, or get the others first: bivy image pull --all-platforms.",
      },
    );
  printNote(
    `${name}: only one image of its index is here, so that image goes without the index (for all: bivy image pull --all-platforms)`,
  );
  return { image: only };
}
