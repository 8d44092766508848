/** The document of an explanation: what `bivy why --format json` prints (docs/commands/why.md). */
import { formatAtom } from "../apk/index.ts";
import type { Inventory, PackageNode } from "../inventory/index.ts";
import type { TreeNode } from "../tree/index.ts";
import type { Explanation, PackageReason } from "./explanation.ts";
import type { PathStep } from "./paths.ts";
import type { FollowedLink, FormerNode, Place } from "./place.ts";

/** An explanation as plain data: layers are numbers, lowest 0, into the list of layers; paths are absolute. */
export function explanationDocument(explanation: Explanation, inventory: Inventory): object {
  const { asked, meaning, packages, places, removedPackages, others, brokenWorld } = explanation;
  const step = ({ node, kind, atoms }: PathStep) => ({
    ...labelOf(node),
    kind,
    dependencies: atoms.map(formatAtom),
    layer: inventory.packages[node.position]!.layer,
  });
  const reason = (each: PackageReason) => ({
    name: each.installed.name,
    version: each.installed.version,
    origin: each.installed.origin,
    identity: each.installed.identity,
    layer: each.layer,
    ...(each.provides === undefined ? {} : { provides: formatAtom(each.provides) }),
    paths: each.paths.map((path) => path.map(step)),
    pathCount: each.count,
    requiredBy: each.dependents.map(({ node, kind, dependency }) => ({
      ...labelOf(node),
      kind,
      dependency: formatAtom(dependency.atom),
    })),
  });
  return {
    image: inventory.subject,
    ...(inventory.image === undefined ? {} : { digest: inventory.image.digest }),
    asked,
    meaning,
    packages: packages.map(reason),
    places: places.map(placeFields),
    removedPackages: removedPackages.map(({ installed, layer, removedIn }) => ({
      name: installed.name,
      version: installed.version,
      identity: installed.identity,
      layer,
      removedIn,
    })),
    others,
    brokenWorld: brokenWorld.map(({ atom }) => formatAtom(atom)),
    layers: inventory.layers.map(({ digest, diffId, createdBy }) => ({
      digest,
      diffId,
      createdBy,
    })),
  };
}

function labelOf({ package: { name, version } }: PackageNode) {
  return { name, version };
}

function placeFields(place: Place) {
  const { path, links, end, node, layer, owner, former, removedIn } = place;
  return {
    path: `/${path}`,
    links: links.map(linkFields),
    ...(end === undefined ? {} : { end: `/${end}` }),
    ...(node === undefined ? {} : nodeFields(node)),
    layer,
    owner: owner?.package.name,
    former: former.map(formerFields),
    removedIn,
  };
}

function linkFields({ path, target, owner, layer, former }: FollowedLink) {
  return {
    path: `/${path}`,
    target,
    layer,
    owner: owner?.package.name,
    former: former.map(formerFields),
  };
}

function formerFields({ node, layer, until }: FormerNode) {
  return { ...nodeFields(node), layer, until };
}

function nodeFields(node: TreeNode) {
  return {
    kind: node.kind,
    mode: node.mode,
    uid: node.uid,
    gid: node.gid,
    ...(node.kind === "file" ? { size: node.content.size } : {}),
    ...(node.kind === "symlink" ? { target: node.target } : {}),
  };
}
