/** FROM: the image or stage that a stage builds on. */
import { checkFlags } from "../flags.ts";
import { type FromInstruction } from "../instruction.ts";
import { type Report } from "../problem.ts";
import { quoted } from "../source.ts";
import { type InstructionNode, type Word } from "../syntax.ts";
import { reportMissing, reportUnexpected, wordsOf } from "./expectation.ts";

const stageNameForm = /^[a-z][a-z0-9_.-]*$/;
const usage = "FROM IMAGE or FROM IMAGE AS NAME";

export function readFrom(node: InstructionNode, report: Report): FromInstruction | undefined {
  const flags = checkFlags(node, report);
  const words = wordsOf(node.arguments);
  const [image, as, stageName] = words;
  if (image === undefined) return reportMissing(node, "an image", usage, report);
  if (as !== undefined && !readsAs(node, words, report)) return undefined;
  return {
    name: "FROM",
    node,
    image,
    stageName: stageName && { ...stageName, text: stageName.text.toLowerCase() },
    platform: flags.value("platform"),
  };
}

/** Whether what follows the image is `AS NAME`. */
function readsAs(node: InstructionNode, words: readonly Word[], report: Report): boolean {
  const [, as, stageName, extra] = words;
  if (as!.text.toLowerCase() !== "as") reportUnexpected(node, as!, "AS after the image", report);
  else if (stageName === undefined) reportMissing(node, "a name after AS", usage, report, as);
  else if (extra !== undefined) reportUnexpected(node, extra, "nothing after the name", report);
  else if (stageNameForm.test(stageName.text.toLowerCase())) return true;
  else
    report(
      "stage-name-invalid",
      stageName,
      `${quoted(stageName.text)} cannot name a stage`,
      "A name begins with a letter; letters, digits, dots, dashes and underscores may follow.",
    );
  return false;
}
