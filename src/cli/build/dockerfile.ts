/** bivy build of a Dockerfile: what the flags ask for, built for each platform, and written where it goes. */
import { join, resolve } from "node:path";
import { setFlagsFromString } from "node:v8";
import { BivyError, type EventSink } from "../../base/index.ts";
import type {
  BuildContext,
  DockerfileBuild,
  DockerfileBuildOptions,
  FailedCommand,
  NamedContext,
} from "../../build/index.ts";
import { registriesOf } from "../registry-flags.ts";
import { sourceDateEpoch, type Session } from "../session.ts";
import type { Progress } from "../term/progress.ts";
import { printNote, printResult, writeResultBytes } from "../term/streams.ts";
import type { DockerfileArgument } from "./argument.ts";
import { openImports, writeCaches } from "./cache-places.ts";
import { openBuildCredentials } from "./credentials.ts";
import type { DockerfileFlags } from "./dockerfile-flags.ts";
import {
  parseBuildArguments,
  parseContexts,
  parseLabels,
  parsePlatforms,
  parseVolume,
} from "./inputs.ts";
import { parseOutputs, type Output } from "./outputs.ts";
import { resultOf } from "./attestations.ts";
import { hostsText, resolversText } from "./network-files.ts";
import type { SharedFlags } from "./shared-flags.ts";
import { describeBuild } from "./summary.ts";
import { writeFiles } from "./write-files.ts";

type Flags = SharedFlags & DockerfileFlags;

export async function buildFromDockerfile(
  argument: DockerfileArgument,
  flags: Flags,
  session: Session,
): Promise<void> {
  const { buildDockerfile, findIgnore, openBaseImages, openBuildContext, openStepCache } =
    await import("../../build/index.ts");
  const { parseDockerfile } = await import("../../dockerfile/index.ts");
  const { openStore, writeImage } = await import("../../oci/index.ts");
  const { cacheDirectory } = await import("../../http/index.ts");
  const { access, limits, signal } = session;
  const { progress, downloaded } = countDownloads(session.progress);
  const outputs = await parseOutputs(argument, flags);
  const dockerfile = parseDockerfile(argument.text, { subject: argument.subject, limits });
  const store = openStore({ limits });
  const work = join(flags.cacheDir ?? cacheDirectory(process.env), "build");
  const contexts = await parseContexts(flags.buildContext ?? []);
  const ignore = await findIgnore(argument.folder, argument.path);
  const credentials = openBuildCredentials(flags.secret ?? [], flags.ssh ?? [], process.env);
  const platforms = await parsePlatforms(flags.platform ?? []);
  const registries = () => registriesOf(flags, session);
  const imports = await openImports(flags.cacheFrom ?? [], registries, session);
  const cache = openStepCache(store, { imports, limits });
  const images = openBaseImages({
    store,
    registries,
    contexts,
    offline: access.client.offline,
    pull: flags.pull === true,
    events: progress.report,
    limits,
    signal,
  });
  const contextOf = (
    folder: string,
    wanted: readonly string[] | undefined,
    ignored: typeof ignore,
  ): BuildContext =>
    openBuildContext(resolve(folder), {
      ignore: ignored,
      wanted,
      hashes: join(work, "hashes"),
      whenLarge: preferMemory,
      limits,
      signal,
    });
  const shared: Omit<DockerfileBuildOptions, "platform"> = {
    dockerfile,
    ...(flags.target === undefined ? {} : { target: flags.target }),
    buildArguments: parseBuildArguments(flags.buildArg ?? [], process.env),
    labels: parseLabels(flags.label ?? []),
    namesPlatform: platforms.length > 1,
    ...(argument.folder === undefined
      ? {}
      : { openContext: (wanted) => contextOf(argument.folder!, wanted, ignore) }),
    openNamed: (name) => contextOf(folderOf(contexts, name), undefined, undefined),
    contextNames: new Set(contexts.keys()),
    images,
    store,
    cache,
    ignoresCache: flags.cache
      ? new Set(flags.noCacheFilter?.map((name) => name.toLowerCase()))
      : true,
    workFolder: work,
    compression: flags.compression,
    fixedTime: sourceDateEpoch(process.env),
    run: {
      credentials,
      caches: join(work, "mounts"),
      network: flags.network === "none" ? "none" : "host",
      runtime: flags.runtime === undefined || flags.runtime === "auto" ? undefined : flags.runtime,
      hosts: hostsText(flags.addHost ?? []),
      resolvers: await resolversText(),
      ...(flags.debugShell === true ? { onFailure: debugShell(progress) } : {}),
      volumes: (flags.volume ?? []).map(parseVolume),
      allowsPrivileged: flags.allow?.includes("security.insecure") === true,
    },
    copy: { access },
    events: progress.report,
    limits,
    signal,
  };
  const began = performance.now();
  const builds: DockerfileBuild[] = [];
  const finish = async (): Promise<void> => {
    const image = await resultOf(builds, argument, flags, outputs, { store, limits, signal });
    for (const output of outputs)
      if (output.kind === "image")
        await writeImage(image, output.locator, {
          store,
          registries,
          events: progress.report,
          standardOutput: writeResultBytes,
          ...(platforms[0] === undefined ? {} : { platform: platforms[0] }),
        });
    await writeCaches(flags.cacheTo ?? [], cache, registries, session);
    progress.end();
    const isPrinted = outputs.some((output) => isStandardOutput(output));
    await describeBuild(builds, image, outputs, {
      format: flags.format,
      milliseconds: performance.now() - began,
      print: isPrinted ? printNote : printResult,
      downloadedBytes: downloaded(),
      ...(flags.iidfile === undefined ? {} : { iidFile: flags.iidfile }),
      ...(flags.metadataFile === undefined ? {} : { metadataFile: flags.metadataFile }),
    });
  };
  /** Each platform's build is still at hand while the next one goes on. */
  const buildFrom = async (index: number): Promise<void> => {
    const platform = platforms[index];
    const options = platform === undefined ? shared : { ...shared, platform };
    await buildDockerfile(options, async (built) => {
      for (const { message, hint } of built.warnings)
        progress.report({ type: "warning", text: message, hint });
      builds.push(built);
      for (const output of outputs)
        if (output.kind !== "image") await writeFiles(built, output, session);
      if (index + 1 < platforms.length) await buildFrom(index + 1);
      else await finish();
    });
  };
  try {
    await buildFrom(0);
  } finally {
    await credentials.close();
    await store.close();
  }
}

/** V8 would rather let its heap grow than collect; with very many files that is several times as much. */
function preferMemory(): void {
  setFlagsFromString("--optimize-for-size");
}

/** The view of the build must not draw over the shell. */
function debugShell(progress: Progress) {
  return async (failed: FailedCommand): Promise<void> => {
    progress.end();
    const { openDebugShell } = await import("./debug-shell.ts");
    await openDebugShell(failed);
  };
}

/** What came over the network while the build went on. */
function countDownloads(progress: Progress) {
  let bytes = 0;
  const report: EventSink = (event) => {
    if (event.type === "transfer" && event.done) bytes += event.received;
    progress.report(event);
  };
  return { progress: { ...progress, report, end: () => progress.end() }, downloaded: () => bytes };
}

function isStandardOutput(output: Output): boolean {
  if (output.kind === "folder") return false;
  const path =
    output.kind === "tar" ? output.path : "path" in output.locator ? output.locator.path : "";
  return path === "-";
}

function folderOf(contexts: ReadonlyMap<string, NamedContext>, name: string): string {
  const context = contexts.get(name);
  if (context?.kind === "folder") return context.path;
  throw new BivyError("usage", `--build-context ${name}: expected a folder`);
}
