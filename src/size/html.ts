/**
 * The size report as a page: one file with a treemap, which asks nothing of the network.
 *
 * Names in an image are chosen by whoever made it. They come into the page as JSON and as text, never as
 * markup, and a content security policy lets no other script run than the page's own.
 */
import { pagePolicy } from "../base/index.ts";
import type { LayerSize } from "./layer-size.ts";
import type { SizeReport } from "./measure.ts";
import { embeddableJson, pageData } from "./page-data.ts";
import { pageScript } from "./page-script.ts";
import { pageStyle } from "./page/style.ts";
import { formatCount, formatShare, formatSize, shownName } from "./page/text.ts";

/** Rows of a table; what is beyond them is in the report's JSON. */
const mostRows = 300;

export async function sizeHtml(report: SizeReport): Promise<string> {
  const script = await pageScript();
  const { subject, packages, layers } = report;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${pagePolicy(script, pageStyle)}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Size of ${escapeHtml(subject)}</title>
<style>${pageStyle}</style>
</head>
<body>
<header>
<h1>${escapeHtml(subject)}</h1>
<p class="soft">${escapeHtml(originOf(report))}</p>
<dl class="totals">${totalsOf(report).map(formatTotal).join("")}</dl>
</header>
<div class="bar">
<label>Show <select id="view"><option value="folders">folders</option>${packages === undefined ? "" : '<option value="packages">packages</option>'}</select></label>
<label>Colour by <select id="colour"><option value="folder">folder</option><option value="layer">layer</option>${packages === undefined ? "" : '<option value="package">package</option>'}</select></label>
<label${layers.length < 2 ? " hidden" : ""}>Layer <select id="layer"><option value="">all</option>${layers.slice(0, mostRows).map(layerOption).join("")}</select></label>
<label class="search">Search <input id="search" type="search" placeholder="part of a path" autocomplete="off"></label>
</div>
<nav id="crumbs" aria-label="Folder"></nav>
<main>
<div id="treemap" role="tree" aria-label="Files by size"></div>
<aside aria-label="Entries"><div id="list-title"></div><div id="list"></div></aside>
</main>
<p class="soft keys">Click a folder to go into it. Keys: arrows move, Enter goes in, Escape goes out, / searches. Sizes are unpacked, of what a container sees; hard links count once.</p>
<div id="tooltip" role="tooltip" hidden></div>
${savingsTable(report)}
${layersTable(report)}
${worldTable(report)}
${wasteTable(report)}
<script type="application/json" id="data">${embeddableJson(pageData(report))}</script>
<script>${script}</script>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return shownName(text).replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function originOf({ distribution, platform, digest }: SizeReport): string {
  const system =
    distribution === undefined
      ? undefined
      : [distribution.name, distribution.version].filter((word) => word !== undefined).join(" ");
  return [system, platform, digest].filter((word) => word !== undefined).join(" · ");
}

type Total = readonly [name: string, value: string];

function totalsOf({ totals, waste }: SizeReport): Total[] {
  const { compressed, isCompressed, unpacked, visible, layers, files, packages } = totals;
  const download = isCompressed === true ? "download, compressed" : "as stored, not compressed";
  return [
    ...(compressed === undefined ? [] : [[download, formatSize(compressed)] satisfies Total]),
    ["on disk, unpacked", formatSize(unpacked)],
    ["seen by a container", formatSize(visible)],
    ["wasted", `${formatSize(waste.bytes)} (${formatShare(waste.bytes, unpacked)})`],
    ["layers", String(layers)],
    ["files", files.toLocaleString("en")],
    ...(packages === undefined ? [] : [["packages", String(packages)] satisfies Total]),
  ];
}

function formatTotal([name, value]: Total): string {
  return `<div><dt>${name}</dt><dd>${value}</dd></div>`;
}

function layerOption({ instruction, unpacked }: LayerSize, index: number): string {
  const text = `${index + 1}: ${formatSize(unpacked)} ${instruction ?? ""}`.slice(0, 80);
  return `<option value="${index}">${escapeHtml(text)}</option>`;
}

/** One line, or two of which the second is softer. */
type Cell = string | readonly [string, string];

function savingsTable({ savings, layers }: SizeReport): string {
  const rows = savings.map(({ title, bytes, files, by, layers: stored, advice, example }) => {
    const layer = (by ?? stored)[0]!.layer;
    return [
      formatSize(bytes),
      [title, `${formatCount(files, "file")}, such as ${example}`],
      [`layer ${layer + 1}`, layers[layer]?.instruction ?? ""],
      advice,
    ] as const;
  });
  return table("What could be smaller", ["#bytes", "what", "where most of it is", "how"], rows);
}

function layersTable({ layers }: SizeReport): string {
  const rows = layers.map((layer, index) => {
    const { compressed, unpacked, wasted, added, changed, removed, instruction, repeats } = layer;
    const again = repeats === undefined ? "" : ` (the same as ${repeats + 1})`;
    return [
      compressed === undefined ? "" : formatSize(compressed),
      formatSize(unpacked),
      formatSize(wasted),
      `+${added.files} ~${changed.files} −${removed.files}`,
      [`${index + 1}${again}: ${instruction ?? ""}`, layer.digest ?? ""],
    ] as const;
  });
  const columns = ["#compressed", "#unpacked", "#wasted of those below", "files", "layer"];
  return table("Layers", columns, rows);
}

function worldTable({ packages }: SizeReport): string {
  const rows = (packages?.world ?? []).map(
    ({ entry, exclusive, shared }) =>
      [
        formatSize(exclusive.bytes),
        formatSize(shared.bytes),
        [entry, `${formatCount(exclusive.packages.length, "package")} would go with it`],
      ] as const,
  );
  return table("Entries of world", ["#would go", "#shared with others", "entry"], rows);
}

function wasteTable({ waste }: SizeReport): string {
  const rows = waste.files.map(({ path, bytes, copies }) => {
    const fates = copies.map(
      ({ layer, fate, by }) => `stored in layer ${layer + 1}, ${fate} by layer ${by + 1}`,
    );
    return [formatSize(bytes), [path, fates.join("; ")]] as const;
  });
  return table("Wasted files", ["#bytes", "file"], rows);
}

/** Columns that begin with a number sign hold sizes, which stand to the right. Empty without rows. */
function table(
  title: string,
  columns: readonly string[],
  rows: readonly (readonly Cell[])[],
): string {
  if (rows.length === 0) return "";
  const kinds = columns.map((column) => (column.startsWith("#") ? "number" : "text"));
  const head = columns.map(
    (column, index) => `<th class="${kinds[index]}">${column.replace("#", "")}</th>`,
  );
  const body = rows.slice(0, mostRows).map((cells) => {
    const html = cells.map((cell, index) => `<td class="${kinds[index]}">${formatCell(cell)}</td>`);
    return `<tr>${html.join("")}</tr>`;
  });
  return `<h2>${title}</h2>
<div class="scroll"><table><thead><tr>${head.join("")}</tr></thead><tbody>
${body.join("\n")}
</tbody></table></div>`;
}

/** Instructions may be as long as they like. */
const longestLine = 1000;

function formatCell(cell: Cell): string {
  const [text, more] = typeof cell === "string" ? [cell, ""] : cell;
  const shown = escapeHtml(text.slice(0, longestLine));
  return more === ""
    ? shown
    : `${shown}<div class="soft">${escapeHtml(more.slice(0, longestLine))}</div>`;
}
