/** bivy image history: the instructions that made an image, newest first, and what each added. */
import type { Command } from "commander";
import type { HistoryStep } from "../../oci/index.ts";
import {
  addImageFlags,
  chooseImage,
  imageArgument,
  imageArgumentForms,
  type ImageFlags,
} from "../image-source.ts";
import { addResultFlags, formatJson, writeResult, type ResultFlags } from "../result.ts";
import { withSession, type Session } from "../session.ts";
import { formatBytes } from "../term/progress.ts";
import { formatTable } from "../term/table.ts";
import { instructionText } from "./instruction.ts";

interface HistoryFlags extends ImageFlags, ResultFlags<"table" | "json"> {
  readonly trunc: boolean;
}

export function configure(command: Command): void {
  addImageFlags(
    addResultFlags(command.argument("<IMAGE>", imageArgumentForms), ["table", "json"]).option(
      "--no-trunc",
      "show instructions whole",
    ),
  )
    .addHelpText(
      "before",
      `Examples:
  $ bivy image history alpine:3.20
  $ bivy image history oci:out --no-trunc
`,
    )
    .action((argument: string, flags: HistoryFlags) =>
      withSession(flags, (session) => history(argument, flags, session)),
    );
}

async function history(argument: string, flags: HistoryFlags, session: Session): Promise<void> {
  const { historySteps } = await import("../../oci/index.ts");
  const found = await imageArgument(argument, flags, session);
  const image = await chooseImage(found, argument, flags);
  const [config, layers] = await Promise.all([image.config(), image.layers()]);
  const steps = historySteps(config);
  // Layers that no history tells of come as they are.
  const told: readonly HistoryStep[] = steps.some(({ layer }) => layer !== undefined)
    ? steps
    : layers.map((_, layer) => ({ entry: {}, layer }));
  const entries = told.map(({ entry, layer }) => ({
    ...(entry.created === undefined ? {} : { created: entry.created }),
    ...(entry.created_by === undefined ? {} : { createdBy: entry.created_by }),
    ...(entry.comment === undefined ? {} : { comment: entry.comment }),
    ...(layer === undefined ? {} : { digest: layers[layer]!.digest, size: layers[layer]!.size }),
  }));
  session.progress.end();
  if (flags.format === "json") return writeResult(formatJson(entries), flags);
  const rows = entries
    .toReversed()
    .map(({ created, createdBy, digest, size }) => [
      digest?.slice("sha256:".length, "sha256:".length + 12) ?? "",
      created?.slice(0, 10) ?? "",
      size === undefined ? "" : formatBytes(size),
      instructionText(createdBy, flags.trunc ? undefined : Infinity),
    ]);
  const table = formatTable(
    [
      { title: "LAYER" },
      { title: "CREATED" },
      { title: "SIZE", align: "right" },
      { title: "INSTRUCTION" },
    ],
    rows,
  );
  await writeResult(table, flags);
}
