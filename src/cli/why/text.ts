/** Explanations as text: sentences about files, and for each package a tree that leads up to world. */
import { formatAtom, packageLabel, type Atom } from "../../apk/index.ts";
import type { FileOwner, Inventory, RemovedPackage } from "../../inventory/index.ts";
import {
  mostCounted,
  type Explanation,
  type FollowedLink,
  type FormerNode,
  type Meaning,
  type PackageReason,
  type PathStep,
  type Place,
} from "../../why/index.ts";
import { instructionText } from "../image/instruction.ts";
import { countOf } from "../term/progress.ts";
import { printable } from "../term/streams.ts";

const columns = 80;

/** An explanation for people; names from the image are made safe to print. */
export function formatExplanation(explanation: Explanation, inventory: Inventory): string {
  const { places, packages, removedPackages } = explanation;
  const layers: LayerTeller = { inventory, told: new Set() };
  const blocks = [
    ...places.map((place) => placeLines(place, layers)),
    ...packages.map((reason) => packageLines(reason, layers)),
    removedPackages.map((removed) => removedLine(removed, layers)),
    remarks(explanation, inventory),
  ];
  return blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n");
}

/** The instruction of a layer is told once. */
interface LayerTeller {
  readonly inventory: Inventory;
  readonly told: Set<number>;
}

/** A statement with the layer that it is about, and as much of its instruction as the line holds. */
function withLayer(text: string, layer: number | undefined, teller: LayerTeller): string {
  const { image, layers } = teller.inventory;
  if (layer === undefined || image === undefined) return text;
  const place = `${text} (layer ${layer + 1} of ${layers.length}`;
  const left = columns - `${place}: )`.length;
  const createdBy = layers[layer]?.createdBy;
  if (left < shortestInstruction || createdBy === undefined || teller.told.has(layer))
    return `${place})`;
  teller.told.add(layer);
  return `${place}: ${instructionText(createdBy, left)})`;
}

/** Less of an instruction says nothing. */
const shortestInstruction = 16;

function placeLines(place: Place, layers: LayerTeller): string[] {
  const { links, end, node, former, removedIn, owner, layer } = place;
  const lines = links.flatMap((link) => linkLines(link, place, layers));
  if (end === undefined) return [...lines, "The links lead in a circle."];
  const path = shownPath(end);
  if (node !== undefined)
    lines.push(withLayer(`${path}: ${kindNames[node.kind]}, ${ownership(owner)}`, layer, layers));
  else if (removedIn !== undefined) {
    lines.push(withLayer(`${path}: removed`, removedIn, layers));
    if (owner !== undefined) lines.push(`  ${labelOf(owner)} is installed and should have it`);
  } else if (owner !== undefined)
    lines.push(`${path}: missing, though ${labelOf(owner)} is installed and should have it`);
  else lines.push(`${path}: not there, and no layer ever had it`);
  return [...lines, ...formerLines(former, layers)];
}

function linkLines(link: FollowedLink, place: Place, layers: LayerTeller): string[] {
  const { path, target, owner, layer, former } = link;
  // BusyBox makes them itself when it is installed; no package lists them.
  const isApplet = owner === undefined && place.owner?.package.name === "busybox";
  const maker = isApplet ? "a command of busybox" : ownership(owner);
  const text = `${shownPath(path)} -> ${printable(target)}, ${maker}`;
  return [withLayer(text, layer, layers), ...formerLines(former, layers)];
}

function formerLines(former: readonly FormerNode[], layers: LayerTeller): string[] {
  return former.map(({ node, layer }) =>
    withLayer(`  earlier: ${kindNames[node.kind]}`, layer, layers),
  );
}

const kindNames: Readonly<Record<FormerNode["node"]["kind"], string>> = {
  directory: "folder",
  file: "file",
  symlink: "link",
  character: "character device",
  block: "block device",
  fifo: "pipe",
};

function ownership(owner: FileOwner | undefined): string {
  return owner === undefined ? "owned by no package" : `owned by ${labelOf(owner)}`;
}

function labelOf({ package: subject }: Pick<FileOwner, "package">): string {
  return printable(packageLabel(subject));
}

function shownPath(path: string): string {
  return printable(`/${path}`);
}

/** What brings a package in, on the way to world. */
interface Branch {
  readonly text: string;
  readonly branches: Map<string, Branch>;
}

function packageLines(reason: PackageReason, layers: LayerTeller): string[] {
  const { installed, layer, provides, paths, count, dependents } = reason;
  const lines = [withLayer(labelOf({ package: installed }), layer, layers)];
  if (provides !== undefined) lines.push(`│  provides ${shownAtoms([provides])}`);
  const trunk: Branch = { text: "", branches: new Map() };
  for (const path of paths) addPath(trunk, path);
  addBranches(lines, trunk, "", 0);
  if (paths.length === 0)
    lines.push(
      layers.inventory.world.length === 0
        ? "└─ there is no world that could say why"
        : "└─ nothing in world brings it in: apk removes it with its next change",
    );
  if (count > paths.length) lines.push(morePaths(count, paths.length));
  const onPaths = new Set(paths.map((path) => path.at(-2)?.node));
  const others = new Set(dependents.map(({ node }) => node).filter((node) => !onPaths.has(node)));
  if (others.size > 0)
    lines.push(
      listOf(paths.length === 0 ? "needed by" : "also needed by", [...others].map(labelOf)),
    );
  return lines;
}

function morePaths(count: number, shown: number): string {
  return count >= mostCounted
    ? `… and more than ${mostCounted - shown} other paths of this length`
    : `… and ${count - shown} more of this length; --paths ${count} shows all`;
}

/** Paths that end alike share their branches. */
function addPath(trunk: Branch, path: readonly PathStep[]): void {
  let branch = trunk;
  for (let at = path.length - 1; at >= 0; at--) {
    const text = reasonText(path[at]!, path[at - 1]);
    const next = branch.branches.get(text) ?? { text, branches: new Map() };
    branch.branches.set(text, next);
    branch = next;
  }
}

function reasonText({ kind, atoms }: PathStep, before: PathStep | undefined): string {
  if (before === undefined) return `in world as ${shownAtoms(atoms)}`;
  const label = labelOf(before.node);
  return kind === "depends"
    ? `${label} needs ${shownAtoms(atoms)}`
    : `${label} meets its install_if: ${shownAtoms(atoms)}`;
}

/** A package may need a hundred commands of another. */
const mostAtoms = 3;

function shownAtoms(atoms: readonly Atom[]): string {
  const texts = atoms.slice(0, mostAtoms).map((atom) => printable(formatAtom(atom)));
  const left = atoms.length - texts.length;
  return texts.join(" ") + (left > 0 ? ` and ${left} more` : "");
}

/** Deeper than any honest package stands below world. */
const deepest = 40;

function addBranches(lines: string[], { branches }: Branch, indent: string, depth: number): void {
  const all = [...branches.values()];
  if (depth === deepest && all.length > 0) {
    lines.push(`${indent}└─ … --format json has the rest`);
    return;
  }
  for (const [at, branch] of all.entries()) {
    const isLast = at === all.length - 1;
    lines.push(`${indent}${isLast ? "└─" : "├─"} ${branch.text}`);
    addBranches(lines, branch, `${indent}${isLast ? "   " : "│  "}`, depth + 1);
  }
}

function removedLine({ installed, layer, removedIn }: RemovedPackage, layers: LayerTeller): string {
  const isReplaced = layers.inventory.packages.some(
    (each) => each.installed.name === installed.name,
  );
  const label = labelOf({ package: installed });
  const end = isReplaced ? "replaced" : "removed";
  return withLayer(`${label}: installed by layer ${layer + 1}, ${end}`, removedIn, layers);
}

function remarks(
  { others, brokenWorld, asked }: Explanation,
  { hasDatabase }: Inventory,
): string[] {
  const lines: string[] = [];
  if (!hasDatabase) lines.push("There is no apk database: nothing is known of packages.");
  if (others.length > 0) {
    const texts = others.map(({ meaning, name }) => `${meaningNames[meaning]} ${printable(name)}`);
    lines.push(listOf(`${printable(asked)} is also`, texts));
  }
  for (const { atom } of brokenWorld.slice(0, mostEntries)) {
    const text = printable(formatAtom({ ...atom, conflict: false }));
    lines.push(
      atom.conflict
        ? `world forbids ${text}, which is installed`
        : `world asks for ${text}, which is not installed`,
    );
  }
  const left = brokenWorld.length - mostEntries;
  if (left > 0) lines.push(`… and ${left} more of world like these`);
  return lines;
}

/** Of world, that do not hold: more say nothing new. */
const mostEntries = 10;

const meaningNames: Readonly<Record<Meaning, string>> = {
  package: "the package",
  file: "the file",
  soname: "the library",
  command: "the command",
  provide: "provided by",
};

/** A list that fits the line; what does not is counted. */
function listOf(title: string, words: readonly string[]): string {
  let text = title;
  for (const [at, word] of words.entries()) {
    const next = `${text}${at === 0 ? " " : ", "}${word}`;
    const left = words.length - at;
    if (at > 0 && `${next} and ${countOf(left, "other")}`.length > columns)
      return `${text} and ${countOf(left, "other")}`;
    text = next;
  }
  return text;
}
