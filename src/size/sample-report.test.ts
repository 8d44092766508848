/**
 * Reports of images that are made for one test, in memory. It has no tests of its own; the name keeps it
 * out of the published package.
 */
import { layeredImage, type SampleStep } from "../../test/layered-root.ts";
import { readInventory } from "../inventory/index.ts";
import { measureSize, type SizeReport } from "./index.ts";

export async function reportOf(
  steps: readonly SampleStep[],
  subject = "sample",
): Promise<SizeReport> {
  const image = await layeredImage(steps);
  const options = { subject, checksums: ["sha256"] } as const;
  return measureSize(await readInventory({ kind: "image", image }, options));
}

/** So many bytes; another letter makes another content. */
export function bytes(count: number, letter = "x"): string {
  return letter.repeat(count);
}
