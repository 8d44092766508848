/** Cells: the rectangles that the treemap draws, folders with what is in them. */
import { layoutTreemap, type Box } from "../treemap.ts";
import type { PageNode } from "./tree.ts";

export interface Cell {
  readonly node: PageNode;
  readonly box: Box;
  /** 0 for what stands directly in the folder that is shown. */
  readonly depth: number;
  readonly parent?: Cell;
  /** Whether there is room for its name. */
  readonly isLabelled: boolean;
  /** Whether what is in it is drawn too. */
  readonly isOpen: boolean;
}

/** More than these make a page slow, and nobody can tell them apart. */
const mostCells = 2500;
/** Square pixels below which a cell is not drawn. */
const smallestArea = 9;
/** Pixels that a folder's name takes, and those around what is in it. */
const headerHeight = 17;
const padding = 2;
const smallestOpenWidth = 44;
const smallestOpenHeight = 36;
const smallestLabelWidth = 34;
const smallestLabelHeight = 13;

/** The cells of what is in a folder, outer ones before inner ones, those of one depth the largest first. */
export function layoutCells(folder: PageNode, width: number, height: number): Cell[] {
  const cells: Cell[] = [];
  const bounds = { x: 0, y: 0, width, height };
  let level: { readonly node: PageNode; readonly bounds: Box; readonly parent?: Cell }[] = [
    { node: folder, bounds },
  ];
  for (let depth = 0; level.length > 0; depth += 1) {
    const next: typeof level = [];
    // If not all can be drawn, the small ones go without.
    level.sort((a, b) => b.bounds.width * b.bounds.height - a.bounds.width * a.bounds.height);
    for (const { node, bounds: free, parent } of level) {
      const boxes = layoutTreemap(
        node.children.map(({ bytes }) => bytes),
        free,
      );
      for (const [index, child] of node.children.entries()) {
        const box = boxes[index]!;
        // Children come the largest first: those that follow are no larger.
        if (box.width * box.height < smallestArea) break;
        if (Math.min(box.width, box.height) < 1) continue;
        if (cells.length >= mostCells) return cells;
        const isOpen =
          child.children.length > 0 &&
          box.width >= smallestOpenWidth &&
          box.height >= smallestOpenHeight;
        const cell: Cell = {
          node: child,
          box,
          depth,
          ...(parent === undefined ? {} : { parent }),
          isLabelled: box.width >= smallestLabelWidth && box.height >= smallestLabelHeight,
          isOpen,
        };
        cells.push(cell);
        if (isOpen) next.push({ node: child, bounds: insideOf(box), parent: cell });
      }
    }
    level = next;
  }
  return cells;
}

function insideOf({ x, y, width, height }: Box): Box {
  return {
    x: x + padding,
    y: y + headerHeight,
    width: width - 2 * padding,
    height: height - headerHeight - padding,
  };
}
