/** Sparse indexes: an image index of which some children were never copied here, as after a pull of one platform. */
import { isBivyError, type Digest } from "../base/index.ts";
import { isAttestation } from "./descriptor.ts";
import { checkNesting, type IndexChild, type ImageOrIndex } from "./image.ts";

export interface PresentChildren {
  /** The children, attestations among them, whose manifests are here; of nested indexes too. */
  readonly present: ReadonlySet<Digest>;
  /** How many are not, each counted once. */
  readonly absent: number;
  /** Of those that are here: the images, without attestations and indexes. */
  readonly images: readonly ImageOrIndex[];
}

/** Opens every child of an index to see which are here. The place must be on this machine. */
export async function presentChildren(from: ImageOrIndex): Promise<PresentChildren> {
  const present = new Set<Digest>();
  const images: ImageOrIndex[] = [];
  const seen = new Set<Digest>();
  let absent = 0;
  const visit = async (parent: ImageOrIndex, depth: number): Promise<void> => {
    if (parent.kind === "image") return;
    checkNesting(parent, depth);
    for (const child of await parent.children()) {
      if (seen.has(child.descriptor.digest)) continue;
      seen.add(child.descriptor.digest);
      const opened = await tryOpen(child);
      if (opened === undefined) {
        absent += 1;
        continue;
      }
      present.add(child.descriptor.digest);
      if (opened.kind === "image" && !isAttestation(child.descriptor)) images.push(opened);
      await visit(opened, depth + 1);
    }
  };
  await visit(from, 0);
  return { present, absent, images };
}

async function tryOpen(child: IndexChild): Promise<ImageOrIndex | undefined> {
  try {
    return await child.open();
  } catch (error) {
    if (isBivyError(error, "image-invalid")) return undefined;
    throw error;
  }
}
