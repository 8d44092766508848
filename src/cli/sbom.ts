/** bivy sbom: what is inside an image, as a bill of materials, beside the image if wanted. */
import { Option, type Command } from "commander";
import { BivyError, encodeText } from "../base/index.ts";
import type { Inventory } from "../inventory/index.ts";
import type { Reference } from "../oci/index.ts";
import type { SbomContents, SbomOptions, SbomSource } from "../sbom/index.ts";
import { addImageFlags, type ImageFlags } from "./image-source.ts";
import { readTarget, targetForms, type Target } from "./read-target.ts";
import { addResultFlags, formatJson, writeResult, type ResultFlags } from "./result.ts";
import { attachSbom } from "./sbom/attach.ts";
import { sourceDateEpoch, withSession, type Session } from "./session.ts";
import { version } from "./version.ts";

interface SbomFlags extends ImageFlags, ResultFlags<"cyclonedx" | "spdx" | "table" | "json"> {
  readonly files?: boolean;
  readonly attach?: boolean;
  readonly author?: string;
}

export function configure(command: Command): void {
  addImageFlags(
    addResultFlags(command.argument("<TARGET>", targetForms), [
      "cyclonedx",
      "spdx",
      "table",
      "json",
    ])
      .option("--files", "list every file, with its checksums and the package that has it")
      .option("--attach", "put the document beside the image, as its referrer")
      .addOption(
        new Option("--author <NAME>", "who states it, such as a company, or 'Person: NAME'"),
      ),
  )
    .addHelpText(
      "before",
      `Examples:
  $ bivy sbom alpine:3.20 --format table             what is inside?
  $ bivy sbom app:1 -o app.cdx.json
  $ bivy sbom app:1 --format spdx --files -o app.spdx.json
  $ bivy sbom registry.example.com/app:1 --attach    beside the image
  $ bivy sbom syft.json --format spdx                another tool's, as SPDX
`,
    )
    .action((argument: string, flags: SbomFlags) =>
      withSession(flags, (session) => sbom(argument, flags, session)),
    );
}

async function sbom(argument: string, flags: SbomFlags, session: Session): Promise<void> {
  checkFlags(flags);
  const target = await readTarget(argument, flags, session, {
    subject: argument,
    inspects: true,
    ...(flags.files === true ? { checksums: ["sha1", "sha256"] as const } : {}),
  });
  const source = sourceOf(target);
  for (const text of source.problems) session.progress.report({ type: "warning", text });
  const options = await optionsOf(argument, target, flags);
  const text = await formatSource(argument, target, options, flags);
  if (flags.attach !== true) {
    session.progress.end();
    return writeResult(text, flags);
  }
  if (target.kind === "sbom")
    throw new BivyError("usage", `--attach: expected an image, found the document ${argument}`, {
      hint: "Name the image, and bivy reads it itself.",
    });
  if (flags.output !== undefined) await writeResult(text, flags);
  await attachSbom(argument, encodeText(text), flags, session);
}

function checkFlags({ format, attach, files, author }: SbomFlags): void {
  const isDocument = format === "cyclonedx" || format === "spdx";
  if (attach === true && !isDocument)
    throw new BivyError("usage", `--attach: expected a document, found --format ${format}`, {
      hint: "Attach --format cyclonedx or spdx.",
    });
  if (author?.trim() === "")
    throw new BivyError("usage", "--author: expected a name, found none", {
      hint: "Without it, the document says that bivy states it.",
    });
  if (files === true && format === "table")
    throw new BivyError("usage", "--files: expected a document or json, found --format table", {
      hint: "A table of all files would be read by nobody: choose --format json.",
    });
}

function sourceOf(target: Target): SbomSource {
  return target.kind === "sbom" ? target.document : target.inventory;
}

async function optionsOf(
  argument: string,
  target: Target,
  { files, author }: SbomFlags,
): Promise<SbomOptions> {
  const reference = target.kind === "sbom" ? undefined : await referenceOf(argument, target);
  return {
    time: sourceDateEpoch(process.env) ?? timeOf(target),
    version,
    ...(files === undefined ? {} : { files }),
    ...(author === undefined ? {} : { author }),
    ...(reference === undefined ? {} : { reference }),
  };
}

/** As `bivy image ls` shows images: no name that others could find it by. */
const shownId = /^(?:sha256:)?[0-9a-f]{6,64}$/;

/** The name of an image in the store or in a registry; files and layouts of one machine have none. */
async function referenceOf(
  argument: string,
  { inventory }: Extract<Target, { kind: "inventory" }>,
): Promise<Reference | undefined> {
  const { parseImageLocator, withDefaultTag } = await import("../oci/index.ts");
  if (inventory.image === undefined || shownId.test(argument)) return undefined;
  const locator = parseImageLocator(argument);
  return "reference" in locator ? withDefaultTag(locator.reference) : undefined;
}

/** When the image was made, and not when somebody looked into it: the same image has the same document. */
function timeOf(target: Target): number {
  if (target.kind === "sbom") return target.document.time ?? 0;
  const { config, packages } = target.inventory;
  const created = Math.floor(Date.parse(config?.created ?? "") / 1000);
  if (created > 0) return created;
  return packages.reduce((newest, { installed }) => Math.max(newest, installed.buildTime), 0);
}

async function formatSource(
  argument: string,
  target: Target,
  options: SbomOptions,
  { format }: SbomFlags,
): Promise<string> {
  const { contentsOf, writeCycloneDx, writeSpdx } = await import("../sbom/index.ts");
  const source = sourceOf(target);
  if (format === "cyclonedx") return writeCycloneDx(source, options);
  if (format === "spdx") return writeSpdx(source, options);
  const found = target.kind === "sbom" ? undefined : await findFiles(target.inventory);
  const contents = target.kind === "sbom" ? target.document : contentsOf(target.inventory, options);
  if (format === "json") return formatJson({ ...plainContents(contents), ...found });
  const { formatContents } = await import("./sbom/table.ts");
  return formatContents(contents, argument, found);
}

async function findFiles(inventory: Inventory) {
  const { unownedFiles } = await import("../inventory/index.ts");
  return { staticBinaries: inventory.staticBinaries ?? [], unowned: unownedFiles(inventory) };
}

/** The parts that are documented, in their order there. */
function plainContents(contents: SbomContents): object {
  const { name, digest, distribution, layers, repositories, labels, packages, others, files } =
    contents;
  return {
    name,
    digest,
    distribution,
    layers,
    repositories,
    labels: Object.fromEntries(labels),
    packages,
    others,
    files,
  };
}
