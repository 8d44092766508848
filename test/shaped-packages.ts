/** What bills of materials in other tools' shapes are made of: packages, purls and what they need. */
import {
  dependencyGraph,
  formatPackageUrl,
  type Inventory,
  type PackageNode,
} from "../src/inventory/index.ts";

export const time = "2024-02-01T10:00:00Z";

export interface ShapedPackage {
  readonly node: PackageNode;
  readonly layer: number;
  readonly diffId: string | undefined;
  readonly digest: string | undefined;
}

export function shapedPackages({ packages, world, layers }: Inventory): readonly ShapedPackage[] {
  const graph = dependencyGraph(
    packages.map(({ installed }) => installed),
    world,
  );
  return graph.nodes.map((node, at) => {
    const { layer } = packages[at]!;
    return { node, layer, diffId: layers[layer]?.diffId, digest: layers[layer]?.digest };
  });
}

export function neededBy(node: PackageNode): readonly PackageNode[] {
  const all = node.dependencies.flatMap(({ satisfiedBy }) => satisfiedBy);
  return [...new Set(all)].filter((each) => each !== node);
}

export function purlOf(
  { package: each }: PackageNode,
  { distribution }: Inventory,
  qualifiers: Readonly<Record<string, string | undefined>>,
): string {
  const { name, version, arch } = each;
  const namespace = distribution?.id ?? "alpine";
  return formatPackageUrl({
    type: "apk",
    namespace,
    name,
    version,
    qualifiers: { arch, ...qualifiers },
  });
}

/** Of another ecosystem, whose packages are counted. */
export const npm = { name: "left-pad", version: "1.3.0", purl: "pkg:npm/left-pad@1.3.0" };

export function reference(purl: string): object {
  return {
    referenceCategory: "PACKAGE-MANAGER",
    referenceType: "purl",
    referenceLocator: purl,
  };
}
