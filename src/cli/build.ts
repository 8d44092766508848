/** bivy build: an image from a declarative configuration. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Option, type Command } from "commander";
import { findConfig, defaultImageName, keptCopies, lockPath, readLock } from "./image-arguments.ts";
import {
  addSessionFlags,
  collect,
  sourceDateEpoch,
  withSession,
  type Session,
  type SessionFlags,
} from "./session.ts";
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
  if (flags.scripts && wantsUserNamespace()) {
    const exitCode = await runInUserNamespace();
    if (exitCode !== undefined) return void (process.exitCode = exitCode);
  }
  await withSession(flags, (session) => build(argument, flags, session));
}

async function build(argument: string, flags: BuildFlags, session: Session): Promise<void> {
  const {
    buildImage,
    checkDestination,
    loadBuildKeys,
    loadImageConfig,
    resolveImage,
    writeOutput,
  } = await import("../build/index.ts");
  const {
    folderBlobs,
    formatImageLocator,
    openStore,
    parseImageLocator,
    parseReference,
    formatReference,
    withDefaultTag,
  } = await import("../oci/index.ts");
  const { access, limits, progress } = session;
  const configPath = await findConfig(argument);
  const names = flags.tag ?? (flags.output === undefined ? [defaultImageName(configPath)] : []);
  const destinations = [
    ...names.map((name) => ({
      kind: "reference" as const,
      reference: withDefaultTag(parseReference(name)),
    })),
    ...(flags.output ?? []).map(parseImageLocator),
  ];
  for (const destination of destinations) checkDestination(destination);
  const loaded = await loadImageConfig(configPath, { limits });
  const config = {
    ...loaded,
    ...(flags.arch === undefined ? {} : { archs: await parseArchs(flags.arch) }),
    ...(flags.scripts ? {} : { scripts: "skip" as const }),
  };
  const lockFile = lockPath(configPath, flags.lock);
  const lock = flags.locked === true ? await readLock(lockFile, loaded) : undefined;
  const keys = lock?.keys ?? (await loadBuildKeys(config, access));
  const resolutions = await Promise.all(
    config.archs.map(
      (arch) =>
        lock?.archs.find((locked) => locked.arch === arch) ??
        resolveImage(config, arch, access, { keys, allowUntrusted: flags.allowUntrusted ?? false }),
    ),
  );
  const store = openStore({ limits });
  const scratch = names.length > 0 ? undefined : await mkdtemp(join(tmpdir(), "bivy-layers-"));
  const time = sourceDateEpoch(process.env);
  try {
    const { image, archs } = await buildImage({
      config,
      keys,
      resolutions,
      access,
      blobs: scratch === undefined ? store.blobs : folderBlobs(scratch),
      contextFolder: flags.context ?? dirname(configPath),
      ...(time === undefined ? {} : { time }),
      ...(flags.compression === undefined ? {} : { compression: flags.compression }),
      ...(lock === undefined ? {} : { keptCopy: keptCopies(lockFile, lock) }),
    });
    for (const destination of destinations)
      await writeOutput(image, destination, { store, events: progress.report });
    progress.end();
    const places = destinations.map((place) =>
      place.kind === "reference" ? formatReference(place.reference) : formatImageLocator(place),
    );
    const summary = await Promise.all(
      archs.map(async ({ arch, image: built, packages, skippedScripts, failedScripts }) => {
        const layers = await built.layers();
        const size = layers.reduce((sum, layer) => sum + layer.size, 0);
        return {
          arch,
          digest: built.digest,
          layers: layers.length,
          size,
          packages: packages.length,
          skippedScripts,
          failedScripts,
        };
      }),
    );
    if (flags.format === "json")
      return printResult(JSON.stringify({ digest: image.digest, places, archs: summary }, null, 2));
    printResult(image.digest);
    for (const { arch, packages, layers, size } of summary)
      printResult(
        `  ${arch}: ${packages} packages, ${layers} ${layers === 1 ? "layer" : "layers"}, ${formatBytes(size)} compressed`,
      );
    for (const place of places) printResult(`  ${place}`);
  } finally {
    if (scratch !== undefined) await rm(scratch, { recursive: true, force: true });
  }
}

/** Architectures as apk or OCI names them. */
async function parseArchs(words: readonly string[]): Promise<string[]> {
  const { parseArch } = await import("../build/index.ts");
  return [...new Set(words.flatMap((word) => word.split(",")).map(parseArch))];
}
