/** bivy image save: images in one file, which docker load, podman load and bivy image load take. */
import type { Command } from "commander";
import { BivyError } from "../../base/index.ts";
import type { ImageToSave } from "../../oci/index.ts";
import { addImageFlags, locate, platformOf, type ImageFlags } from "../image-source.ts";
import { withSession, type Session } from "../session.ts";
import { isResultTerminal, printNote, printResult, writeResultBytes } from "../term/streams.ts";
import { writablePart } from "./whole.ts";

interface SaveFlags extends ImageFlags {
  readonly output?: string;
}

export function configure(command: Command): void {
  addImageFlags(
    command
      .argument("<IMAGE...>", "images, by name or where they are")
      .option("-o, --output <FILE>", "the file to write (default: standard output)"),
    "which image of an index docker load takes, such as linux/arm64 (default: this machine's)",
  )
    .addHelpText(
      "before",
      `Examples:
  $ bivy image save alpine:3.20 -o alpine.tar
  $ bivy image save app:1 app:2 | ssh host docker load
`,
    )
    .action((names: string[], flags: SaveFlags) =>
      withSession(flags, (session) => save(names, flags, session)),
    );
}

async function save(names: readonly string[], flags: SaveFlags, session: Session): Promise<void> {
  const { checkDestination, openStore, parseImageLocator, savedArchive, writeArchiveFile } =
    await import("../../oci/index.ts");
  const path = flags.output ?? "-";
  if (path === "-" && isResultTerminal())
    throw new BivyError("usage", "expected a file for the archive, found a terminal", {
      hint: "Name a file with --output FILE, or write into a pipe.",
    });
  await checkDestination({ kind: "oci-archive", path });
  const store = openStore({ limits: session.limits });
  const platform = await platformOf(flags);
  const images: (ImageToSave & { readonly digest: string })[] = [];
  for (const name of names) {
    const locator = parseImageLocator(name);
    const located = await locate(locator, store, flags, session);
    if (located.kind !== "image")
      throw new BivyError("usage", `${name}: expected an image, found a root file system`, {
        hint: "Only images can be saved.",
      });
    const part = await writablePart(located.image, locator, { kind: "oci-archive" });
    const references = "reference" in locator ? [locator.reference] : [];
    images.push({ ...part, references, digest: part.image.digest });
  }
  const archive = savedArchive(images, {
    events: session.progress.report,
    ...(platform === undefined ? {} : { platform }),
  });
  await (path === "-" ? writeResultBytes(archive) : writeArchiveFile(path, archive));
  session.progress.end();
  const print = path === "-" ? printNote : printResult;
  for (const [at, { digest }] of images.entries()) print(`${names[at]} ${digest}`);
}
