/** bivy build: an image from a declarative configuration. */
import { dirname, resolve } from "node:path";
import type { Access } from "../../apk/index.ts";
import { BivyError } from "../../base/index.ts";
import type {
  BuildOptions,
  BuildResult,
  BuiltArch,
  ImageConfig,
  Resolution,
} from "../../build/index.ts";
import type { BlobStore, ImageLocator, ImageStore } from "../../oci/index.ts";
import {
  defaultImageName,
  keptCopies,
  lockedArch,
  lockPath,
  readLock,
} from "../image-arguments.ts";
import { registriesOf } from "../registry-flags.ts";
import { sourceDateEpoch, type Session } from "../session.ts";
import { countOf, formatBytes } from "../term/progress.ts";
import { printNote, printResult, writeResultBytes } from "../term/streams.ts";
import { version } from "../version.ts";
import { embedder } from "./embedding.ts";
import type { SharedFlags } from "./shared-flags.ts";
import {
  describeVulnerabilities,
  openJudging,
  summarizeVulnerabilities,
  vulnerabilitiesOfArchs,
  type BuiltVulnerabilities,
} from "./vulnerabilities.ts";

/** The flags that an image configuration is built with. */
export interface DeclarativeFlags extends SharedFlags {
  readonly arch?: readonly string[];
  readonly context?: string;
  readonly keepGoing?: boolean;
  readonly scripts: boolean;
}

/** Builds the image of a configuration. */
export async function buildConfiguration(
  configPath: string,
  flags: DeclarativeFlags,
  session: Session,
): Promise<void> {
  const { buildImage, loadImageConfig } = await import("../../build/index.ts");
  const { isStandardOutput, openStore, writeImage } = await import("../../oci/index.ts");
  const { access, limits, progress } = session;
  const destinations = await parseDestinations(flags, configPath);
  const references = destinations.flatMap((each) => ("reference" in each ? each.reference : []));
  const embed = embedder(flags, references, session);
  const loaded = await loadImageConfig(configPath, { limits });
  const config = {
    ...loaded,
    ...(flags.arch === undefined ? {} : { archs: await parseArchs(flags.arch) }),
    ...(flags.scripts ? {} : { scripts: "skip" as const }),
  };
  const judging = openJudging(session);
  judging.begin();
  const packages = await choosePackages(config, loaded, configPath, flags, access);
  const store = openStore({ limits });
  const time = sourceDateEpoch(process.env);
  await withBlobs(destinations, store, async (blobs) => {
    const result = await buildImage({
      config,
      ...packages,
      access,
      blobs,
      contextFolder: flags.context ?? dirname(configPath),
      ...(time === undefined ? {} : { time }),
      ...(flags.sbom === true ? { sbom: { version, references } } : {}),
      ...(embed === undefined ? {} : { finish: (image) => embed(image, blobs) }),
      ...(flags.keepGoing === undefined ? {} : { keepGoing: flags.keepGoing }),
      ...(flags.compression === undefined ? {} : { compression: flags.compression }),
    });
    const write = async (): Promise<void> => {
      for (const destination of destinations)
        await writeImage(result.image, destination, {
          store,
          registries: () => registriesOf(flags, session),
          events: progress.report,
          standardOutput: writeResultBytes,
        });
    };
    // Judging takes its time from what writing waits for.
    const [vulnerabilities] = await Promise.all([
      vulnerabilitiesOfArchs(result.archs, judging),
      write(),
    ]);
    progress.end();
    // Where the image itself is the result, what is said about it is not.
    const print = destinations.some(isStandardOutput) ? printNote : printResult;
    await printBuild(result, vulnerabilities, destinations, flags.format, print);
  });
}

/** Where the image goes; all of it is checked before any work is done. */
async function parseDestinations(
  flags: DeclarativeFlags,
  configPath: string,
): Promise<ImageLocator[]> {
  const { checkDestination, parseImageLocator, parseReference, withDefaultTag } =
    await import("../../oci/index.ts");
  const unnamed = flags.output === undefined ? [defaultImageName(configPath)] : [];
  const destinations = [
    ...(flags.tag ?? unnamed).map((name) => ({
      kind: "store" as const,
      reference: withDefaultTag(parseReference(name)),
    })),
    ...(flags.output ?? []).map((place) => {
      const locator = parseImageLocator(place);
      if (locator.kind === "reference") throw notAPlace(place);
      return locator;
    }),
  ];
  for (const destination of destinations) await checkDestination(destination);
  const files = destinations.flatMap((each) =>
    "reference" in each || each.kind === "oci" ? [] : [resolve(each.path)],
  );
  const twice = files.find((file, index) => files.indexOf(file) !== index);
  if (twice !== undefined)
    throw new BivyError("usage", `${twice}: expected a file for each --output, found it twice`, {
      hint: "The last one would replace the others; name another file.",
    });
  return destinations;
}

/** A name would go into the local store, where nobody would look for what `--output` wrote. */
function notAPlace(word: string): BivyError {
  const hint = word.includes("://")
    ? "To push it to a registry, write docker://REGISTRY/NAME:TAG."
    : `To keep the image in the local store, write -t NAME; for a file, oci-archive:FILE.`;
  return new BivyError(
    "usage",
    `--output ${word}: expected oci:DIR, oci-archive:FILE, docker-archive:FILE or docker://NAME, found no such prefix`,
    { hint },
  );
}

/** The keys and packages of each architecture: those of the lock, or what the repositories have now. */
async function choosePackages(
  config: ImageConfig,
  loaded: ImageConfig,
  configPath: string,
  flags: DeclarativeFlags,
  access: Access,
): Promise<Pick<BuildOptions, "keys" | "resolutions" | "keptCopy">> {
  if (flags.locked === true) {
    const lockFile = lockPath(configPath, flags.lock);
    const lock = await readLock(lockFile, loaded);
    const resolutions = config.archs.map((arch) => lockedArch(lock, arch, lockFile));
    const packages = lock.archs.flatMap((each) => each.packages);
    checkSigned(resolutions, lockFile, flags, access);
    return {
      keys: lock.keys,
      resolutions,
      keptCopy: keptCopies(lockFile, packages, access.events),
    };
  }
  const { loadBuildKeys, resolveImage } = await import("../../build/index.ts");
  const keys = await loadBuildKeys(config, access);
  const options = { keys, allowUntrusted: flags.allowUntrusted ?? false };
  const resolutions = await Promise.all(
    config.archs.map((arch) => resolveImage(config, arch, access, options)),
  );
  return { keys, resolutions };
}

/** A lock does not make trusted what nobody vouched for when it was made. */
function checkSigned(
  resolutions: readonly Resolution[],
  lockFile: string,
  { allowUntrusted }: DeclarativeFlags,
  { events }: Access,
): void {
  const unsigned = resolutions
    .flatMap(({ packages }) => packages)
    .find(({ signedBy }) => signedBy === undefined);
  if (unsigned === undefined) return;
  const label = `${unsigned.package.name}-${unsigned.package.version}`;
  const text = `${lockFile}: expected packages of signed repositories, found ${label} of one that was not trusted`;
  const hint = "Lock again without --allow-untrusted, or take it as it is with --allow-untrusted.";
  if (allowUntrusted !== true) throw new BivyError("signature-missing", text, { hint });
  events?.({ type: "warning", text });
}

/**
 * Layers are written into the store when the image goes there, so that they are written once; else
 * into a folder that lasts as long as the build.
 */
async function withBlobs(
  destinations: readonly ImageLocator[],
  store: ImageStore,
  work: (blobs: BlobStore) => Promise<void>,
): Promise<void> {
  if (destinations.some(({ kind }) => kind === "store")) return work(store.blobs);
  const { folderBlobs } = await import("../../oci/index.ts");
  const { makeScratchFolder, removeScratchFolder } = await import("../../base/index.ts");
  const scratch = await makeScratchFolder("layers");
  try {
    await work(folderBlobs(scratch));
  } finally {
    await removeScratchFolder(scratch);
  }
}

async function printBuild(
  { image, archs }: BuildResult,
  vulnerabilities: BuiltVulnerabilities | undefined,
  destinations: readonly ImageLocator[],
  format: DeclarativeFlags["format"],
  print: (text: string) => void,
): Promise<void> {
  const { formatImageLocator, formatReference } = await import("../../oci/index.ts");
  const places = destinations.map((place) =>
    place.kind === "store" ? formatReference(place.reference) : formatImageLocator(place),
  );
  const built = await Promise.all(archs.map(describeArch));
  if (format === "json") {
    const document = {
      digest: image.digest,
      places,
      archs: built,
      ...(vulnerabilities === undefined
        ? {}
        : { vulnerabilities: describeVulnerabilities(vulnerabilities) }),
    };
    return print(JSON.stringify(document, null, 2));
  }
  print(image.digest);
  for (const { arch, packages, layers, size } of built) {
    const counts = `${countOf(packages, "package")}, ${countOf(layers, "layer")}`;
    print(`  ${arch}: ${counts}, ${formatBytes(size)} compressed`);
  }
  if (vulnerabilities !== undefined) {
    const { facts, next } = await summarizeVulnerabilities(vulnerabilities, destinations);
    print(`  vulnerabilities: ${facts.join(", ")}${next === undefined ? "" : `; ${next}`}`);
  }
  for (const place of places) print(`  ${place}`);
}

async function describeArch({ arch, image, packages, skippedScripts, failedScripts }: BuiltArch) {
  const layers = await image.layers();
  return {
    arch,
    digest: image.digest,
    layers: layers.length,
    /** Compressed, in bytes. */
    size: layers.reduce((sum, layer) => sum + layer.size, 0),
    packages: packages.length,
    skippedScripts,
    failedScripts,
  };
}

/** Architectures as apk or OCI names them. */
async function parseArchs(words: readonly string[]): Promise<string[]> {
  const { parseArch } = await import("../../build/index.ts");
  return [...new Set(words.flatMap((word) => word.split(",")).map(parseArch))];
}
