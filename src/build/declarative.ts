/**
 * The declarative build: from an image configuration to an image. Per architecture: packages are
 * resolved (or taken from a lock), fetched, verified and installed into a tree in memory; the rest of
 * the configuration is applied; the tree becomes layers, and the layers an image.
 */
import {
  CursorPool,
  fetchPackages,
  formatAtom,
  installPackages,
  makeBusyboxLinks,
  packageLabel,
  readAccounts,
  type Access,
  type Installation,
  type Key,
  type PackageSource,
  type TransactionResult,
} from "../apk/index.ts";
import { writeTar } from "../archive/index.ts";
import { BivyError, ignoreEvents, type EventSink } from "../base/index.ts";
import {
  attachAttestations,
  formatCreated,
  makeImage,
  makeIndex,
  platformOfArch,
  writeLayer,
  type AttestedImage,
  type BlobStore,
  type HistoryEntry,
  type Image,
  type ImageIndex,
  type ImageOrIndex,
  type Layer,
  type Reference,
} from "../oci/index.ts";
import { canRunArch, whyNoSandbox } from "../sandbox/index.ts";
import { layerItems, TreeRoot, type DirectoryNode } from "../tree/index.ts";
import { applyImageConfig } from "./apply/apply.ts";
import { attestContents } from "./attest/attest-build.ts";
import { containerConfig, imageAnnotations } from "./config/container.ts";
import type { ImageConfig } from "./config/image-config.ts";
import { keyringFor, type BuildKeys } from "./keys.ts";
import { planLayers } from "./layering.ts";
import type { LockedPackage } from "./lock.ts";
import type { Resolution, ResolvedPackage } from "./resolve.ts";
import { TreeScripts } from "./tree-scripts.ts";

export interface BuildOptions {
  readonly config: ImageConfig;
  readonly keys: BuildKeys;
  readonly resolutions: readonly Resolution[];
  readonly access: Access;
  /** Where layers are written. */
  readonly blobs: BlobStore;
  /** The folder that `files` refer to. */
  readonly contextFolder: string;
  /** SOURCE_DATE_EPOCH: no file is dated later. Undefined: the newest package's build time. */
  readonly time?: number;
  readonly compression?: "gzip" | "zstd" | "none";
  /** Attach what is inside each image, under the names that it gets; `version` is that of bivy. */
  readonly sbom?: { readonly version: string; readonly references: readonly Reference[] };
  /** What is done to the image of each architecture once it is made; default nothing. */
  readonly finish?: (image: Image) => Promise<Image>;
  /** Make the image even if a package script fails. */
  readonly keepGoing?: boolean;
  /** Where a locked package's kept copy is; undefined for one without. */
  readonly keptCopy?: (locked: LockedPackage) => PackageSource | undefined;
}

export interface BuiltArch {
  readonly arch: string;
  readonly image: Image;
  /** That no file of it is dated later than: seconds since 1970. */
  readonly time: number;
  readonly packages: readonly ResolvedPackage[];
  /** Labels of package scripts that did not run, and of those that failed. */
  readonly skippedScripts: readonly string[];
  readonly failedScripts: readonly string[];
}

export interface BuildResult {
  readonly image: ImageOrIndex;
  readonly archs: readonly BuiltArch[];
}

export async function buildImage(options: BuildOptions): Promise<BuildResult> {
  const archs: BuiltArch[] = [];
  for (const resolution of options.resolutions) archs.push(await buildArch(resolution, options));
  const [only] = archs;
  const annotations = imageAnnotations(options.config);
  if (options.sbom !== undefined)
    return { image: await attestArchs(archs, options.sbom, options, annotations), archs };
  if (only !== undefined && archs.length === 1) return { image: only.image, archs };
  return {
    image: await makeIndex(
      archs.map(({ image }) => ({ image })),
      annotations,
    ),
    archs,
  };
}

async function attestArchs(
  archs: readonly BuiltArch[],
  sbom: NonNullable<BuildOptions["sbom"]>,
  { access, blobs }: BuildOptions,
  annotations: Readonly<Record<string, string>>,
): Promise<ImageIndex> {
  const attested: AttestedImage[] = [];
  for (const { arch, image, time } of archs) {
    const options = { ...sbom, time, limits: access.limits };
    const attestation = await attestContents(image, platformOfArch(arch), options);
    attested.push({ image, attestations: [attestation] });
  }
  return attachAttestations(attested, blobs, annotations);
}

async function buildArch(resolution: Resolution, options: BuildOptions): Promise<BuiltArch> {
  const { config, access, keys, contextFolder } = options;
  const { arch } = resolution;
  const report = access.events ?? ignoreEvents;
  const time = options.time ?? newestBuild(resolution);
  report({
    type: "phase",
    text: `${arch}: ${resolution.packages.length} ${resolution.packages.length === 1 ? "package" : "packages"} for ${resolution.world.map(formatAtom).join(" ")}`,
  });
  const sources = await fetchSources(resolution.packages, options);
  const tree = new TreeRoot({ rootAttributes: { mode: 0o755, uid: 0, gid: 0, mtime: time } });
  const cursors = new CursorPool();
  try {
    const installed = await installTree(
      tree,
      resolution,
      sources,
      { ...options, time, cursors },
      report,
    );
    await applyImageConfig(tree, config, {
      arch,
      time,
      limits: access.limits,
      keys: trustedKeys(resolution, keys, config),
      contextFolder,
      events: report,
    });
    const { users } = await readAccounts(tree, access.limits);
    warnOfOversights(config, resolution, users, report);
    const { layers, history } = await writeLayers(
      tree.snapshot(),
      installed,
      { ...options, time },
      report,
    );
    const made = makeImage({
      platform: platformOfArch(arch),
      config: containerConfig(config, (name) => users.get(name)?.id),
      layers,
      history,
      annotations: imageAnnotations(config),
      created: time,
    });
    const image = (await options.finish?.(made)) ?? made;
    report({ type: "verified", link: "image", subject: arch, detail: image.digest });
    const { skippedScripts, failedScripts } = installed;
    return { arch, image, time, packages: resolution.packages, skippedScripts, failedScripts };
  } finally {
    await cursors.close();
  }
}

/** The last second that a time of RFC 3339 can have: the year 9999 ends. */
const lastTime = 253_402_300_799;

/** What is allowed, and hardly ever meant. */
function warnOfOversights(
  config: ImageConfig,
  { arch, packages }: Resolution,
  users: ReadonlyMap<string, unknown>,
  report: EventSink,
): void {
  if (packages.length === 0)
    report({
      type: "warning",
      text: `${arch}: the image has no packages`,
      hint: "Name some under contents.packages.",
    });
  const user = config.accounts.runAs?.split(":")[0];
  if (user !== undefined && !/^\d+$/.test(user) && !users.has(user))
    report({
      type: "warning",
      text: `accounts.run-as: the image has no user ${user}, so it will not start`,
      hint: "Add the user under accounts.users, or the package that brings it.",
    });
}

function newestBuild({ packages }: Resolution): number {
  let newest = 0;
  for (const { package: subject } of packages) {
    if (subject.buildTime > lastTime)
      throw new BivyError(
        "index-invalid",
        `${packageLabel(subject)}: expected a build time before the year 10000, found ${subject.buildTime} seconds since 1970`,
        {
          hint: "Its repository is damaged or hostile. SOURCE_DATE_EPOCH sets the time of the image.",
        },
      );
    newest = Math.max(newest, subject.buildTime);
  }
  return newest;
}

async function fetchSources(
  packages: readonly ResolvedPackage[],
  options: BuildOptions,
): Promise<Map<ResolvedPackage, PackageSource>> {
  const sources = new Map<ResolvedPackage, PackageSource>();
  const missing: ResolvedPackage[] = [];
  for (const each of packages) {
    if (each.package.installedSize === 0) continue;
    const kept = options.keptCopy?.(each);
    if (kept === undefined) missing.push(each);
    else sources.set(each, kept);
  }
  const fetched = await fetchPackages(missing, options.access);
  for (const [index, each] of missing.entries()) sources.set(each, fetched[index]!);
  return sources;
}

async function installTree(
  tree: TreeRoot,
  resolution: Resolution,
  sources: ReadonlyMap<ResolvedPackage, PackageSource>,
  {
    config,
    access,
    time,
    cursors,
    keepGoing,
  }: BuildOptions & { time: number; cursors: CursorPool },
  report: EventSink,
): Promise<TransactionResult> {
  const { limits, signal } = access;
  const stopping = signal === undefined ? {} : { signal };
  const unable =
    config.scripts === "skip"
      ? "they are to be skipped"
      : await whyScriptsCannotRun(resolution.arch);
  const scripts =
    unable === undefined ? new TreeScripts(tree, { time, limits, ...stopping }) : undefined;
  try {
    const result = await installPackages(
      tree,
      resolution.packages.map((each) => toInstallation(each, sources.get(each))),
      {
        world: resolution.world,
        archs: [resolution.arch],
        limits,
        time,
        events: report,
        cursors,
        ...stopping,
        ...(scripts === undefined ? {} : { scripts }),
      },
    );
    if (result.failedScripts.length > 0 && keepGoing !== true)
      throw scriptsFailed(result.failedScripts);
    if (result.skippedScripts.length > 0)
      await standInForScripts(tree, result, unable ?? "", limits, time, report);
    return result;
  } finally {
    await scripts?.close();
  }
}

function scriptsFailed(labels: readonly string[]): BivyError {
  return new BivyError("script-failed", `package scripts failed: ${labels.join(", ")}`, {
    hint: "What they printed is above. --keep-going makes the image all the same, as apk would leave it.",
  });
}

/** A package without files is never opened, so nothing stands behind its name. */
const noFile: PackageSource = { subject: "a package without files", open: () => [] };

function toInstallation(each: ResolvedPackage, source: PackageSource = noFile): Installation {
  return {
    package: each.package,
    source,
    trust: { by: "identity", identity: each.package.identity },
    ...(each.tag === undefined ? {} : { tag: each.tag }),
  };
}

async function whyScriptsCannotRun(arch: string): Promise<string | undefined> {
  if (!canRunArch(arch)) return `this host cannot run ${arch} commands`;
  return whyNoSandbox();
}

/** Names every script that was left out, and does by rule what the most important one would have done. */
async function standInForScripts(
  tree: TreeRoot,
  { skippedScripts }: TransactionResult,
  reason: string,
  limits: Access["limits"],
  time: number,
  report: EventSink,
): Promise<void> {
  const links = await makeBusyboxLinks(tree, limits, time);
  report({
    type: "warning",
    text: `package scripts did not run, because ${reason}: ${skippedScripts.join(", ")}`,
    hint:
      links === undefined
        ? "BusyBox's links could not be made either: before Alpine 3.17 only its script knows them."
        : `${links} links to BusyBox were made by rule. Check whether the image needs what the other scripts do.`,
  });
}

/**
 * The keys in the image: those that vouched for its packages, so that apk in it goes on trusting them;
 * not those of repositories that only the build uses.
 */
function trustedKeys(resolution: Resolution, keys: BuildKeys, config: ImageConfig): Key[] {
  const signers = new Set(resolution.packages.map(({ signedBy }) => signedBy));
  const named = new Set(config.contents.repositories.map(({ url }) => url));
  const used = keyringFor(resolution.arch, keys).keys.filter(({ name, builtIn, repository }) =>
    builtIn ? signers.has(name) : repository === undefined || named.has(repository),
  );
  return [...used, ...keys.runtime];
}

async function writeLayers(
  tree: DirectoryNode,
  { database }: TransactionResult,
  { config, blobs, time, compression, access }: BuildOptions & { time: number },
  report: EventSink,
): Promise<{ layers: Layer[]; history: HistoryEntry[] }> {
  const layers: Layer[] = [];
  const history: HistoryEntry[] = [];
  for (const plan of planLayers(tree, database.installed, config.layering)) {
    const tar = writeTar(layerItems(tree, { newest: time, includes: plan.includes }));
    const layer = await writeLayer(tar, blobs, {
      limits: access.limits,
      ...(compression === undefined ? {} : { compression }),
    });
    layers.push(layer);
    history.push({ created: formatCreated(time), created_by: "bivy build", comment: plan.comment });
    report({
      type: "verified",
      link: "layer",
      subject: `${layers.length}`,
      detail: `${layer.digest}, diff id ${layer.diffId}`,
    });
  }
  return { layers, history };
}
