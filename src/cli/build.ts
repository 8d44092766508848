/** bivy build: an image from a declarative configuration. */
import { dirname } from "node:path";
import { Option, type Command } from "commander";
import type { Access } from "../apk/index.ts";
import type { BuildOptions, BuildResult, BuiltArch, ImageConfig } from "../build/index.ts";
import type { BlobStore, ImageLocator, ImageStore } from "../oci/index.ts";
import {
  findConfig,
  defaultImageName,
  keptCopies,
  lockedArch,
  lockPath,
  readLock,
} from "./image-arguments.ts";
import {
  addSessionFlags,
  collect,
  sourceDateEpoch,
  withSession,
  type Session,
  type SessionFlags,
} from "./session.ts";
import { requireHome } from "./settings.ts";
import { formatBytes } from "./term/progress.ts";
import { printResult } from "./term/streams.ts";

interface BuildFlags extends SessionFlags {
  readonly tag?: readonly string[];
  readonly output?: readonly string[];
  readonly arch?: readonly string[];
  readonly locked?: boolean;
  readonly lock?: string;
  readonly context?: string;
  readonly compression?: "gzip" | "zstd" | "none";
  readonly keepGoing?: boolean;
  readonly allowUntrusted?: boolean;
  readonly scripts: boolean;
  readonly format: "text" | "json";
}

export function configure(command: Command): void {
  addSessionFlags(
    command
      .argument("[CONFIG]", "an image configuration, or a folder with an image.yaml", ".")
      .option(
        "-t, --tag <NAME>",
        "keep the image in the local store under this name (may be repeated)",
        collect,
      )
      .option(
        "-o, --output <PLACE>",
        "write oci:DIR[:TAG], oci-archive:FILE[:TAG] or docker-archive:FILE[:NAME] (may be repeated)",
        collect,
      )
      .option(
        "--arch <ARCH>",
        "build for this architecture instead of the configured ones (may be repeated)",
        collect,
      )
      .option("--locked", "use exactly the packages of the lock")
      .option("--lock <FILE>", "the lock (default: bivy.lock beside the configuration)")
      .option("--context <DIR>", "the folder that `files` come from (default: the configuration's)")
      .addOption(
        new Option("--compression <KIND>", "of the layers")
          .choices(["gzip", "zstd", "none"])
          .default("gzip"),
      )
      .option("--no-scripts", "leave package scripts out, whatever the configuration says")
      .option("--keep-going", "make the image even if a package script fails")
      .option("--allow-untrusted", "take repositories without a trusted signature (dangerous)")
      .addOption(
        new Option("--format <FORMAT>", "of the result").choices(["text", "json"]).default("text"),
      ),
  )
    .addHelpText(
      "before",
      `Examples:
  $ bivy build image.yaml -t hello
  $ bivy build image.yaml -o oci-archive:hello.tar -o docker-archive:hello-docker.tar:hello:latest
  $ bivy build image.yaml --arch x86_64 --arch aarch64 -o oci:out
  $ bivy build image.yaml --locked --offline
`,
    )
    .action((config: string, flags: BuildFlags) => run(config, flags));
}

async function run(argument: string, flags: BuildFlags): Promise<void> {
  const { runInUserNamespace, wantsUserNamespace } = await import("../sandbox/index.ts");
  requireHome(process.env);
  if (flags.scripts && wantsUserNamespace()) {
    const exitCode = await runInUserNamespace();
    if (exitCode !== undefined) return void (process.exitCode = exitCode);
  }
  await withSession(flags, (session) => build(argument, flags, session));
}

async function build(argument: string, flags: BuildFlags, session: Session): Promise<void> {
  const { buildImage, loadImageConfig, writeOutput } = await import("../build/index.ts");
  const { openStore } = await import("../oci/index.ts");
  const { access, limits, progress } = session;
  const configPath = await findConfig(argument);
  const destinations = await parseDestinations(flags, configPath);
  const loaded = await loadImageConfig(configPath, { limits });
  const config = {
    ...loaded,
    ...(flags.arch === undefined ? {} : { archs: await parseArchs(flags.arch) }),
    ...(flags.scripts ? {} : { scripts: "skip" as const }),
  };
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
      ...(flags.keepGoing === undefined ? {} : { keepGoing: flags.keepGoing }),
      ...(flags.compression === undefined ? {} : { compression: flags.compression }),
    });
    for (const destination of destinations)
      await writeOutput(result.image, destination, { store, events: progress.report });
    progress.end();
    await printBuild(result, destinations, flags.format);
  });
}

/** Where the image goes; all of it is checked before any work is done. */
async function parseDestinations(flags: BuildFlags, configPath: string): Promise<ImageLocator[]> {
  const { checkDestination } = await import("../build/index.ts");
  const { parseImageLocator, parseReference, withDefaultTag } = await import("../oci/index.ts");
  const unnamed = flags.output === undefined ? [defaultImageName(configPath)] : [];
  const destinations = [
    ...(flags.tag ?? unnamed).map((name) => ({
      kind: "reference" as const,
      reference: withDefaultTag(parseReference(name)),
    })),
    ...(flags.output ?? []).map(parseImageLocator),
  ];
  for (const destination of destinations) checkDestination(destination);
  return destinations;
}

/** The keys and packages of each architecture: those of the lock, or what the repositories have now. */
async function choosePackages(
  config: ImageConfig,
  loaded: ImageConfig,
  configPath: string,
  flags: BuildFlags,
  access: Access,
): Promise<Pick<BuildOptions, "keys" | "resolutions" | "keptCopy">> {
  if (flags.locked === true) {
    const lockFile = lockPath(configPath, flags.lock);
    const lock = await readLock(lockFile, loaded);
    const resolutions = config.archs.map((arch) => lockedArch(lock, arch, lockFile));
    return { keys: lock.keys, resolutions, keptCopy: keptCopies(lockFile, lock) };
  }
  const { loadBuildKeys, resolveImage } = await import("../build/index.ts");
  const keys = await loadBuildKeys(config, access);
  const options = { keys, allowUntrusted: flags.allowUntrusted ?? false };
  const resolutions = await Promise.all(
    config.archs.map((arch) => resolveImage(config, arch, access, options)),
  );
  return { keys, resolutions };
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
  if (destinations.some(({ kind }) => kind === "reference")) return work(store.blobs);
  const { folderBlobs } = await import("../oci/index.ts");
  const { makeScratchFolder, removeScratchFolder } = await import("../base/index.ts");
  const scratch = await makeScratchFolder("layers");
  try {
    await work(folderBlobs(scratch));
  } finally {
    await removeScratchFolder(scratch);
  }
}

async function printBuild(
  { image, archs }: BuildResult,
  destinations: readonly ImageLocator[],
  format: BuildFlags["format"],
): Promise<void> {
  const { formatImageLocator, formatReference } = await import("../oci/index.ts");
  const places = destinations.map((place) =>
    place.kind === "reference" ? formatReference(place.reference) : formatImageLocator(place),
  );
  const built = await Promise.all(archs.map(describeArch));
  if (format === "json")
    return printResult(JSON.stringify({ digest: image.digest, places, archs: built }, null, 2));
  printResult(image.digest);
  for (const { arch, packages, layers, size } of built) {
    const layerWord = layers === 1 ? "layer" : "layers";
    printResult(
      `  ${arch}: ${packages} packages, ${layers} ${layerWord}, ${formatBytes(size)} compressed`,
    );
  }
  for (const place of places) printResult(`  ${place}`);
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
  const { parseArch } = await import("../build/index.ts");
  return [...new Set(words.flatMap((word) => word.split(",")).map(parseArch))];
}
