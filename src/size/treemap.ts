/**
 * Treemap: rectangles whose areas are in proportion to sizes, as square as they can be (Bruls,
 * Huizing and van Wijk, "Squarified Treemaps", 2000).
 *
 * The largest sizes come first. They are laid in a row along the shorter side of what is still free,
 * and the row takes one size more for as long as that does not make its worst rectangle more oblong.
 * Then the row is fixed, what it covers is cut off, and the next row begins in the rest.
 *
 * The page of the report runs this very file: it may import nothing.
 */

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * The boxes of sizes, in the order in which the sizes were given. Together they fill `bounds`; what has
 * no size, or none that is a number, gets an empty box.
 */
export function layoutTreemap(sizes: readonly number[], bounds: Box): Box[] {
  const boxes: Box[] = sizes.map(() => ({ x: bounds.x, y: bounds.y, width: 0, height: 0 }));
  const order = sizes
    .map((_, index) => index)
    .filter((index) => sizes[index]! > 0 && Number.isFinite(sizes[index]))
    .sort((a, b) => sizes[b]! - sizes[a]! || a - b);
  const { width, height } = bounds;
  if (!(width > 0) || !(height > 0)) return boxes;

  // Summed from the smallest up, because subtracting large sizes would drown the small ones in rounding.
  const left = order.map((index) => sizes[index]!);
  for (let at = left.length - 2; at >= 0; at -= 1) left[at]! += left[at + 1]!;
  let free = bounds;
  let start = 0;
  while (start < order.length) {
    const scale = (free.width * free.height) / left[start]!;
    const end = endOfRow(sizes, order, start, scale, Math.min(free.width, free.height));
    const row = order.slice(start, end);
    const total = row.reduce((sum, index) => sum + sizes[index]!, 0);
    // What is last takes all that is left, so that rounding leaves no gap.
    const share = end === order.length ? 1 : Math.min(1, total / left[start]!);
    free = placeRow(boxes, sizes, row, total, share, free);
    start = end;
  }
  return boxes;
}

/** Where the row that begins at `start` ends: before the size that would make it worse. */
function endOfRow(
  sizes: readonly number[],
  order: readonly number[],
  start: number,
  scale: number,
  side: number,
): number {
  const largest = sizes[order[start]!]! * scale;
  let area = largest;
  let worst = worstRatio(area, largest, largest, side);
  let end = start + 1;
  for (; end < order.length; end += 1) {
    const next = sizes[order[end]!]! * scale;
    const ratio = worstRatio(area + next, largest, next, side);
    if (ratio > worst) break;
    worst = ratio;
    area += next;
  }
  return end;
}

/** The longer side by the shorter one, of the most oblong rectangle in a row along `side`. */
function worstRatio(area: number, largest: number, smallest: number, side: number): number {
  return Math.max(
    (side * side * largest) / (area * area),
    (area * area) / (side * side * smallest),
  );
}

/** Puts a row along the shorter side of `free`, of which it takes `share`; returns what is still free. */
function placeRow(
  boxes: Box[],
  sizes: readonly number[],
  row: readonly number[],
  total: number,
  share: number,
  free: Box,
): Box {
  const isColumn = free.width >= free.height;
  const length = isColumn ? free.height : free.width;
  const depth = (isColumn ? free.width : free.height) * share;
  let before = 0;
  for (const index of row) {
    const from = (before / total) * length;
    before += sizes[index]!;
    const to = Math.min(1, before / total) * length;
    boxes[index] = isColumn
      ? { x: free.x, y: free.y + from, width: depth, height: to - from }
      : { x: free.x + from, y: free.y, width: to - from, height: depth };
  }
  return isColumn
    ? { ...free, x: free.x + depth, width: Math.max(0, free.width - depth) }
    : { ...free, y: free.y + depth, height: Math.max(0, free.height - depth) };
}
