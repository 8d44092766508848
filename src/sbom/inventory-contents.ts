/** The contents of an inventory, as a bill of materials has them: the form that reading one gives, too. */
import { compareNames } from "../base/index.ts";
import {
  dependencyGraph,
  packageRepositories,
  pathsFromWorld,
  type Inventory,
} from "../inventory/index.ts";
import { shortReference, type Reference } from "../oci/index.ts";
import { walkTree } from "../tree/index.ts";
import { ownLabel } from "./facts.ts";
import { imagePackageUrl } from "./package-url.ts";
import type {
  SbomComponent,
  SbomContents,
  SbomFile,
  SbomLayer,
  SbomPackage,
} from "./read/sbom-document.ts";

export interface InventoryContentsOptions {
  /** What the image is called, where it has a name. */
  readonly reference?: Reference;
  /** Whether all files are listed, with the checksums that the inventory was taken with. */
  readonly files?: boolean;
  /** Whether the document will stand in the image, whose digest it then cannot know. */
  readonly isEmbedded?: boolean;
}

/** Where images say who gives them out (OCI image-spec, annotations.md). */
const vendorLabel = "org.opencontainers.image.vendor";

export function contentsOf(
  inventory: Inventory,
  { reference, files = false, isEmbedded = false }: InventoryContentsOptions = {},
): SbomContents {
  const { config, distribution, layers, repositories, languages = [] } = inventory;
  const { image } = inventory;
  const named = isEmbedded ? undefined : image?.digest;
  const labels = Object.entries(config?.config?.Labels ?? {});
  const supplier = labels.find(([name, value]) => name === vendorLabel && value !== "")?.[1];
  return {
    // Not what messages call it: that can be a path of this machine.
    name: reference === undefined ? (image === undefined ? "root" : "image") : nameOf(reference),
    ...(named === undefined ? {} : { digest: named }),
    ...(reference === undefined || named === undefined || config === undefined
      ? {}
      : { purl: imagePackageUrl(reference, named, config) }),
    ...(supplier === undefined ? {} : { supplier }),
    ...(distribution === undefined ? {} : { distribution }),
    packages: packagesOf(inventory),
    layers: layers.map(({ digest, diffId, createdBy }): SbomLayer => ({
      ...(digest === undefined ? {} : { digest }),
      ...(diffId === undefined ? {} : { diffId }),
      ...(createdBy === undefined ? {} : { createdBy }),
    })),
    repositories: repositories.map(({ url, tag }) => ({
      url,
      ...(tag === undefined ? {} : { tag }),
    })),
    labels: new Map(
      labels.filter(([name]) => ownLabel.test(name)).sort(([a], [b]) => compareNames(a, b)),
    ),
    others: languages.map(
      ({ ecosystem, name, version, purl, license, path, layer, owner }): SbomComponent => ({
        ecosystem,
        name,
        version,
        purl,
        ...(license === undefined ? {} : { license }),
        path,
        ...(layer === undefined ? {} : { layer }),
        ...(owner === undefined ? {} : { owner }),
      }),
    ),
    ...(files ? { files: filesOf(inventory) } : {}),
  };
}

function nameOf({ registry, repository, tag }: Reference): string {
  return shortReference({ registry, repository, ...(tag === undefined ? {} : { tag }) });
}

function packagesOf({
  packages,
  world,
  repositories,
  distribution,
}: Inventory): readonly SbomPackage[] {
  const installed = packages.map((each) => each.installed);
  const graph = dependencyGraph(installed, world);
  const paths = pathsFromWorld(graph);
  const repositoryOf = packageRepositories(repositories, distribution?.branch);
  return graph.nodes.map((node): SbomPackage => {
    const { package: each, position } = node;
    const path = paths.get(node);
    const repository = repositoryOf(each);
    const needed = node.dependencies
      .flatMap(({ satisfiedBy }) => satisfiedBy)
      .filter((other) => other !== node);
    const dependsOn = [...new Set(needed.map((other) => other.package.name))].sort(compareNames);
    return {
      name: each.name,
      version: each.version,
      ...stated({ arch: each.arch }),
      origin: each.origin === "" ? each.name : each.origin,
      ...stated({ identity: each.identity, license: each.license, maintainer: each.maintainer }),
      layer: packages[position]!.layer,
      ...(path === undefined ? {} : { inWorld: path.inWorld, path: path.names }),
      ...(repository === undefined ? {} : { repository }),
      ...(each.tag === undefined ? {} : { tag: each.tag }),
      dependsOn,
      ...stated({ description: each.description, url: each.url, commit: each.commit }),
      ...(each.buildTime === 0 ? {} : { buildTime: each.buildTime }),
    };
  });
}

/** Fields without what is absent, which is empty in a database. */
function stated<Name extends string>(
  fields: Readonly<Record<Name, string>>,
): { readonly [Each in Name]?: string } {
  const entries = Object.entries<string>(fields).filter(([, value]) => value.trim() !== "");
  return Object.fromEntries(entries) as { [Each in Name]?: string };
}

function filesOf({ tree, owners }: Inventory): readonly SbomFile[] {
  const files: SbomFile[] = [];
  for (const { path, node } of walkTree(tree.top)) {
    if (node.kind !== "file") continue;
    const [sha1, sha256] = [tree.checksumOf(node, "sha1"), tree.checksumOf(node, "sha256")];
    const layer = tree.layerOf(path);
    const owner = owners.get(path);
    files.push({
      path,
      ...(sha1 === undefined ? {} : { sha1 }),
      ...(sha256 === undefined ? {} : { sha256 }),
      ...(owner?.file === undefined ? {} : { owner: owner.package.name }),
      ...(layer === undefined ? {} : { layer }),
    });
  }
  return files.sort((a, b) => compareNames(a.path, b.path));
}
