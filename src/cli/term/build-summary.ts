/** Build summary: what a build made and what it cost, in a few lines. */
import { cutToWidth, displayWidth } from "./display-width.ts";
import { countOf, formatBytes, formatDuration } from "./quantity.ts";
import { oneLine, titleOf } from "./step-title.ts";
import { printable } from "./streams.ts";
import { formatTable } from "./table.ts";

export interface BuildSummary {
  readonly digest: string;
  /** Where the image is now: names and files. */
  readonly names: readonly string[];
  readonly platforms: readonly PlatformSummary[];
  readonly vulnerabilities?: VulnerabilityFacts;
  readonly cost: BuildCost;
  readonly hints: readonly BuildHint[];
}

export interface PlatformSummary {
  /** Such as `linux/amd64`. */
  readonly platform: string;
  /** Undefined for an image from scratch. */
  readonly base: BaseSummary | undefined;
  /** Those that the build added to the base, in their order. */
  readonly layers: readonly LayerSummary[];
  /** Against the base; undefined where the image has no package database. */
  readonly packages: PackageDifference | undefined;
}

export interface BaseSummary {
  readonly name: string;
  /** Of its layers, compressed, in bytes. */
  readonly size: number;
}

export interface LayerSummary {
  /** Compressed, in bytes. */
  readonly size: number;
  /** What made it, such as `RUN apk add curl`. */
  readonly instruction: string;
}

export interface PackageDifference {
  readonly added: readonly PackageVersion[];
  readonly removed: readonly PackageVersion[];
  /** Also those that are older than before. */
  readonly upgraded: readonly PackageUpgrade[];
}

export interface PackageVersion {
  readonly name: string;
  readonly version: string;
}

export interface PackageUpgrade {
  readonly name: string;
  readonly before: string;
  readonly after: string;
}

export interface VulnerabilityFacts {
  /** The most important first. */
  readonly facts: readonly string[];
  /** What says more of it. */
  readonly next?: string;
}

export interface BuildCost {
  /** From begin to end. */
  readonly milliseconds: number;
  /** Those that were carried out. */
  readonly steps: readonly StepCost[];
  /** How many more were taken from the cache. */
  readonly cachedSteps: number;
  readonly downloadedBytes: number;
}

export interface StepCost {
  readonly stage: string;
  readonly text: string;
  readonly milliseconds: number;
}

export interface BuildHint {
  /** Of the Dockerfile, from 1. */
  readonly line: number;
  readonly text: string;
}

/** Rows of layers, for all platforms together. */
const mostLayers = 5;
const mostWords = 20;
const mostSlowSteps = 3;
const mostHints = 3;

/** The lines of a summary, none wider than so many columns; Infinity for a file. */
export function formatBuildSummary(summary: BuildSummary, width: number): string {
  const { digest, names, platforms, vulnerabilities, cost, hints } = summary;
  const shared = sharedDifference(platforms);
  const rows = Math.max(2, Math.floor(mostLayers / Math.max(1, platforms.length)));
  const lines = [
    digest,
    ...(names.length === 0 ? [] : listWords(" ", names.map(printable), width, 1)),
    ...platforms.flatMap((each) => [
      formatPlatform(each),
      ...formatLayers(each.layers, rows),
      ...(shared === undefined ? formatDifference(each.packages, width, false) : []),
    ]),
    ...(shared === undefined ? [] : formatDifference(shared, width, true)),
    ...formatVulnerabilities(vulnerabilities, width),
    ...formatCost(cost),
    ...formatHints(hints),
  ];
  return lines.map((line) => cutToWidth(line, width)).join("\n");
}

function formatPlatform({ platform, base, layers }: PlatformSummary): string {
  const own = layers.reduce((sum, { size }) => sum + size, 0);
  const total = formatBytes(own + (base?.size ?? 0));
  const over = base === undefined ? "" : `, +${formatBytes(own)} over ${printable(base.name)}`;
  return `${printable(platform)}: ${total} compressed${over}`;
}

/** The largest layers, in the order of the image. */
function formatLayers(layers: readonly LayerSummary[], most: number): string[] {
  if (layers.length === 0) return [];
  const bySize = layers.toSorted((a, b) => b.size - a.size);
  const large = new Set(layers.length <= most ? layers : bySize.slice(0, most - 1));
  const rest = layers.filter((layer) => !large.has(layer));
  const rows = layers
    .filter((layer) => large.has(layer))
    .map(({ size, instruction }) => [formatBytes(size), oneLine(instruction)]);
  if (rest.length > 0)
    rows.push([
      formatBytes(rest.reduce((sum, { size }) => sum + size, 0)),
      `… and ${countOf(rest.length, "smaller layer")}`,
    ]);
  const columns = [{ title: "SIZE", align: "right" as const }, { title: "LAYER" }];
  return formatTable(columns, rows)
    .split("\n")
    .map((line) => `  ${line}`);
}

/** The difference that all of several platforms have, which is told once. */
function sharedDifference(platforms: readonly PlatformSummary[]): PackageDifference | undefined {
  const [first, ...others] = platforms;
  if (first === undefined || others.length === 0) return undefined;
  const text = JSON.stringify(first.packages);
  return others.every(({ packages }) => JSON.stringify(packages) === text)
    ? first.packages
    : undefined;
}

function formatDifference(
  packages: PackageDifference | undefined,
  width: number,
  isShared: boolean,
): string[] {
  if (packages === undefined) return [];
  const { added, removed, upgraded } = packages;
  const lists: readonly [verb: string, names: readonly string[], lines: number][] = [
    ["added", added.map(versionedName), 2],
    ["removed", removed.map(versionedName), 1],
    ["upgraded", upgraded.map(({ name, before, after }) => `${name} ${before} -> ${after}`), 1],
  ];
  return lists
    .filter(([, names]) => names.length > 0)
    .flatMap(([verb, names, lines]) => {
      const begin = `${verb} ${countOf(names.length, "package")}`;
      const title = isShared ? `${begin} on each platform:` : `  ${begin}:`;
      return listWords(title, names.map(printable), width, lines);
    });
}

function versionedName({ name, version }: PackageVersion): string {
  return `${name}-${version}`;
}

const indent = "    ";

/** A title and words behind it, as many as so many lines hold, and how many more there are. */
function listWords(
  title: string,
  words: readonly string[],
  width: number,
  mostLines: number,
): readonly string[] {
  const linesOf = (count: number): readonly string[] => {
    const left = words.length - count;
    const shown = left === 0 ? words : [...words.slice(0, count), `… and ${left} more`];
    const lines = [title];
    for (const [at, word] of shown.entries()) {
      const next = at === shown.length - 1 ? word : `${word},`;
      const longer = `${lines.at(-1)!} ${next}`;
      const isFull = displayWidth(longer) > width && lines.length < mostLines;
      if (at > 0 && isFull) lines.push(indent + next);
      else lines.splice(-1, 1, longer);
    }
    return lines;
  };
  let count = Math.min(words.length, mostWords);
  const fits = (): boolean => linesOf(count).every((line) => displayWidth(line) <= width);
  while (count > 1 && !fits()) count -= 1;
  return linesOf(count);
}

/** On several lines where one would be cut. */
function formatVulnerabilities(
  vulnerabilities: BuildSummary["vulnerabilities"],
  width: number,
): readonly string[] {
  if (vulnerabilities === undefined) return [];
  const { facts, next } = vulnerabilities;
  const lines = listWords("vulnerabilities:", facts, width, 3);
  if (next === undefined) return lines;
  const longer = `${lines.at(-1)!}; ${next}`;
  if (displayWidth(longer) <= width) return [...lines.slice(0, -1), longer];
  return [...lines.slice(0, -1), `${lines.at(-1)!};`, indent + next];
}

function formatCost({ milliseconds, steps, cachedSteps, downloadedBytes }: BuildCost): string[] {
  const count = steps.length + cachedSteps;
  const said = [
    `built in ${formatDuration(milliseconds)}`,
    ...(count === 0 ? [] : [`${cachedSteps} of ${countOf(count, "step")} cached`]),
    `${formatBytes(downloadedBytes)} downloaded`,
  ];
  const slowest = steps
    .toSorted((a, b) => b.milliseconds - a.milliseconds)
    .slice(0, mostSlowSteps)
    .map((step) => ({ time: formatDuration(step.milliseconds), title: titleOf(step) }));
  const widest = Math.max(0, ...slowest.map(({ time }) => time.length));
  return [
    said.join(", "),
    ...slowest.map(
      ({ time, title }, at) =>
        `  ${(at === 0 ? "slowest" : "").padEnd(7)}  ${time.padStart(widest)}  ${title}`,
    ),
  ];
}

function formatHints(hints: readonly BuildHint[]): string[] {
  const shown = hints.length <= mostHints ? hints : hints.slice(0, mostHints - 1);
  const left = hints.length - shown.length;
  return [
    ...shown.map(({ line, text }) => `hint on line ${line}: ${oneLine(text)}`),
    ...(left === 0 ? [] : [`… and ${countOf(left, "more hint")}`]),
  ];
}
