import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { layoutTreemap, type Box } from "./treemap.ts";

const anySize = fc.oneof(
  fc.nat({ max: 10 }),
  fc.nat({ max: 2 ** 40 }),
  fc.double({ min: 0, max: 1e12, noNaN: true }),
);
const anyBounds = fc.record({
  x: fc.integer({ min: -100, max: 100 }),
  y: fc.integer({ min: -100, max: 100 }),
  width: fc.integer({ min: 1, max: 4000 }),
  height: fc.integer({ min: 1, max: 4000 }),
});

function areaOf({ width, height }: Box): number {
  return width * height;
}

test("areas are in proportion to sizes, and fill the bounds", () => {
  fc.assert(
    fc.property(fc.array(anySize, { maxLength: 60 }), anyBounds, (sizes, bounds) => {
      const boxes = layoutTreemap(sizes, bounds);
      const total = sizes.reduce((sum, size) => sum + size, 0);
      const whole = areaOf(bounds);
      assert.equal(boxes.length, sizes.length);
      for (const [index, box] of boxes.entries()) {
        const expected = total === 0 ? 0 : (sizes[index]! / total) * whole;
        assert.ok(Math.abs(areaOf(box) - expected) <= whole * 1e-9, `${areaOf(box)} ${expected}`);
      }
    }),
  );
});

test("boxes stay inside the bounds and do not overlap", () => {
  fc.assert(
    fc.property(fc.array(anySize, { maxLength: 40 }), anyBounds, (sizes, bounds) => {
      const boxes = layoutTreemap(sizes, bounds);
      const slack = (bounds.width + bounds.height) * 1e-9;
      for (const { x, y, width, height } of boxes) {
        assert.ok(width >= 0 && height >= 0);
        assert.ok(x >= bounds.x - slack && x + width <= bounds.x + bounds.width + slack);
        assert.ok(y >= bounds.y - slack && y + height <= bounds.y + bounds.height + slack);
      }
      for (const [index, a] of boxes.entries())
        for (const b of boxes.slice(index + 1)) {
          const across = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
          const down = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
          assert.ok(across <= slack || down <= slack, `${index} overlaps`);
        }
    }),
  );
});

test("the example of the paper comes out as in the paper", () => {
  const boxes = layoutTreemap([6, 6, 4, 3, 2, 2, 1], { x: 0, y: 0, width: 6, height: 4 });
  const rounded = boxes.map((box) =>
    [box.x, box.y, box.width, box.height].map((value) => Math.round(value * 100) / 100),
  );
  assert.deepEqual(rounded, [
    [0, 0, 3, 2],
    [0, 2, 3, 2],
    [3, 0, 1.71, 2.33],
    [4.71, 0, 1.29, 2.33],
    [3, 2.33, 1.2, 1.67],
    [4.2, 2.33, 1.2, 1.67],
    [5.4, 2.33, 0.6, 1.67],
  ]);
});

test("many equal sizes are about square, and the order of the sizes does not matter", () => {
  const bounds = { x: 0, y: 0, width: 1200, height: 700 };
  const boxes = layoutTreemap(Array<number>(1000).fill(7), bounds);
  for (const { width, height } of boxes)
    assert.ok(Math.max(width / height, height / width) < 2.5, `${width} × ${height}`);
  const sizes = [5, 9, 1, 30, 2];
  const sorted = layoutTreemap(
    sizes.toSorted((a, b) => b - a),
    bounds,
  );
  const given = layoutTreemap(sizes, bounds);
  assert.deepEqual(given[3], sorted[0]);
  assert.deepEqual(given[2], sorted[4]);
});

test("what has no size, and what has no room, gets an empty box", () => {
  const bounds = { x: 3, y: 4, width: 10, height: 10 };
  const boxes = layoutTreemap([0, 5, Number.NaN, -1, Number.POSITIVE_INFINITY], bounds);
  assert.deepEqual(boxes.map(areaOf), [0, 100, 0, 0, 0]);
  assert.deepEqual(layoutTreemap([], bounds), []);
  for (const flat of [
    { ...bounds, width: 0 },
    { ...bounds, height: -1 },
  ])
    assert.deepEqual(layoutTreemap([1, 2], flat).map(areaOf), [0, 0]);
});
