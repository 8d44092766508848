/** The treemap on the page: cells as elements, their colours, and the keys that move between them. */
import { layoutCells, type Cell } from "./cells.ts";
import type { PageDocument, PageElement, PageEvent } from "./dom.ts";
import { formatShare, formatSize, shownName } from "./text.ts";
import type { PageNode } from "./tree.ts";

export interface TreemapView {
  /** Draws what is in a folder; the whole is what shares are said of. */
  draw(folder: PageNode, whole: PageNode): void;
  /** Marks what a search found; everything is plain again without. */
  mark(isFound: ((node: PageNode) => boolean) | undefined): void;
  /** Moves the focus to the cell of a node, if it is drawn. */
  focus(node: PageNode): void;
}

export interface TreemapActions {
  readonly hueOf: (node: PageNode) => number | undefined;
  /** The cell is under the pointer, at a place of the window, or has the focus; undefined when neither. */
  readonly onPoint: (node: PageNode | undefined, at: { x: number; y: number }) => void;
  readonly onOpen: (node: PageNode) => void;
  readonly onLeave: () => void;
}

export function treemapView(
  document: PageDocument,
  container: PageElement,
  actions: TreemapActions,
): TreemapView {
  let cells: Cell[] = [];
  let current: Cell | undefined;
  const elements = new Map<PageNode, PageElement>();
  const cellsByElement = new Map<PageElement, Cell>();

  const cellAt = (element: PageElement): Cell | undefined => {
    for (let at: PageElement | null = element; at !== null; at = at.parentElement) {
      const cell = cellsByElement.get(at);
      if (cell !== undefined) return cell;
    }
    return undefined;
  };

  const setCurrent = (cell: Cell | undefined): void => {
    if (current !== undefined) elements.get(current.node)!.tabIndex = -1;
    current = cell;
    if (cell !== undefined) elements.get(cell.node)!.tabIndex = 0;
  };

  const focusCell = (cell: Cell): void => {
    setCurrent(cell);
    elements.get(cell.node)!.focus({ preventScroll: true });
  };

  const moveBy = (step: number): void => {
    const siblings = cells.filter(({ parent }) => parent === current?.parent);
    const next = siblings[siblings.indexOf(current!) + step];
    if (next !== undefined) focusCell(next);
  };

  const keys: Readonly<Record<string, () => void>> = {
    ArrowDown: () => moveBy(1),
    ArrowUp: () => moveBy(-1),
    ArrowRight: () => {
      const first = cells.find(({ parent }) => parent === current);
      if (first !== undefined) focusCell(first);
    },
    ArrowLeft: () => {
      if (current?.parent !== undefined) focusCell(current.parent);
    },
    Enter: () => actions.onOpen(current!.node),
    " ": () => actions.onOpen(current!.node),
    Escape: actions.onLeave,
    Backspace: actions.onLeave,
  };

  container.addEventListener("keydown", (event: PageEvent) => {
    const act = event.altKey || event.ctrlKey || event.metaKey ? undefined : keys[event.key];
    if (act === undefined || current === undefined) return;
    event.preventDefault();
    act();
  });
  container.addEventListener("click", ({ target }) => {
    const cell = cellAt(target);
    if (cell !== undefined) actions.onOpen(cell.node);
  });
  container.addEventListener("pointermove", ({ target, clientX, clientY }) =>
    actions.onPoint(cellAt(target)?.node, { x: clientX, y: clientY }),
  );
  container.addEventListener("pointerleave", () => actions.onPoint(undefined, { x: 0, y: 0 }));
  container.addEventListener("focusin", ({ target }) => {
    const cell = cellAt(target);
    if (cell === undefined) return;
    setCurrent(cell);
    const { left, bottom } = target.getBoundingClientRect();
    actions.onPoint(cell.node, { x: left, y: bottom });
  });
  container.addEventListener("focusout", () => actions.onPoint(undefined, { x: 0, y: 0 }));

  const elementOf = (cell: Cell, whole: PageNode): PageElement => {
    const { node, box, depth, isLabelled, isOpen } = cell;
    const element = document.createElement("div");
    const name = shownName(node.name);
    const hue = actions.hueOf(node);
    element.className = `cell ${node.kind}${isOpen ? " open" : ""}${hue === undefined ? " plain" : ""}`;
    element.tabIndex = -1;
    element.setAttribute("role", "treeitem");
    element.setAttribute("aria-level", String(depth + 1));
    element.setAttribute(
      "aria-label",
      `${name}, ${formatSize(node.bytes)}, ${formatShare(node.bytes, whole.bytes)}`,
    );
    const place = { left: box.x, top: box.y, width: box.width, height: box.height };
    for (const [side, pixels] of Object.entries(place))
      element.style.setProperty(side, `${pixels.toFixed(2)}px`);
    element.style.setProperty("--depth", String(Math.min(depth, 6)));
    if (hue !== undefined) element.style.setProperty("--hue", hue.toFixed(0));
    if (isLabelled) {
      const label = document.createElement("span");
      label.className = "label";
      label.textContent = isOpen ? `${name} · ${formatSize(node.bytes)}` : name;
      element.append(label);
      if (!isOpen && box.height > 30 && box.width > 58) {
        const size = document.createElement("span");
        size.className = "size";
        size.textContent = formatSize(node.bytes);
        element.append(size);
      }
    }
    return element;
  };

  return {
    draw(folder, whole) {
      cells = layoutCells(folder, container.clientWidth, container.clientHeight);
      current = undefined;
      elements.clear();
      cellsByElement.clear();
      for (const cell of cells) {
        const element = elementOf(cell, whole);
        elements.set(cell.node, element);
        cellsByElement.set(element, cell);
      }
      container.replaceChildren(...elements.values());
      setCurrent(cells[0]);
    },
    mark(isFound) {
      for (const { node } of cells) {
        const found = isFound?.(node);
        elements.get(node)!.classList.toggle("found", found === true);
        elements.get(node)!.classList.toggle("dimmed", found === false);
      }
    },
    focus(node) {
      const cell = cells.find((each) => each.node === node);
      if (cell !== undefined) focusCell(cell);
    },
  };
}
