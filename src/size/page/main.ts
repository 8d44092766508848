/** The report's page: which folder is shown, in which view, with which colours, and what was searched for. */
import type { PageData } from "./data.ts";
import type { PageDocument, PageElement, PageWindow } from "./dom.ts";
import { formatCount, formatShare, formatSize, shownName } from "./text.ts";
import { treemapView } from "./treemap-view.ts";
import { folderTree, nodesTo, packageTree, searchTree, type PageNode } from "./tree.ts";

/** Entries of the list beside the treemap, and results of a search. */
const mostListed = 200;

export function openPage(document: PageDocument, window: PageWindow): void {
  const element = (id: string): PageElement => document.getElementById(id)!;
  const data = JSON.parse(element("data").textContent!) as PageData;
  const view = element("view");
  const colour = element("colour");
  const layer = element("layer");
  const search = element("search");
  const tooltip = element("tooltip");
  let root: PageNode = folderTree(data, () => true);
  let shown: readonly PageNode[] = [root];
  const whole = root;
  const topHues = huesOf(root.children.map(({ name }) => name));

  const treemap = treemapView(document, element("treemap"), {
    hueOf: (node) => hueOf(node),
    onPoint: (node, at) => pointAt(node, at),
    onOpen: (node) => open(node),
    onLeave: () => leave(),
  });

  function hueOf(node: PageNode): number | undefined {
    if (colour.value === "layer") return node.layer < 0 ? undefined : hue(node.layer);
    if (colour.value === "package") return node.package < 0 ? undefined : hue(node.package);
    // Among packages the outermost is no folder, and each package has its own.
    return topHues.get(node.path.split("/", 1)[0]!) ?? hue(node.package);
  }

  function rebuild(): void {
    const wanted = layer.value === "" ? undefined : Number(layer.value);
    const isShown = (each: number): boolean => wanted === undefined || each === wanted;
    const path = shown.at(-1)!.path;
    root = view.value === "packages" ? packageTree(data, isShown) : folderTree(data, isShown);
    show(nodesTo(root, path));
  }

  function show(nodes: readonly PageNode[]): void {
    shown = nodes;
    draw();
    drawCrumbs();
    find();
  }

  function draw(): void {
    pointAt(undefined, { x: 0, y: 0 });
    treemap.draw(shown.at(-1)!, whole);
  }

  /** A folder is gone into; of a file the folder that it is in. */
  function open(node: PageNode): void {
    const nodes = nodesTo(root, node.path).filter(({ children }) => children.length > 0);
    if (nodes.at(-1) === shown.at(-1)) return;
    show(nodes);
    treemap.focus(nodes.at(-1)!.children[0]!);
  }

  function leave(): void {
    const left = shown.at(-1)!;
    if (shown.length === 1) return;
    show(shown.slice(0, -1));
    treemap.focus(left);
  }

  function drawCrumbs(): void {
    const crumbs = shown.map((node, depth) => {
      const button = document.createElement("button");
      const name = depth === 0 ? "all" : shownName(node.name);
      button.textContent = `${name} ${formatSize(node.bytes)}`;
      if (depth === shown.length - 1) button.setAttribute("aria-current", "location");
      button.addEventListener("click", () => show(shown.slice(0, depth + 1)));
      return button;
    });
    element("crumbs").replaceChildren(...crumbs);
  }

  /** The list has what a search found, or else what is in the folder. */
  function find(): void {
    const text = search.value.trim();
    if (text === "") {
      treemap.mark(undefined);
      const folder = shown.at(-1)!;
      const count = formatCount(folder.files, "file");
      return drawList(`${count}, ${formatSize(folder.bytes)}`, folder.children, false);
    }
    const found = searchTree(root, text, mostListed);
    treemap.mark((node) => found.related.has(node));
    drawList(
      `${found.count.toLocaleString("en")} found, ${formatSize(found.bytes)}`,
      found.nodes,
      true,
    );
  }

  function drawList(title: string, nodes: readonly PageNode[], byPath: boolean): void {
    element("list-title").textContent = title;
    const largest = nodes[0]?.bytes ?? 0;
    const rows = nodes.slice(0, mostListed).map((node) => {
      const button = document.createElement("button");
      button.className = "row";
      const name = document.createElement("span");
      const isFolder = node.children.length > 0;
      const text = byPath ? node.path.trimStart() : node.name;
      name.textContent = shownName(text) + (isFolder ? "/" : "");
      const size = document.createElement("span");
      size.className = "size";
      size.textContent = formatSize(node.bytes);
      button.append(name, size);
      const share = largest === 0 ? 0 : (100 * node.bytes) / largest;
      button.style.setProperty("--share", `${share.toFixed(1)}%`);
      button.addEventListener("click", () => reveal(node));
      return button;
    });
    element("list").replaceChildren(...rows);
  }

  /** Shows the folder of a node, or the folder that it is, and points at it. */
  function reveal(node: PageNode): void {
    open(node);
    if (node.children.length === 0) treemap.focus(node);
  }

  function pointAt(node: PageNode | undefined, at: { x: number; y: number }): void {
    tooltip.hidden = node === undefined;
    if (node === undefined) return;
    tooltip.replaceChildren(...factsOf(node).map((text) => line(text)));
    const { offsetWidth: width, offsetHeight: height } = tooltip;
    const x = Math.max(4, Math.min(at.x + 14, window.innerWidth - width - 8));
    const below = at.y + 16;
    const y = below + height > window.innerHeight ? Math.max(4, at.y - height - 10) : below;
    tooltip.style.setProperty("left", `${x}px`);
    tooltip.style.setProperty("top", `${y}px`);
  }

  function factsOf(node: PageNode): string[] {
    const path = node.path.trimStart();
    const isSmall = node.kind === "small-files";
    const facts = [
      isSmall ? `${node.name} in ${path.slice(0, path.indexOf("//"))}/` : path,
      `${formatSize(node.bytes)}, ${formatShare(node.bytes, whole.bytes)} of all`,
    ];
    if (node.children.length > 0) facts.push(formatCount(node.files, "file"));
    const layerName = data.layers[node.layer] ?? "";
    if (layerName !== "") facts.push(`layer ${node.layer + 1}: ${layerName}`);
    else if (node.layer >= 0 && data.layers.length > 1) facts.push(`layer ${node.layer + 1}`);
    if (node.package >= 0) facts.push(`package ${data.packages[node.package]}`);
    else if (data.packages.length > 0 && node.children.length === 0) facts.push("no package");
    return facts.map(shownName);
  }

  function line(text: string): PageElement {
    const each = document.createElement("div");
    each.textContent = text;
    return each;
  }

  for (const choice of [view, layer]) choice.addEventListener("change", rebuild);
  colour.addEventListener("change", () => {
    draw();
    find();
  });
  search.addEventListener("input", find);
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    search.value = "";
    find();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || document.activeElement === search) return;
    event.preventDefault();
    search.focus();
  });
  window.addEventListener("resize", () => {
    draw();
    find();
  });
  rebuild();
}

/** Neighbouring numbers get hues that are far apart. */
function hue(number: number): number {
  return (number * 137.508 + 210) % 360;
}

function huesOf(names: readonly string[]): Map<string, number> {
  return new Map(names.map((name, index) => [name, hue(index)]));
}
