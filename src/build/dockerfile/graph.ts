/**
 * The graph of stages: which ones a target needs, and in what order they can be built. A stage uses
 * only stages before it, so that their order in the file is one, and there are no cycles.
 */
import {
  parseTrigger,
  readSource,
  type Dockerfile,
  type Instruction,
  type Source,
  type Word,
} from "../../dockerfile/index.ts";
import { faultAt } from "./fault.ts";
import { type ResolvedStage } from "./stages.ts";

/** An instruction of a stage, and the text that it stands in. */
export interface PlacedInstruction {
  readonly instruction: Instruction;
  readonly source: Source;
  /** It was kept by the base's ONBUILD. */
  readonly isTrigger: boolean;
}

/** What an instruction takes files from besides its own stage, in the order of its flags. */
export interface Use {
  readonly word: Word;
  readonly name: string;
}

/** The names after `--from` and in `from` of mounts; undefined for a mount that has none. */
export function usesOf({ instruction }: PlacedInstruction): readonly (Use | undefined)[] {
  if (instruction.name === "COPY") {
    const { from } = instruction;
    return from === undefined || from.text === "" ? [] : [{ word: from, name: from.text }];
  }
  if (instruction.name !== "RUN") return [];
  return instruction.mounts.map((word) => {
    const name = fromOfMount(word.text);
    return name === "" ? undefined : { word, name };
  });
}

/** The `from` of a mount that takes files from elsewhere; other keys may have variables still. */
function fromOfMount(text: string): string {
  let from = "";
  let type = "bind";
  for (const field of text.split(",")) {
    const match = /^"?(from|type)=(.*?)"?$/i.exec(field.trim());
    if (match?.[1]!.toLowerCase() === "from") from = match[2]!;
    else if (match !== null) type = match[2]!.toLowerCase();
  }
  return type === "tmpfs" || type === "secret" || type === "ssh" ? "" : from;
}

/** Reads what an image or a stage keeps for those who build on it, as instructions of `stage`. */
export function readTriggers(
  dockerfile: Dockerfile,
  { stage }: ResolvedStage,
  expressions: readonly string[],
): readonly PlacedInstruction[] {
  return expressions.map((expression, index) => {
    const subject = `${dockerfile.syntax.source.subject}:${stage.from.node.line}: ONBUILD ${index + 1} of the base`;
    const instruction = parseTrigger(expression, { subject });
    if (instruction.name === "FROM" || instruction.name === "ONBUILD")
      throw faultAt(
        dockerfile.syntax.source,
        stage.from.image,
        `the base keeps an instruction that ONBUILD cannot keep: ${instruction.name}`,
      );
    return { instruction, source: readSource(expression, { subject }), isTrigger: true };
  });
}

/** The stages that `target` needs and itself, in an order in which each comes after those it needs. */
export function neededStages(
  target: number,
  dependenciesOf: (index: number) => Iterable<number>,
): readonly number[] {
  const needed = new Set([target]);
  // A set goes on with what is added while it is walked.
  for (const index of needed) for (const other of dependenciesOf(index)) needed.add(other);
  return Array.from(needed).toSorted((a, b) => a - b);
}
