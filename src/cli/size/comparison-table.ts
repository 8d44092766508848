/** Several images side by side as text. */
import type { ComparedImage, PullComparison, SizeComparison, SizeDelta } from "../../size/index.ts";
import { formatBytes } from "../term/progress.ts";
import { formatPull } from "./pull-table.ts";
import { formatSection } from "./section.ts";

/** `top` is how many lines a list has. */
export function formatComparison(
  { images, differences }: SizeComparison,
  pull: readonly PullComparison[],
  top: number,
): string {
  return [
    formatSection(
      {
        title: "SIZES (compressed is what is downloaded, unpacked what lies on the disk)",
        columns: ["#", "compressed", "ratio", "unpacked", "ratio", "files", "packages", "image"],
        row: ({ image, position }) => formatImage(image, position),
      },
      images.map((image, index) => ({ image, position: index + 1 })),
      images.length,
    ),
    formatLayers(images),
    ...differences.flatMap(({ folders, packages }, index) => [
      formatDeltas(`FOLDERS of [${index + 2}]`, "folder", folders, top),
      formatDeltas(`PACKAGES of [${index + 2}]`, "package", packages ?? [], top),
    ]),
    formatPull(pull, images),
    "NEXT: look into one of them\n  bivy size IMAGE",
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function formatImage(image: ComparedImage, position: number): readonly (string | number)[] {
  const { totals, compressedRatio, unpackedRatio, subject } = image;
  return [
    `[${position}]`,
    totals.compressed === undefined ? "" : formatBytes(totals.compressed),
    compressedRatio?.toFixed(2) ?? "",
    formatBytes(totals.unpacked),
    unpackedRatio?.toFixed(2) ?? "",
    totals.files,
    totals.packages ?? "",
    subject,
  ];
}

function formatLayers(images: readonly ComparedImage[]): string {
  return formatSection(
    {
      title: "LAYERS (shared: those that [1] has too)",
      columns: ["#", "layers", "wasted", "shared", "their compressed bytes"],
      row: ({ image, position }) => [
        `[${position}]`,
        image.totals.layers,
        formatBytes(image.totals.unpacked - image.totals.visible),
        ...(position === 1 ? ["", ""] : [image.sharedLayers, formatBytes(image.sharedCompressed)]),
      ],
    },
    images.map((image, index) => ({ image, position: index + 1 })),
    images.length,
  );
}

function formatDeltas(
  title: string,
  noun: string,
  deltas: readonly SizeDelta[],
  top: number,
): string {
  return formatSection(
    {
      title: `${title} that differ most from those of [1]`,
      columns: ["difference", "first", "this", noun],
      row: ({ name, delta, first, other }: SizeDelta) => [
        `${delta < 0 ? "-" : "+"}${formatBytes(Math.abs(delta))}`,
        first === undefined ? "" : formatBytes(first),
        other === undefined ? "" : formatBytes(other),
        noun === "folder" ? `/${name}` : name,
      ],
    },
    deltas,
    top,
  );
}
