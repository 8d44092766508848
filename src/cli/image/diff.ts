/** bivy image diff: what changed from one image to another: packages, files, settings, size. */
import type { Command } from "commander";
import type { FileChange, InventoryDifference, PackageChange } from "../../inventory/index.ts";
import {
  addImageFlags,
  imageArgumentForms,
  inventoryOf,
  type ImageFlags,
} from "../image-source.ts";
import { addResultFlags, formatJson, writeResult, type ResultFlags } from "../result.ts";
import { withSession, type Session } from "../session.ts";
import { countOf, formatBytes } from "../term/progress.ts";
import { printable } from "../term/streams.ts";
import { formatTable } from "../term/table.ts";

interface DiffFlags extends ImageFlags, ResultFlags<"table" | "json"> {
  readonly all?: boolean;
}

export function configure(command: Command): void {
  addImageFlags(
    addResultFlags(
      command.argument("<BEFORE>", imageArgumentForms).argument("<AFTER>", "the other image"),
      ["table", "json"],
    ).option("--all", "list every file, not only the first of a long list"),
  )
    .addHelpText(
      "before",
      `Examples:
  $ bivy image diff alpine:3.19 alpine:3.20
  $ bivy image diff app:1 oci:out --format json
`,
    )
    .action((before: string, after: string, flags: DiffFlags) =>
      withSession(flags, (session) => diff(before, after, flags, session)),
    );
}

async function diff(
  before: string,
  after: string,
  flags: DiffFlags,
  session: Session,
): Promise<void> {
  const { compareInventories } = await import("../../inventory/index.ts");
  const options = { checksums: ["sha256"] as const };
  const left = await inventoryOf(before, flags, session, options);
  const right = await inventoryOf(after, flags, session, options);
  const difference = compareInventories(left, right);
  session.progress.end();
  const text =
    flags.format === "json"
      ? formatJson({ images: [before, after], ...difference })
      : formatDifference(difference, flags.all === true);
  await writeResult(text, flags);
}

const shownFiles = 40;

function formatDifference(difference: InventoryDifference, all: boolean): string {
  const { packages, files, settings } = difference;
  const parts = [formatSizes(difference)];
  if (packages.length > 0)
    parts.push(
      formatTable(
        [
          { title: "PACKAGE" },
          { title: "CHANGE" },
          { title: "VERSION" },
          { title: "SIZE", align: "right" },
        ],
        packages.map((change) => [
          printable(change.name),
          change.kind,
          printable(versionsOf(change)),
          signed(change.size),
        ]),
      ),
    );
  if (settings.length > 0)
    parts.push(
      formatTable(
        [{ title: "SETTING" }, { title: "BEFORE" }, { title: "AFTER" }],
        settings.map(({ setting, before, after }) => [
          printable(setting),
          shownValue(before),
          shownValue(after),
        ]),
      ),
    );
  if (files.length > 0) {
    const shown = all ? files : files.slice(0, shownFiles);
    const rows = shown.map((change) => [
      symbols[change.kind],
      printable(change.path),
      change.aspects.join(", "),
      change.sizeAfter === change.sizeBefore ? "" : signed(change.sizeAfter - change.sizeBefore),
      change.packages.map(printable).join(" "),
    ]);
    const table = formatTable(
      [
        { title: "" },
        { title: "PATH" },
        { title: "WHAT" },
        { title: "SIZE", align: "right" },
        { title: "PACKAGE" },
      ],
      rows,
    );
    const left = files.length - shown.length;
    parts.push(left === 0 ? table : `${table}\n… and ${left} more; list them with --all`);
  }
  if (packages.length + settings.length + files.length === 0)
    parts.push("The images have the same packages, files and settings.");
  return parts.join("\n\n");
}

const symbols: Readonly<Record<FileChange["kind"], string>> = {
  added: "+",
  removed: "-",
  changed: "~",
};

function formatSizes({
  before,
  after,
  packages,
  files,
  sharedLayers,
}: InventoryDifference): string {
  const rows = [
    [
      "compressed",
      ...[before, after].map(({ compressed }) =>
        compressed === undefined ? "" : formatBytes(compressed),
      ),
      before.compressed === undefined || after.compressed === undefined
        ? ""
        : signed(after.compressed - before.compressed),
    ],
    [
      "unpacked",
      formatBytes(before.unpacked),
      formatBytes(after.unpacked),
      signed(after.unpacked - before.unpacked),
    ],
    ["layers", `${before.layers}`, `${after.layers}`, `${sharedLayers} shared`],
    [
      "packages",
      `${before.packages}`,
      `${after.packages}`,
      packages.length === 0 ? "same" : countOf(packages.length, "change"),
    ],
    [
      "files",
      `${before.files}`,
      `${after.files}`,
      files.length === 0 ? "same" : countOf(files.length, "change"),
    ],
  ];
  return formatTable(
    [
      { title: "" },
      { title: "BEFORE", align: "right" },
      { title: "AFTER", align: "right" },
      { title: "CHANGE", align: "right" },
    ],
    rows,
  );
}

function versionsOf({ before, after }: PackageChange): string {
  if (before === undefined || after === undefined) return before ?? after ?? "";
  return before === after ? before : `${before} -> ${after}`;
}

function signed(bytes: number): string {
  if (bytes === 0) return "0 B";
  return `${bytes > 0 ? "+" : "-"}${formatBytes(Math.abs(bytes))}`;
}

const longestValue = 40;

function shownValue(value: unknown): string {
  if (value === undefined) return "(none)";
  const text = printable(typeof value === "string" ? value : JSON.stringify(value));
  return text.length > longestValue ? `${text.slice(0, longestValue - 1)}…` : text;
}
