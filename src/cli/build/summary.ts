/** What is told at the end of a Dockerfile's build: as text for people, as JSON for programs, in files. */
import { writeFile } from "node:fs/promises";
import { fileError } from "../../base/index.ts";
import type { DockerfileBuild } from "../../build/index.ts";
import type { ImageOrIndex } from "../../oci/index.ts";
import {
  formatBuildSummary,
  type PackageDifference,
  type PlatformSummary,
} from "../term/build-summary.ts";
import { terminalWidth } from "../term/streams.ts";
import type { Output } from "./outputs.ts";
import {
  describeVulnerabilities,
  summarizeVulnerabilities,
  type BuiltVulnerabilities,
} from "./vulnerabilities.ts";

export interface DescribeOptions {
  readonly format: "text" | "json";
  readonly milliseconds: number;
  readonly downloadedBytes: number;
  readonly print: (text: string) => void;
  readonly iidFile?: string;
  readonly metadataFile?: string;
  readonly vulnerabilities?: BuiltVulnerabilities;
}

export async function describeBuild(
  builds: readonly DockerfileBuild[],
  image: ImageOrIndex,
  outputs: readonly Output[],
  options: DescribeOptions,
): Promise<void> {
  const platforms = await Promise.all(builds.map(summarizePlatform));
  const names = await Promise.all(outputs.map(nameOf));
  const steps = builds.flatMap((built) => built.steps);
  const first = builds[0]!;
  const { vulnerabilities } = options;
  const { config } = await first.image.manifest();
  const document = {
    digest: image.digest,
    imageId: config.digest,
    places: names,
    platforms: await Promise.all(builds.map(describePlatform)),
    ...(vulnerabilities === undefined
      ? {}
      : { vulnerabilities: describeVulnerabilities(vulnerabilities) }),
  };
  if (options.iidFile !== undefined) await write(options.iidFile, config.digest);
  if (options.metadataFile !== undefined) {
    const metadata = {
      "containerimage.config.digest": config.digest,
      "containerimage.digest": image.digest,
      "image.name": names.join(","),
      ...document,
    };
    await write(options.metadataFile, `${JSON.stringify(metadata, null, 2)}\n`);
  }
  if (options.format === "json") return options.print(JSON.stringify(document, null, 2));
  const destinations = outputs.flatMap((output) =>
    output.kind === "image" ? [output.locator] : [],
  );
  const summary = {
    digest: image.digest,
    names,
    platforms,
    ...(vulnerabilities === undefined
      ? {}
      : { vulnerabilities: await summarizeVulnerabilities(vulnerabilities, destinations) }),
    cost: {
      milliseconds: options.milliseconds,
      steps: steps
        .filter(({ isCached }) => !isCached)
        .map(({ label, title, milliseconds }) => ({ stage: label, text: title, milliseconds })),
      cachedSteps: steps.filter(({ isCached }) => isCached).length,
      downloadedBytes: options.downloadedBytes,
    },
    hints: first.hints,
  };
  options.print(formatBuildSummary(summary, terminalWidth()));
}

async function write(path: string, text: string): Promise<void> {
  await writeFile(path, text).catch((error: unknown) => {
    throw fileError(error, "writing", path);
  });
}

async function nameOf(output: Output): Promise<string> {
  const { formatImageLocator, formatReference } = await import("../../oci/index.ts");
  if (output.kind !== "image") return output.path;
  const { locator } = output;
  return locator.kind === "store"
    ? formatReference(locator.reference)
    : formatImageLocator(locator);
}

async function summarizePlatform(built: DockerfileBuild): Promise<PlatformSummary> {
  const { formatPlatform } = await import("../../oci/index.ts");
  const { base, image, plan } = built;
  const layers = await image.layers();
  const own = layers.slice(built.baseLayers);
  const titles = built.titles;
  return {
    platform: formatPlatform(plan.target.platform),
    base:
      base === undefined
        ? undefined
        : { name: base.name, size: sizeOf(layers.slice(0, built.baseLayers)) },
    layers: own.map(({ size }, index) => ({ size, instruction: titles[index] ?? "" })),
    packages: differenceOf(built),
  };
}

function sizeOf(layers: readonly { readonly size: number }[]): number {
  return layers.reduce((sum, { size }) => sum + size, 0);
}

function differenceOf({ packages }: DockerfileBuild): PackageDifference | undefined {
  if (packages === undefined) return undefined;
  return {
    added: packages.flatMap(({ name, before, after }) =>
      before === undefined && after !== undefined ? [{ name, version: after }] : [],
    ),
    removed: packages.flatMap(({ name, before, after }) =>
      after === undefined && before !== undefined ? [{ name, version: before }] : [],
    ),
    upgraded: packages.flatMap(({ name, before, after }) =>
      before !== undefined && after !== undefined ? [{ name, before, after }] : [],
    ),
  };
}

async function describePlatform(built: DockerfileBuild): Promise<object> {
  const { formatPlatform } = await import("../../oci/index.ts");
  const { image, plan, packages, steps } = built;
  const layers = await image.layers();
  return {
    platform: formatPlatform(plan.target.platform),
    digest: image.digest,
    layers: layers.length,
    /** Compressed, in bytes. */
    size: sizeOf(layers),
    ...(packages === undefined ? {} : { packages }),
    steps: steps.map(({ label, title, isCached, milliseconds }) => ({
      stage: label,
      instruction: title,
      cached: isCached,
      milliseconds: Math.round(milliseconds),
    })),
  };
}
