/** How a verify report names a layer: its place, and the instruction that made it. */
import { formatInstruction } from "../../oci/index.ts";
import type { VerifyReport } from "../../verify/index.ts";

/** An instruction may be a whole script. */
const longestInstruction = 160;

/** Such as `layer 2: RUN make install`. */
export function layerText(layer: number, { layers }: Pick<VerifyReport, "layers">): string {
  const createdBy = layers[layer]?.createdBy;
  if (createdBy === undefined || createdBy === "") return `layer ${layer}`;
  const instruction = formatInstruction(createdBy);
  return instruction.length > longestInstruction
    ? `layer ${layer}: ${instruction.slice(0, longestInstruction - 1)}…`
    : `layer ${layer}: ${instruction}`;
}
