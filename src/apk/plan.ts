/** Plans in apk's words: `(1/2) Installing b (2)`, `OK: 2 B in 2 packages`. */
import { formatIndentedList } from "./indented-list.ts";
import { comparePackageNames, type Package } from "./package.ts";
import { alters, type Change } from "./solver/solver.ts";
import { compareVersions } from "./version.ts";

/** The generations of apk, which word some things differently. */
export type ApkGeneration = 2 | 3;

/** What is done to a package, as apk says it; undefined when nothing is. */
export function changeVerb(change: Change): string | undefined {
  const { previous, next, same } = change;
  if (previous === undefined) return "Installing";
  if (next === undefined) return "Purging";
  if (same) {
    if (change.reinstall)
      return change.available ? "Reinstalling" : "[APK unavailable, skipped] Reinstalling";
    return change.previousTag === change.nextTag ? undefined : "Updating pinning";
  }
  const order = compareVersions(next.version, previous.version);
  return order < 0 ? "Downgrading" : order > 0 ? "Upgrading" : "Replacing";
}

function changedName(change: Change): string {
  return (change.next ?? change.previous)!.name;
}

/** `name@tag (1 -> 2)`, or with one version when only one is involved. */
function describeChange(change: Change): string {
  const { previous, next, same } = change;
  const tag = change.nextTag === "" ? "" : `@${change.nextTag}`;
  const versions =
    previous !== undefined && next !== undefined && !same
      ? `${previous.version} -> ${next.version}`
      : (next ?? previous)!.version;
  return `${changedName(change)}${tag} (${versions})`;
}

/** One line of a plan, without its counter; undefined for a package that stays as it is. */
export function formatChange(change: Change): string | undefined {
  const verb = changeVerb(change);
  return verb === undefined ? undefined : `${verb} ${describeChange(change)}`;
}

/** The lines of a plan, each with its counter. apk 3 pads the counter to the width of the total. */
export function formatChanges(changes: readonly Change[], generation: ApkGeneration = 3): string[] {
  const lines = changes.filter(alters).map((change) => formatChange(change));
  const width = generation === 3 ? String(lines.length).length : 0;
  return lines.map(
    (line, at) => `(${String(at + 1).padStart(width)}/${lines.length}) ${line ?? ""}`,
  );
}

/** How many packages and bytes a root holds. */
export interface RootTotals {
  readonly packages: number;
  /** Installed size in bytes. */
  readonly bytes: number;
}

/** The totals of what is installed. */
export function totalsOf(installed: readonly Package[]): RootTotals {
  return {
    packages: installed.length,
    bytes: installed.reduce((sum, { installedSize }) => sum + installedSize, 0),
  };
}

/** The totals once a plan was carried out. */
export function totalsAfter(before: RootTotals, changes: readonly Change[]): RootTotals {
  let { packages, bytes } = before;
  for (const { previous, next } of changes) {
    packages += Number(next !== undefined) - Number(previous !== undefined);
    bytes += (next?.installedSize ?? 0) - (previous?.installedSize ?? 0);
  }
  return { packages, bytes };
}

export interface SummaryOptions {
  readonly generation?: ApkGeneration;
  /** How many packages went wrong. */
  readonly errors?: number;
  /** With `--verbose`: how many directories and files the root's packages have. */
  readonly contents?: { readonly directories: number; readonly files: number };
}

/** The last line of a run: `OK: 7 MiB in 15 packages`. */
export function formatSummary(totals: RootTotals, options: SummaryOptions = {}): string {
  const { errors = 0, contents } = options;
  const size = formatTotalSize(totals.bytes, options.generation ?? 3);
  const outcome = errors === 0 ? "OK:" : `${errors} error${errors > 1 ? "s" : ""};`;
  if (contents === undefined) return `${outcome} ${size} in ${totals.packages} packages`;
  const { directories, files } = contents;
  return `${outcome} ${totals.packages} packages, ${directories} dirs, ${files} files, ${size}`;
}

function formatTotalSize(bytes: number, generation: ApkGeneration): string {
  return generation === 3 ? formatSize(bytes) : `${Math.floor(bytes / 1024 ** 2)} MiB`;
}

const sizeUnits = ["B", "KiB", "MiB", "GiB", "TiB"];

/** A size as apk 3 writes it: below 10000 of a unit, whole up to KiB, with one decimal above. */
export function formatSize(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (Math.fround(size) >= 10_000 && unit < sizeUnits.length - 1) {
    size /= 1024;
    unit++;
  }
  const figure = unit < 2 ? String(Math.floor(size)) : oneDecimal(Math.fround(size));
  return `${figure} ${sizeUnits[unit]}`;
}

/** Rounded to one decimal, a tie to the even digit, as C's printf does. */
function oneDecimal(value: number): string {
  const tenths = value * 10;
  const below = Math.floor(tenths);
  const isTie = tenths - below === 0.5;
  return ((isTie ? below + (below % 2) : Math.round(tenths)) / 10).toFixed(1);
}

interface Group {
  readonly title: string;
  readonly includes: (change: Change) => boolean;
}

const orphans: Group = {
  title:
    "NOTE: Consider running apk upgrade with --prune and/or --available.\n" +
    "The following packages are no longer available from a repository",
  includes: ({ next, nameInRepositories }) => next !== undefined && !nameInRepositories,
};

const alarming: readonly Group[] = [
  { title: "The following packages will be REMOVED", includes: ({ next }) => next === undefined },
  {
    title: "The following packages will be DOWNGRADED",
    includes: (change) => changeVerb(change) === "Downgrading",
  },
];

const ordinary: readonly Group[] = [
  {
    title: "The following NEW packages will be installed",
    includes: ({ previous }) => previous === undefined,
  },
  {
    title: "The following packages will be upgraded",
    includes: (change) => ["Upgrading", "Replacing"].includes(changeVerb(change) ?? ""),
  },
  { title: "The following packages will be reinstalled", includes: ({ reinstall }) => reinstall },
];

export interface OverviewOptions {
  /** apk's verbosity: 1 unless `--verbose` or `--quiet` was given. */
  readonly verbosity: number;
  readonly interactive: boolean;
  /** Bytes that must be downloaded. */
  readonly downloadSize: number;
  readonly width?: number;
}

/** The lists that apk shows before its plan with `--verbose` and `--interactive`. */
export function formatOverview(changes: readonly Change[], options: OverviewOptions): string {
  const sorted = changes.toSorted((a, b) => comparePackageNames(oldName(a), oldName(b)));
  const details = options.verbosity >= 2;
  const hidesVirtual = !details;
  const list = (group: Group, withVersions: boolean): string => {
    const members = sorted.filter((change) => group.includes(change));
    if (members.length === 0) return "";
    if (withVersions)
      return `${group.title}:\n${members.map((change) => `  ${describeForOverview(change)}\n`).join("")}`;
    return formatIndentedList(`${group.title}:\n`, members.map(changedName), {
      indent: 2,
      ...(options.width === undefined ? undefined : { width: options.width }),
    });
  };
  const listedOrphans: Group = {
    title: orphans.title,
    includes: (change) =>
      orphans.includes(change) && !(hidesVirtual && changedName(change).startsWith(".")),
  };
  let text = list(listedOrphans, false);
  const alarm = alarming.map((group) => list(group, details)).join("");
  text += alarm;
  if (alarm === "" && !options.interactive && options.verbosity <= 2) return text;
  for (const group of ordinary) text += list(group, details);
  if (options.downloadSize > 0)
    text += `Need to download ${formatSize(options.downloadSize)} of packages.\n`;
  const { bytes } = totalsAfter({ packages: 0, bytes: 0 }, changes);
  const outcome = bytes < 0 ? "disk space will be freed" : "additional disk space will be used";
  return `${text}After this operation, ${formatSize(Math.abs(bytes))} of ${outcome}.\n`;
}

function oldName(change: Change): string {
  return (change.previous ?? change.next)!.name;
}

/** Here apk gives the old version of what is removed or installed again. */
function describeForOverview(change: Change): string {
  const { previous, next, reinstall } = change;
  const tag = change.nextTag === "" ? "" : `@${change.nextTag}`;
  const versions =
    !reinstall && previous !== undefined && next !== undefined
      ? `${previous.version} -> ${next.version}`
      : (previous ?? next)!.version;
  return `${changedName(change)}${tag} (${versions})`;
}
