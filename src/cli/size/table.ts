/** A size report as text: what matters most first, in 80 columns; layers are counted from 1. */
import {
  tellingFolders,
  type LayerSize,
  type PackageSizes,
  type PullComparison,
  type Saving,
  type SizeReport,
} from "../../size/index.ts";
import { countOf, formatBytes } from "../term/progress.ts";
import { printable } from "../term/streams.ts";
import { formatPull } from "./pull-table.ts";
import { formatSection, shortened, lineWidth } from "./section.ts";

/** `top` is how many lines a list has. */
export function formatReport(
  report: SizeReport,
  pull: readonly PullComparison[],
  top: number,
): string {
  const { packages, folders, files, waste } = report;
  const telling = tellingFolders(
    folders,
    ({ path }) => path,
    ({ bytes }) => bytes,
  );
  return [
    formatSummary(report),
    formatSavings(report, top),
    formatLayers(report),
    ...(packages === undefined ? [] : formatPackages(packages, top)),
    formatSection(
      {
        title: "LARGEST FOLDERS",
        columns: ["bytes", "files", "path"],
        row: ({ path, bytes, files: count }) => [formatBytes(bytes), count, `/${path}`],
      },
      telling,
      top,
    ),
    formatSection(
      {
        title: "LARGEST FILES",
        columns: ["bytes", "layer", "path"],
        row: ({ path, bytes, layer }) => [formatBytes(bytes), layer + 1, `/${path}`],
      },
      files,
      top,
    ),
    formatSection(
      {
        title: "LARGEST WASTED FILES (in which layers, and what became of them)",
        columns: ["bytes", "layers", "fate", "path"],
        row: ({ path, bytes, copies }) => [
          formatBytes(bytes),
          shortened(copies.map(({ layer }) => layer + 1).join(" "), 12),
          shortened(
            [...new Set(copies.map(({ fate, by }) => `${fate} by ${by + 1}`))].join(", "),
            26,
          ),
          `/${path}`,
        ],
      },
      waste.files,
      top,
    ),
    formatPull(pull, [report]),
    nextSteps(report),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function formatSummary({ subject, distribution, platform, totals, waste }: SizeReport): string {
  const { compressed, isCompressed, manifest, config } = totals;
  const { unpacked, visible, layers, files, packages } = totals;
  const system =
    distribution === undefined
      ? undefined
      : [distribution.name, distribution.version].filter((word) => word !== undefined).join(" ");
  const facts = [
    system,
    platform,
    countOf(layers, "layer"),
    countOf(files, "file"),
    packages === undefined ? undefined : countOf(packages, "package"),
  ].filter((word) => word !== undefined);
  const download = isCompressed === true ? "to download, compressed" : "as stored, not compressed";
  const efficiency = `${(waste.efficiency * 100).toFixed(1)} %`;
  const rows: (readonly [number, string])[] = [
    [unpacked, "on disk, unpacked"],
    [visible, `seen by a container: ${efficiency} of what is on disk`],
    [waste.bytes, "wasted: replaced or removed by later layers"],
  ];
  if (compressed !== undefined)
    rows.unshift([compressed, `${download} (config ${config} B, manifest ${manifest} B)`]);
  return [
    printable(subject),
    shortened(printable(facts.join(", ")), lineWidth),
    "",
    ...rows.map(([bytes, text]) => `${formatBytes(bytes).padStart(11)}  ${text}`),
  ].join("\n");
}

/** Parts of what a container sees below which a saving is not worth a line. */
const smallestSaving = 0.001;

function formatSavings({ savings, layers, totals }: SizeReport, top: number): string {
  const telling = savings.filter(({ bytes }) => bytes >= totals.unpacked * smallestSaving);
  if (telling.length === 0) return "";
  const shown = telling.slice(0, top).flatMap((saving) => {
    const what = `${saving.title}, ${countOf(saving.files, "file")}: /${saving.example}`;
    return [
      `${formatBytes(saving.bytes).padStart(11)}  ${cutLine(what)}`,
      `${indent}${cutLine(placeOf(saving, layers))}`,
      `${indent}${saving.advice}`,
    ];
  });
  return ["WHAT COULD BE SMALLER (unpacked; a path is the largest file)", ...shown].join("\n");
}

const indent = " ".repeat(13);

function cutLine(text: string): string {
  return shortened(printable(text), lineWidth - indent.length);
}

/** The layer that most of it is in, or that hid most of it, with its instruction. */
function placeOf({ layers, by, packages }: Saving, all: readonly LayerSize[]): string {
  const stored = layers[0]!.layer;
  const hiding = by?.[0]?.layer;
  const instruction = all[hiding ?? stored]?.instruction ?? "";
  const others = (by ?? layers).length - 1;
  const more = others > 0 ? ` and ${others} more` : "";
  const owner = packages[0] === undefined ? "" : `, ${packages[0].name}`;
  const place =
    hiding === undefined
      ? `layer ${stored + 1}${more}${owner}`
      : `stored in layer ${stored + 1}, hidden by layer ${hiding + 1}${more}`;
  return instruction === "" ? place : `${place}: ${instruction}`;
}

function formatLayers({ layers }: SizeReport): string {
  return formatSection(
    {
      title: "LAYERS (wasted: bytes of layers below that it replaced or removed)",
      columns: ["#", "compressed", "unpacked", "wasted", "files", "instruction"],
      cut: "end",
      row: ({ layer, index }) => [
        index + 1,
        layer.compressed === undefined ? "" : formatBytes(layer.compressed),
        formatBytes(layer.unpacked),
        formatBytes(layer.wasted),
        `+${layer.added.files} ~${layer.changed.files} -${layer.removed.files}`,
        `${layer.repeats === undefined ? "" : `(again layer ${layer.repeats + 1}) `}${layer.instruction ?? ""}`,
      ],
    },
    layers.map((layer, index) => ({ layer, index })),
    layers.length,
  );
}

function formatPackages(
  { packages, world, unneeded, unowned }: PackageSizes,
  top: number,
): string[] {
  const notNeeded =
    unneeded.packages.length === 0
      ? ""
      : `NEEDED BY NO ENTRY OF WORLD: ${formatBytes(unneeded.bytes)} in ${countOf(unneeded.packages.length, "package")}\n` +
        cutLine(unneeded.packages.join(" "));
  return [
    formatSection(
      {
        title: "WORLD (what would go with an entry, and what it needs that others need too)",
        columns: ["would go", "packages", "shared", "entry"],
        row: ({ entry, exclusive, shared }) => [
          formatBytes(exclusive.bytes),
          exclusive.packages.length,
          formatBytes(shared.bytes),
          entry,
        ],
      },
      world,
      top,
    ),
    notNeeded,
    formatSection(
      {
        title: "LARGEST PACKAGES (as found in the tree)",
        columns: ["bytes", "files", "layer", "package"],
        row: ({ name, version, bytes, files, layer }) => [
          formatBytes(bytes),
          files,
          layer === undefined ? "" : layer + 1,
          `${name} ${version}`,
        ],
      },
      packages,
      top,
    ),
    formatSection(
      {
        title: `FILES OF NO PACKAGE (${formatBytes(unowned.bytes)})`,
        columns: ["bytes", "files", "folder"],
        row: ({ path, bytes, files }) => [formatBytes(bytes), files, `/${path}`],
      },
      unowned.folders,
      top,
    ),
  ];
}

function nextSteps({ subject, packages }: SizeReport): string {
  const image = /^[\w./:@-]+$/.test(subject) ? subject : "IMAGE";
  const steps = [`  bivy size ${image} --format html -o size.html`];
  if (packages !== undefined) steps.push(`  bivy why ${image} PACKAGE|FILE`);
  return ["NEXT: see it as a map, or ask why something is there", ...steps].join("\n");
}
