/** bivy why: why a package, file, library or command is in an image, and which layer brought it. */
import { InvalidArgumentError, Option, type Command } from "commander";
import type { Inventory } from "../inventory/index.ts";
import { addImageFlags, imageArgumentForms, inventoryOf, type ImageFlags } from "./image-source.ts";
import { addResultFlags, formatJson, writeResult, type ResultFlags } from "./result.ts";
import { withSession, type Session } from "./session.ts";

interface WhyFlags extends ImageFlags, ResultFlags<"text" | "json"> {
  readonly paths: number;
}

export function configure(command: Command): void {
  addImageFlags(
    addResultFlags(
      command
        .argument("<IMAGE>", imageArgumentForms)
        .argument("<NAME>", "a package, a file's path, a library such as libz.so.1, or a command"),
      ["text", "json"],
    ).addOption(
      new Option("--paths <N>", "how many of the shortest paths of a package are shown")
        .argParser(parseCount)
        .default(10),
    ),
  )
    .addHelpText(
      "before",
      `Examples:
  $ bivy why alpine:3.20 libcrypto3         which packages need it, up to world
  $ bivy why alpine:3.20 so:libssl.so.3     a library, by its soname
  $ bivy why alpine:3.20 /bin/ls            a file: its package, its layer
  $ bivy why app:1 node                     a command, as PATH finds it
  $ bivy why app:1 curl --format json
`,
    )
    .action((image: string, name: string, flags: WhyFlags) =>
      withSession(flags, (session) => why(image, name, flags, session)),
    );
}

function parseCount(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Expected a number from 1 to 999999.");
}

async function why(image: string, name: string, flags: WhyFlags, session: Session): Promise<void> {
  const { dependencyGraph } = await import("../inventory/index.ts");
  const { explain, explanationDocument } = await import("../why/index.ts");
  const { formatExplanation } = await import("./why/text.ts");
  const inventory = await inventoryOf(image, flags, session, { subject: image });
  warn(inventory, session);
  const packages = inventory.packages.map(({ installed }) => installed);
  const graph = dependencyGraph(packages, inventory.world);
  const explanation = explain(inventory, graph, name, { paths: flags.paths });
  session.progress.end();
  const text =
    flags.format === "json"
      ? formatJson(explanationDocument(explanation, inventory))
      : formatExplanation(explanation, inventory);
  await writeResult(text, flags);
}

function warn({ problems }: Inventory, { access }: Session): void {
  for (const text of problems) access.events?.({ type: "warning", text });
}
