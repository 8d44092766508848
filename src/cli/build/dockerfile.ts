/** bivy build of a Dockerfile: what the flags ask for, built for each platform, and written where it goes. */
import { join } from "node:path";
import { type EventSink } from "../../base/index.ts";
import type {
  DockerfileBuild,
  DockerfileBuildOptions,
  FailedCommand,
  PlannedBuild,
} from "../../build/index.ts";
import type { ImageOrIndex, Platform } from "../../oci/index.ts";
import { sourceDateEpoch, type Session } from "../session.ts";
import type { Progress } from "../term/progress.ts";
import { printNote, printResult, writeResultBytes } from "../term/streams.ts";
import { writeLock } from "../lock/dockerfile.ts";
import type { DockerfileArgument } from "./argument.ts";
import { openImports, parseCachePlaces, writeCaches } from "./cache-places.ts";
import { openBuildCredentials } from "./credentials.ts";
import type { DockerfileFlags } from "./dockerfile-flags.ts";
import { openInputs } from "./dockerfile-inputs.ts";
import { allowsPrivileged, parseLabels, parseVolume } from "./inputs.ts";
import {
  parseOutputs,
  referencesOf,
  requireFolderOf,
  requireOneTree,
  type Output,
} from "./outputs.ts";
import { provenanceMode, resultOf } from "./attestations.ts";
import { openLock } from "./locked.ts";
import { embedder, type Embed } from "./embedding.ts";
import { hostsText, resolversText } from "./network-files.ts";
import type { SharedFlags } from "./shared-flags.ts";
import { describeBuild } from "./summary.ts";
import { openJudging, vulnerabilitiesOfBuilds } from "./vulnerabilities.ts";
import { writeFiles } from "./write-files.ts";

type Flags = SharedFlags & DockerfileFlags;

export async function buildFromDockerfile(
  argument: DockerfileArgument,
  flags: Flags,
  session: Session,
): Promise<void> {
  const { buildDockerfile, openRecorder, openStepCache, planBuild } =
    await import("../../build/index.ts");
  const { writeImage } = await import("../../oci/index.ts");
  const { access, limits, signal } = session;
  const { progress } = session;
  const pulls = countDownloads(progress);
  const outputs = await parseOutputs(argument, flags);
  await requireFolderOf("--iidfile", flags.iidfile);
  await requireFolderOf("--metadata-file", flags.metadataFile);
  const cachesTo = await parseCachePlaces(flags.cacheTo ?? [], "--cache-to");
  const cachesFrom = await parseCachePlaces(flags.cacheFrom ?? [], "--cache-from");
  const provenance = provenanceMode(flags.provenance);
  const embed = embedder(flags, referencesOf(outputs), session);
  const locked = flags.locked === true ? await openLock(argument, flags, session) : undefined;
  const inputs = await openInputs(
    argument,
    flags,
    { ...session, progress: pulls.progress },
    locked?.pinned,
  );
  const recorder = flags.record === true ? openRecorder(limits) : undefined;
  const { store, registries, platforms, work } = inputs;
  requireOneTree(outputs, platforms);
  const credentials = openBuildCredentials(flags.secret ?? [], flags.ssh ?? [], process.env);
  const imports = await openImports(cachesFrom, registries, session);
  const cache = openStepCache(store, { imports, limits });
  const judging = openJudging(session);
  const options: DockerfileBuildOptions = {
    dockerfile: inputs.dockerfile,
    labels: parseLabels(flags.label ?? []),
    namesPlatform: platforms.length > 1,
    ...(inputs.openContext === undefined ? {} : { openContext: inputs.openContext }),
    openNamed: inputs.openNamed,
    store,
    cache,
    // What is to be recorded has to happen.
    ignoresCache: flags.cache && recorder === undefined ? stageNames(flags.cacheFilter) : true,
    ...(locked === undefined ? {} : { locked: locked.build }),
    ...(recorder === undefined ? {} : { record: (plan) => recorder.begin(plan) }),
    workFolder: work,
    compression: flags.compression,
    fixedTime: sourceDateEpoch(inputs.buildArguments),
    run: {
      credentials,
      caches: join(work, "mounts"),
      network: networkOf(flags),
      runtime: flags.runtime === undefined || flags.runtime === "auto" ? undefined : flags.runtime,
      hosts: hostsText(flags.addHost ?? []),
      resolvers: await resolversText(),
      ...(flags.debugShell === true ? { onFailure: debugShell(progress) } : {}),
      volumes: (flags.volume ?? []).map(parseVolume),
      allowsPrivileged: allowsPrivileged(flags.allow ?? []),
    },
    copy: { access },
    events: (event) => {
      // Where nothing is carried out, nothing will be judged.
      if (event.type === "step" && event.state === "started") judging.begin();
      progress.report(event);
    },
    limits,
    signal,
  };
  const began = performance.now();
  const builds: DockerfileBuild[] = [];
  const write = async (): Promise<ImageOrIndex> => {
    const image = await resultOf(builds, argument, { ...flags, provenance }, outputs, {
      store,
      limits,
      signal,
    });
    for (const output of outputs)
      if (output.kind === "image")
        await writeImage(image, output.locator, {
          store,
          registries,
          events: progress.report,
          standardOutput: writeResultBytes,
          ...(platforms[0] === undefined ? {} : { platform: platforms[0] }),
        });
    if (recorder !== undefined)
      await writeLock(argument, inputs, flags, session, { recordings: recorder, quiet: true });
    await writeCaches(cachesTo, cache, registries, session);
    return image;
  };
  const finish = async (): Promise<void> => {
    // Judging takes its time from what writing waits for.
    const [image, vulnerabilities] = await Promise.all([
      write(),
      vulnerabilitiesOfBuilds(builds, judging, session),
    ]);
    progress.end();
    const isPrinted = outputs.some((output) => isStandardOutput(output));
    await describeBuild(builds, image, outputs, {
      format: flags.format,
      milliseconds: performance.now() - began,
      print: isPrinted ? printNote : printResult,
      downloadedBytes: pulls.downloaded(),
      ...(flags.iidfile === undefined ? {} : { iidFile: flags.iidfile }),
      ...(flags.metadataFile === undefined ? {} : { metadataFile: flags.metadataFile }),
      ...(vulnerabilities === undefined ? {} : { vulnerabilities }),
    });
  };
  const planFor = (platform: Platform | undefined): Promise<PlannedBuild> =>
    planBuild({
      dockerfile: inputs.dockerfile,
      ...(flags.target === undefined ? {} : { target: flags.target }),
      buildArguments: inputs.buildArguments,
      ...(platform === undefined ? {} : { platform }),
      contextNames: inputs.contextNames,
      images: inputs.images,
    });
  /** Each platform's build is still at hand while the next one goes on. */
  const buildNext = async ([planned, ...others]: readonly PlannedBuild[]): Promise<void> => {
    await buildDockerfile(planned!, options, async (built) => {
      for (const { message, hint } of built.warnings)
        progress.report({ type: "warning", text: message, hint });
      builds.push(embed === undefined ? built : await withEmbedded(built, embed, store));
      for (const output of outputs)
        if (output.kind !== "image") await writeFiles(built, output, platforms.length > 1, session);
      if (others.length > 0) await buildNext(others);
      else await finish();
    });
  };
  try {
    const plans: PlannedBuild[] = [];
    for (const platform of platforms.length > 0 ? platforms : [undefined])
      plans.push(await planFor(platform));
    await buildNext(plans);
  } finally {
    await credentials.close();
    await store.close();
  }
}

async function withEmbedded(
  built: DockerfileBuild,
  embed: Embed,
  { blobs }: DockerfileBuildOptions["store"],
): Promise<DockerfileBuild> {
  const { embeddingTitle } = await import("../../build/index.ts");
  const image = await embed(built.image, blobs);
  return { ...built, image, titles: [...built.titles, embeddingTitle] };
}

function stageNames(words: Flags["cacheFilter"]): ReadonlySet<string> {
  return new Set(words === true ? [] : words.map((name) => name.toLowerCase()));
}

/** A build from a lock has all that it needs. */
function networkOf({ network, locked }: Flags): "none" | "host" {
  const chosen = network ?? (locked === true ? "none" : "default");
  return chosen === "none" ? "none" : "host";
}

/** The view of the build must not draw over the shell. */
function debugShell(progress: Progress) {
  return async (failed: FailedCommand): Promise<void> => {
    progress.end();
    const { openDebugShell } = await import("./debug-shell.ts");
    await openDebugShell(failed);
  };
}

/** What images took over the network. */
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
