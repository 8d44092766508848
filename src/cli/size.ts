/** bivy size: what makes an image large, what of it is wasted, and how long it takes to pull. */
import type { Command } from "commander";
import { BivyError, type Digest } from "../base/index.ts";
import type { Link, SizeReport } from "../size/index.ts";
import {
  addImageFlags,
  chooseImage,
  imageArgument,
  imageArgumentForms,
  inventoryOf,
  type ImageFlags,
} from "./image-source.ts";
import { addResultFlags, formatJson, writeResult, type ResultFlags } from "./result.ts";
import { collect, withSession, type Session } from "./session.ts";

interface SizeFlags extends ImageFlags, ResultFlags<"table" | "json" | "html"> {
  readonly top: string;
  readonly bandwidth?: readonly string[];
  readonly latency: string;
  readonly present?: readonly string[];
}

export function configure(command: Command): void {
  addImageFlags(
    addResultFlags(
      command.argument("<IMAGE...>", `${imageArgumentForms}; several are compared with the first`),
      ["table", "json", "html"],
    )
      .option("--top <N>", "how many lines each list of the table has", "10")
      .option(
        "--bandwidth <RATE>",
        "model the pull at so many bits per second, such as 100M (may be repeated; default: 10M, 100M, 1G)",
        collect,
      )
      .option("--latency <TIME>", "of one round trip to the registry, such as 50ms", "50ms")
      .option(
        "--present <IMAGE>",
        "model the pull where this image is already (may be repeated)",
        collect,
      ),
  )
    .addHelpText(
      "before",
      `Examples:
  $ bivy size alpine:3.20
  $ bivy size oci:out --format html -o size.html     a treemap, for a browser
  $ bivy size my-app alpine:3.20 debian:12-slim      side by side
  $ bivy size my-app --bandwidth 20M --latency 80ms --present alpine:3.20
`,
    )
    .action((images: string[], flags: SizeFlags) =>
      withSession(flags, (session) => size(images, flags, session)),
    );
}

async function size(images: readonly string[], flags: SizeFlags, session: Session): Promise<void> {
  const top = parseTop(flags.top);
  const links = parseLinks(flags);
  if (flags.format === "html" && images.length > 1)
    throw new BivyError("usage", `--format html: expected one image, found ${images.length}`, {
      hint: "Write a page for each, or compare them with --format table or json.",
    });
  const { comparePull, compareSizes, defaultTransfers, defaultUnpackRates, measureSize, sizeHtml } =
    await import("../size/index.ts");
  const present = await presentLayers(flags, session);
  const reports: SizeReport[] = [];
  for (const image of images) {
    const options = { subject: image, checksums: ["sha256"] as const };
    reports.push(await measureSize(await inventoryOf(image, flags, session, options)));
  }
  session.progress.end();
  if (flags.format === "html") return writeResult(await sizeHtml(reports[0]!), flags);
  const pull = comparePull(reports, links, { present });
  const comparison = reports.length > 1 ? compareSizes(reports) : undefined;
  if (flags.format === "json") {
    const model = { transfers: defaultTransfers, unpackRates: defaultUnpackRates };
    const result = { images: reports, comparison, pull: { model, links: pull } };
    return writeResult(formatJson(result), flags);
  }
  if (comparison !== undefined) {
    const { formatComparison } = await import("./size/comparison-table.ts");
    return writeResult(formatComparison(comparison, pull, top), flags);
  }
  const { formatReport } = await import("./size/table.ts");
  await writeResult(formatReport(reports[0]!, pull, top), flags);
}

/** The diff ids of the images that are there already; only their configs are read. */
async function presentLayers(
  { present = [], ...flags }: SizeFlags,
  session: Session,
): Promise<readonly (readonly Digest[])[]> {
  if (present.length === 0) return [];
  const layers: (readonly Digest[])[] = [];
  for (const argument of present) {
    const image = await chooseImage(await imageArgument(argument, flags, session), argument, flags);
    layers.push((await image.config()).rootfs.diff_ids);
  }
  return layers;
}

function parseTop(word: string): number {
  if (/^[1-9]\d{0,8}$/.test(word)) return Number(word);
  throw new BivyError("usage", `--top ${word}: expected a number from 1`);
}

const defaultBandwidths = ["10M", "100M", "1G"];
const multipliers: Readonly<Record<string, number>> = { "": 1, K: 1e3, M: 1e6, G: 1e9 };

function parseLinks({ bandwidth = defaultBandwidths, latency }: SizeFlags): Link[] {
  const latencySeconds = parseLatency(latency);
  return bandwidth.map((word) => {
    const [, number, unit] = /^(\d{1,12}(?:\.\d+)?)([KMG]?)$/.exec(word) ?? [];
    const bitsPerSecond = Number(number) * multipliers[unit ?? ""]!;
    if (bitsPerSecond >= 1) return { bitsPerSecond, latencySeconds };
    throw new BivyError("usage", `--bandwidth ${word}: expected bits per second, such as 100M`);
  });
}

function parseLatency(word: string): number {
  const [, number, unit] = /^(\d{1,9}(?:\.\d+)?)(ms|s)$/.exec(word) ?? [];
  if (number !== undefined) return Number(number) / (unit === "ms" ? 1000 : 1);
  throw new BivyError("usage", `--latency ${word}: expected a time, such as 50ms or 0.2s`);
}
