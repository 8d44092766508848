/**
 * The assembly of a document: what is stated in it becomes packages with their source packages, layers
 * and paths. Where a tool writes a fact in several places, the most exact one counts.
 */
import { compareNames, tryParseDigest } from "../../base/index.ts";
import type { PackageRepository } from "../../inventory/index.ts";
import {
  factNames,
  firstFact,
  labelFactPrefix,
  listFactName,
  ownLabel,
  type Facts,
} from "../facts.ts";
import { distributionOfDocument } from "./document-distribution.ts";
import { findPaths } from "./document-paths.ts";
import type { SbomComponent, SbomDocument, SbomLayer, SbomPackage } from "./sbom-document.ts";
import type { StatedComponent, StatedDocument } from "./stated.ts";

/** What `subject` names is what messages call the document. */
export function assembleDocument(stated: StatedDocument, subject: string): SbomDocument {
  const problems = [...stated.problems];
  const packages = apkPackages(stated);
  const layers = layersOf(stated);
  const findLayer = layerFinder(layers);
  const distribution = distributionOfDocument(stated, packages, subject, problems);
  const names = new Map(packages.map((each) => [each.ref, each.name]));
  const paths = findPaths(packages, problems);
  const others = stated.components
    .filter((each) => isOther(each))
    .map((each) => otherComponent(each, findLayer));
  const { format, tool, name = subject, digest, time, purl, supplier } = stated;
  return {
    format,
    ...(tool === undefined ? {} : { tool }),
    name,
    ...(digest === undefined ? {} : { digest }),
    ...(time === undefined ? {} : { time }),
    ...(purl === undefined ? {} : { purl }),
    ...(supplier === undefined ? {} : { supplier }),
    ...(distribution === undefined ? {} : { distribution }),
    packages: packages.map((each, at): SbomPackage => {
      const needs = each.ref === undefined ? undefined : stated.dependencies.get(each.ref);
      const dependsOn = needs?.map((ref) => names.get(ref)).filter((found) => found !== undefined);
      const path = paths[at];
      return {
        ...packageOf(each, findLayer),
        ...(path === undefined ? {} : path),
        ...(dependsOn === undefined
          ? {}
          : { dependsOn: [...new Set(dependsOn)].sort(compareNames) }),
      };
    }),
    layers,
    repositories: repositoriesOf(stated.facts),
    labels: labelsOf(stated),
    others,
    unjudged: countOthers(others),
    problems,
  };
}

/** Older Syft called the type `alpine`. */
const apkTypes: ReadonlySet<string> = new Set(["apk", "alpine"]);
/** What a document is about, and where its parts came from, is no package in it. */
const otherThings: ReadonlySet<string> = new Set(["oci", "docker", "github", "bitbucket"]);

function isApk({ isApk: known, purl }: StatedComponent): boolean {
  return known ?? (purl !== undefined && apkTypes.has(purl.type));
}

function isOther(each: StatedComponent): boolean {
  if (isApk(each)) return false;
  if (each.facts.has(factNames.ecosystem)) return true;
  return each.purl !== undefined && !otherThings.has(each.purl.type);
}

/** Each package once. bivy's documents have it as often as the database has it. */
function apkPackages({ tool, components }: StatedDocument): readonly StatedComponent[] {
  const listed = components.filter(isApk);
  if (tool?.startsWith("bivy ") === true) return listed;
  const seen = new Set<string>();
  return listed.filter((each) => {
    const key = JSON.stringify([each.name, versionOf(each), archOf(each)]);
    return !seen.has(key) && seen.add(key);
  });
}

function versionOf({ version, purl }: StatedComponent): string {
  return version ?? purl?.version ?? "";
}

function archOf({ arch, purl }: StatedComponent): string | undefined {
  return arch ?? purl?.qualifiers?.["arch"];
}

type FindLayer = (each: StatedComponent) => number | undefined;

function packageOf(each: StatedComponent, findLayer: FindLayer): SbomPackage {
  const { facts, description } = each;
  const arch = archOf(each);
  const identity = firstFact(facts, factNames.identity) ?? each.identity;
  const license = firstFact(facts, factNames.license) ?? each.license;
  const maintainer = firstFact(facts, factNames.maintainer) ?? each.maintainer;
  const layer = findLayer(each);
  const repository = repositoryOf(facts);
  const tag = firstFact(facts, factNames.tag);
  const commit = firstFact(facts, factNames.commit, "syft:metadata:gitCommitOfApkPort");
  const buildTime = tryParseCount(firstFact(facts, factNames.buildTime));
  return {
    name: each.name,
    version: versionOf(each),
    ...(arch === undefined ? {} : { arch }),
    origin: originOf(each),
    ...(identity === undefined ? {} : { identity }),
    ...(license === undefined ? {} : { license }),
    ...(maintainer === undefined ? {} : { maintainer }),
    ...(layer === undefined ? {} : { layer }),
    ...(repository === undefined ? {} : { repository }),
    ...(tag === undefined ? {} : { tag }),
    ...(description === undefined ? {} : { description }),
    ...(each.url === undefined ? {} : { url: each.url }),
    ...(commit === undefined ? {} : { commit }),
    ...(buildTime === undefined ? {} : { buildTime }),
  };
}

/** A subpackage that lost its source package would match no advisory. */
function originOf({ name, facts, origin, purl }: StatedComponent): string {
  const { upstream, origin: qualified } = purl?.qualifiers ?? {};
  const stated = [
    firstFact(
      facts,
      factNames.origin,
      "syft:metadata:originPackage",
      "aquasecurity:trivy:SrcName",
      "SrcName",
    ),
    // Some tools put the version of the source behind it.
    upstream?.split("@", 1)[0],
    qualified,
    origin,
  ];
  return stated.find((each) => each !== undefined && each !== "") ?? name;
}

const evidences = ["tag", "only-branch", "index"] as const;

function repositoryOf(facts: Facts): PackageRepository | undefined {
  const branch = firstFact(facts, factNames.repositoryBranch);
  const stated = firstFact(facts, factNames.repositoryEvidence);
  const evidence = evidences.find((each) => each === stated);
  if (branch === undefined || evidence === undefined) return undefined;
  const url = firstFact(facts, factNames.repositoryUrl);
  const name = firstFact(facts, factNames.repositoryName);
  return {
    branch,
    ...(name === undefined ? {} : { name }),
    ...(url === undefined ? {} : { url }),
    evidence,
  };
}

function otherComponent(each: StatedComponent, findLayer: FindLayer): SbomComponent {
  const { facts, purl, name, license } = each;
  const path =
    firstFact(facts, factNames.languagePath) ??
    firstFact(facts, "syft:location:0:path", "aquasecurity:trivy:FilePath", "FilePath");
  const layer = findLayer(each);
  const owner = firstFact(facts, factNames.languageOwner) ?? each.owner;
  return {
    ecosystem: firstFact(facts, factNames.ecosystem) ?? purl!.type,
    name,
    version: versionOf(each),
    purl: each.purlText ?? "",
    ...(license === undefined ? {} : { license }),
    ...(path === undefined ? {} : { path: path.replace(/^\/+/, "") }),
    ...(layer === undefined ? {} : { layer }),
    ...(owner === undefined ? {} : { owner }),
  };
}

function countOthers(others: readonly SbomComponent[]): SbomDocument["unjudged"] {
  const counts = new Map<string, number>();
  for (const { ecosystem, owner } of others)
    if (owner === undefined) counts.set(ecosystem, (counts.get(ecosystem) ?? 0) + 1);
  return Array.from(counts, ([ecosystem, count]) => ({ ecosystem, count })).sort((a, b) =>
    compareNames(a.ecosystem, b.ecosystem),
  );
}

/** More layers than any runtime can mount. */
const mostLayers = 4096;

function layersOf({ facts, layers = [] }: StatedDocument): readonly SbomLayer[] {
  const count = tryParseCount(firstFact(facts, factNames.layerCount));
  if (count === undefined) return layers.slice(0, mostLayers);
  return Array.from({ length: Math.min(count, mostLayers) }, (_, at): SbomLayer => {
    const field = (name: string) => firstFact(facts, listFactName("layers", at, name));
    const digest = tryParseDigest(field("digest") ?? "");
    const diffId = tryParseDigest(field("diff-id") ?? "");
    const createdBy = field("created-by");
    return {
      ...(digest === undefined ? {} : { digest }),
      ...(diffId === undefined ? {} : { diffId }),
      ...(createdBy === undefined ? {} : { createdBy }),
    };
  });
}

function layerFinder(layers: readonly SbomLayer[]): FindLayer {
  const places = new Map<string, number>();
  for (const [at, { digest, diffId }] of layers.entries())
    for (const id of [digest, diffId]) if (id !== undefined && !places.has(id)) places.set(id, at);
  return ({ facts, layerIds = [] }) => {
    const index = tryParseCount(firstFact(facts, factNames.layerIndex));
    if (index !== undefined && index < layers.length) return index;
    const ids = [
      firstFact(facts, "aquasecurity:trivy:LayerDiffID", "LayerDiffID"),
      firstFact(facts, "aquasecurity:trivy:LayerDigest", "LayerDigest"),
      ...layerIds,
    ];
    return ids.map((id) => places.get(id ?? "")).find((at) => at !== undefined);
  };
}

const mostRepositories = 10_000;

function repositoriesOf(facts: Facts): SbomDocument["repositories"] {
  const lines: { readonly url: string; readonly tag?: string }[] = [];
  for (let at = 0; at < mostRepositories; at++) {
    const url = firstFact(facts, listFactName("repositories", at, "url"));
    const tag = firstFact(facts, listFactName("repositories", at, "tag"));
    if (url === undefined) break;
    lines.push({ url, ...(tag === undefined ? {} : { tag }) });
  }
  return lines;
}

/** What says how important an image is must not depend on whether it is scanned through a document. */
function labelsOf({ facts, labels = new Map() }: StatedDocument): ReadonlyMap<string, string> {
  const found = new Map<string, string>(labels);
  for (const [name, [value]] of facts) {
    const label = name.startsWith(labelFactPrefix) ? name.slice(labelFactPrefix.length) : "";
    if (ownLabel.test(label) && value !== undefined) found.set(label, value);
  }
  return found;
}

function tryParseCount(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : undefined;
}
