/** bivy db export: the advisory database as one file, or as an artifact in a registry or layout. */
import type { Command } from "commander";
import type { ImageLocator } from "../../oci/index.ts";
import { openDatabaseArgument } from "../advisories.ts";
import { addImageFlags, type ImageFlags } from "../image-source.ts";
import { registriesOf } from "../registry-flags.ts";
import { withSession, type Session } from "../session.ts";
import { printNote, printResult, writeResultBytes } from "../term/streams.ts";

interface ExportFlags extends ImageFlags {
  readonly db?: string;
}

export function configure(command: Command): void {
  addImageFlags(
    command
      .argument(
        "<DESTINATION>",
        "a file, oci:DIR[:TAG], oci-archive:FILE, or a registry's reference",
      )
      .option("--db <DATABASE>", "which database (default: current)"),
  )
    .addHelpText(
      "before",
      `Examples:
  $ bivy db export advisories.tar
  $ bivy db export registry.example.com/advisories:latest
`,
    )
    .action((word: string, flags: ExportFlags) =>
      withSession(flags, (session) => exportDatabase(word, flags, session)),
    );
}

async function exportDatabase(word: string, flags: ExportFlags, session: Session): Promise<void> {
  const { checkDestination, isStandardOutput, openStore, parseImageLocator, writeImage } =
    await import("../../oci/index.ts");
  const parsed = parseImageLocator(word);
  const destination: ImageLocator =
    parsed.kind === "reference" ? { kind: "registry", reference: parsed.reference } : parsed;
  await checkDestination(destination);
  const database = await openDatabaseArgument(flags.db ?? "current", flags, session);
  await writeImage(database.image, destination, {
    store: openStore({ limits: session.limits }),
    registries: () => registriesOf(flags, session),
    events: session.progress.report,
    standardOutput: writeResultBytes,
  });
  session.progress.end();
  (isStandardOutput(destination) ? printNote : printResult)(database.digest);
}
