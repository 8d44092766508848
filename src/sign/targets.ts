/** Targets: which images of an index are signed with it. */
import { BivyError, type Digest } from "../base/index.ts";
import {
  describe,
  dockerMediaTypes,
  mediaTypes,
  type Descriptor,
  type ImageOrIndex,
} from "../oci/index.ts";

/** How deep indexes may nest; honest ones have one level, rarely two. */
const deepestNesting = 8;
const indexTypes: ReadonlySet<string> = new Set([mediaTypes.index, dockerMediaTypes.index]);

/**
 * The image or index itself and, if `recursive`, all children of an index, each once. Children are
 * not opened, unless they are indexes: they need not be here.
 */
export async function signingTargets(
  image: ImageOrIndex,
  recursive: boolean,
): Promise<readonly Descriptor[]> {
  const targets = new Map<Digest, Descriptor>([[image.digest, describe(image)]]);
  const addChildren = async (parent: ImageOrIndex, depth: number): Promise<void> => {
    if (parent.kind === "image") return;
    if (depth >= deepestNesting)
      throw new BivyError(
        "limit-exceeded",
        `${parent.subject}: image index ${parent.digest}: more than ${deepestNesting} indexes inside each other`,
        { hint: "The image is damaged or hostile." },
      );
    for (const { descriptor, open } of await parent.children()) {
      if (targets.has(descriptor.digest)) continue;
      const { mediaType, digest, size } = descriptor;
      targets.set(digest, { mediaType, digest, size });
      if (indexTypes.has(mediaType)) await addChildren(await open(), depth + 1);
    }
  };
  if (recursive) await addChildren(image, 0);
  return [...targets.values()];
}
