/** How a verify report names a layer: its place, and the instruction that made it. */
import { formatInstruction } from "../../oci/index.ts";
import type { VerifyReport } from "../../verify/index.ts";

/** An instruction may be a whole script. */
const longestInstruction = 160;

/** Such as `layer 2: RUN make install`; people count layers from 1, as `bivy why` does. */
export function layerText(layer: number, { layers }: Pick<VerifyReport, "layers">): string {
  const place = `layer ${layer + 1}`;
  const createdBy = layers[layer]?.createdBy;
  if (createdBy === undefined || createdBy === "") return place;
  const instruction = formatInstruction(createdBy);
  return instruction.length > longestInstruction
    ? `${place}: ${instruction.slice(0, longestInstruction - 1)}…`
    : `${place}: ${instruction}`;
}
