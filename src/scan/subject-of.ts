/** The subject of an inventory, and that of a bill of materials: what of them a scan needs. */
import {
  dependencyGraph,
  packageRepositories,
  pathsFromWorld,
  type Inventory,
} from "../inventory/index.ts";
import type { SbomDocument } from "../sbom/index.ts";
import type { ScanPackage, ScanSubject, UnjudgedPackages } from "./subject.ts";

/** The subject of an image or root. */
export function subjectOfInventory(inventory: Inventory): ScanSubject {
  const { subject: name, image, config, distribution, repositories, problems } = inventory;
  const installed = inventory.packages.map((each) => each.installed);
  const paths = pathsFromWorld(dependencyGraph(installed, inventory.world));
  const byPackage = new Map(Array.from(paths, ([node, path]) => [node.package, path]));
  const repositoryOf = packageRepositories(repositories, distribution?.branch);
  return {
    name,
    kind: image === undefined ? "root" : "image",
    ...(image === undefined ? {} : { digest: image.digest }),
    ...(distribution === undefined ? {} : { distribution }),
    packages: inventory.packages.map(({ installed: each, layer }): ScanPackage => {
      const path = byPackage.get(each);
      const repository = repositoryOf(each);
      return {
        name: each.name,
        version: each.version,
        origin: each.origin === "" ? each.name : each.origin,
        ...(each.arch === "" ? {} : { arch: each.arch }),
        ...(repository === undefined ? {} : { repository }),
        layer,
        ...(path === undefined ? {} : { inWorld: path.inWorld, path: path.names }),
      };
    }),
    layers: inventory.layers.map(({ digest, diffId, createdBy }) => ({
      ...(digest === undefined ? {} : { digest }),
      ...(diffId === undefined ? {} : { diffId }),
      ...(createdBy === undefined ? {} : { createdBy }),
    })),
    labels: new Map(Object.entries(config?.config?.Labels ?? {})),
    repositories: repositories.map(({ url, tag }) => ({
      url,
      ...(tag === undefined ? {} : { tag }),
    })),
    unjudged: countLanguages(inventory),
    problems,
  };
}

/** The subject of a bill of materials; `name` is what the user calls it. */
export function subjectOfDocument(document: SbomDocument, name: string): ScanSubject {
  const { digest, distribution, layers, labels, repositories, unjudged, problems } = document;
  return {
    name,
    kind: "sbom",
    ...(digest === undefined ? {} : { digest }),
    ...(distribution === undefined ? {} : { distribution }),
    packages: document.packages.map((each): ScanPackage => ({
      name: each.name,
      version: each.version,
      origin: each.origin,
      ...(each.arch === undefined ? {} : { arch: each.arch }),
      ...(each.repository === undefined ? {} : { repository: each.repository }),
      ...(each.layer === undefined ? {} : { layer: each.layer }),
      ...(each.inWorld === undefined ? {} : { inWorld: each.inWorld }),
      ...(each.path === undefined ? {} : { path: each.path }),
    })),
    layers,
    labels,
    repositories,
    unjudged,
    problems,
  };
}

function countLanguages({ languages = [] }: Inventory): readonly UnjudgedPackages[] {
  // What an apk package has is judged with it: Alpine mends it there.
  const groups = Map.groupBy(
    languages.filter(({ owner }) => owner === undefined),
    ({ ecosystem }) => ecosystem,
  );
  return Array.from(groups, ([ecosystem, list]) => ({ ecosystem, count: list.length })).sort(
    (a, b) => (a.ecosystem < b.ecosystem ? -1 : 1),
  );
}
