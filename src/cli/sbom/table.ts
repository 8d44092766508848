/** The contents of an image or of a bill of materials as text, in 80 columns; layers are counted from 1. */
import { compareNames } from "../../base/index.ts";
import type { StaticBinary, UnownedFiles } from "../../inventory/index.ts";
import type { SbomComponent, SbomContents, SbomPackage } from "../../sbom/index.ts";
import { fitMiddle } from "../scan/fit.ts";
import { lineWidth, shortened } from "../size/section.ts";
import { countOf, formatBytes } from "../term/progress.ts";
import { printable } from "../term/streams.ts";
import { formatTable, type Column } from "../term/table.ts";

/** What only the image itself can tell, and no bill of materials. */
export interface FoundFiles {
  readonly staticBinaries: readonly StaticBinary[];
  readonly unowned: UnownedFiles;
}

export function formatContents(
  contents: SbomContents,
  subject: string,
  found: FoundFiles | undefined,
): string {
  return [
    formatSummary(contents, subject),
    formatPackages(contents.packages),
    formatComponents(contents.others),
    ...(found === undefined ? [] : [formatStatic(found.staticBinaries), formatUnowned(found)]),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function formatSummary(contents: SbomContents, subject: string): string {
  const { distribution, packages, others, layers, digest, repositories } = contents;
  const system =
    distribution === undefined
      ? "no distribution known"
      : [distribution.name, distribution.version].filter((word) => word !== undefined).join(" ");
  const counts = [
    countOf(packages.length, "package"),
    ...(others.length === 0 ? [] : [countOf(others.length, "language package")]),
    ...(layers.length === 0 ? [] : [countOf(layers.length, "layer")]),
  ];
  return [
    subject,
    `${system}, ${counts.join(", ")}`,
    ...(digest === undefined ? [] : [digest]),
    ...repositories.map(({ url, tag }) => (tag === undefined ? url : `@${tag} ${url}`)),
  ]
    .map(printable)
    .join("\n");
}

function formatPackages(packages: readonly SbomPackage[]): string {
  if (packages.length === 0) return "";
  return formatList(
    "PACKAGES (why: asked for by world, or for the sake of what world asks for)",
    ["package", "origin", "layer", "repository", "why", "license"],
    packages
      .toSorted(byName)
      .map((each) => [
        `${each.name} ${each.version}`,
        each.origin === each.name ? "" : shortened(each.origin, 12),
        layerText(each.layer),
        shortened(repositoryText(each), 15),
        shortened(whyText(each), 13),
        each.license ?? "",
      ]),
  );
}

function byName(a: SbomPackage, b: SbomPackage): number {
  return compareNames(a.name, b.name);
}

function layerText(layer: number | undefined): string {
  return layer === undefined ? "" : String(layer + 1);
}

function repositoryText({ repository, tag }: SbomPackage): string {
  const { branch = "", name } = repository ?? {};
  const place = name === undefined ? branch : `${branch}/${name}`;
  return tag === undefined ? place : `@${tag} ${place}`.trim();
}

function whyText({ inWorld, path = [] }: SbomPackage): string {
  if (inWorld === undefined) return "";
  return inWorld ? "world" : (path[0] ?? "nothing");
}

function formatComponents(others: readonly SbomComponent[]): string {
  if (others.length === 0) return "";
  return formatList(
    "LANGUAGE PACKAGES",
    ["kind", "package", "layer", "owner", "license", "path"],
    others.map(({ ecosystem, name, version, layer, owner = "", license = "", path = "" }) => [
      ecosystem,
      `${name} ${version}`.trim(),
      layerText(layer),
      shortened(owner, 12),
      shortened(license, 12),
      path,
    ]),
  );
}

function formatStatic(binaries: readonly StaticBinary[]): string {
  if (binaries.length === 0) return "";
  return formatList(
    "STATIC BINARIES (what is linked into them is in no list)",
    ["layer", "owner", "path"],
    binaries.map(({ path, layer, owner = "" }) => [layerText(layer), owner, `/${path}`]),
  );
}

const mostUnowned = 10;

function formatUnowned({ unowned }: FoundFiles): string {
  const { count, bytes, files } = unowned;
  if (count === 0) return "";
  const shown = [...files].sort((a, b) => b.size - a.size).slice(0, mostUnowned);
  const rest = count > shown.length ? `\n… and ${count - shown.length} more` : "";
  return (
    formatList(
      `FILES OF NO PACKAGE (${countOf(count, "file")}, ${formatBytes(bytes)}; the largest)`,
      ["bytes", "layer", "path"],
      shown.map(({ path, size, layer }) => [formatBytes(size), layerText(layer), `/${path}`]),
    ) + rest
  );
}

/** The last column takes what is left of the line. A column in which nothing stands is left out. */
function formatList(
  title: string,
  names: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const kept = [...names.keys()].filter((at) => rows.some((row) => row[at] !== ""));
  const columns = kept.map((at): Column => ({
    title: names[at]!.toUpperCase(),
    align: names[at] === "layer" || names[at] === "bytes" ? "right" : "left",
  }));
  const printed = rows.map((row) => kept.map((at) => printable(row[at]!)));
  const widths = fitWidths(columns, printed);
  const table = formatTable(
    columns,
    printed.map((row) => row.map((text, at) => cut(text, widths[at]!, columns[at]!))),
  );
  return `${title}\n${table}`;
}

/** Of a package the version stands at the end, of a path the file. */
function cut(text: string, width: number, { title }: Column): string {
  if (title === "PACKAGE") return fitMiddle(text, width);
  return shortened(text, width, title === "PATH" ? "start" : "end");
}

/** What the last column has at least, where it needs as much. */
const leastLast = 10;

/** The widths with which a line fits: the widest columns give way first, numbers and titles never. */
function fitWidths(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): readonly number[] {
  const widths = columns.map((_, at) => Math.max(...rows.map((row) => [...row[at]!].length)));
  const least = columns.map(({ title, align }, at) =>
    align === "right" ? Math.max(widths[at]!, title.length) : title.length,
  );
  const fitted = widths.map((width, at) => Math.max(width, least[at]!));
  const last = fitted.length - 1;
  const natural = fitted[last]!;
  fitted[last] = Math.min(natural, Math.max(leastLast, least[last]!));
  const left = () => lineWidth - fitted.reduce((sum, width) => sum + width + 2, -2);
  while (left() < 0) {
    const widest = fitted.reduce<number | undefined>(
      (found, width, at) =>
        width > least[at]! && (found === undefined || width > fitted[found]!) ? at : found,
      undefined,
    );
    if (widest === undefined) break;
    fitted[widest]! -= 1;
  }
  fitted[last] = Math.min(natural, fitted[last] + left());
  return fitted;
}
