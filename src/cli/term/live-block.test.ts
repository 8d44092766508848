import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import * as fc from "fast-check";
import { displayWidth } from "./display-width.ts";
import { layoutBlock, layoutFinished, tailLines, type BlockContent } from "./live-block.ts";

function building(steps: number, tail: number, transfers = 0): BlockContent {
  return {
    build: {
      milliseconds: 65_000,
      finished: 3,
      total: 9,
      running: Array.from({ length: steps }, (_, at) => ({
        title: `[stage-${at} 1/3] RUN make`,
        milliseconds: 1200,
        tail: Array.from({ length: tail }, (_none, line) => `line ${line + 1}`),
      })),
    },
    transfers: Array.from({ length: transfers }, (_, at) => ({
      subject: `layer ${at}`,
      received: 1024,
    })),
    status: "",
  };
}

function shown(content: BlockContent, columns: number, rows: number): string[] {
  return layoutBlock(content, { columns, rows }).map((line) => stripVTControlCharacters(line));
}

test("steps share the room for their output", () => {
  assert.deepEqual(shown(building(2, 3), 40, 8), [
    "[+] Building 1m 05s (3/9)",
    " => [stage-0 1/3] RUN make         1.2s",
    " => => # line 2",
    " => => # line 3",
    " => [stage-1 1/3] RUN make         1.2s",
    " => => # line 2",
    " => => # line 3",
  ]);
  assert.deepEqual(shown(building(2, 3), 40, 7).slice(1), [
    " => [stage-0 1/3] RUN make         1.2s",
    " => => # line 2",
    " => => # line 3",
    " => [stage-1 1/3] RUN make         1.2s",
    " => => # line 3",
  ]);
});

test("what has no room is counted", () => {
  assert.deepEqual(shown(building(4, 3), 40, 5).slice(1), [
    " => [stage-0 1/3] RUN make         1.2s",
    " => [stage-1 1/3] RUN make         1.2s",
    " => … and 2 more steps",
  ]);
  assert.deepEqual(shown(building(1, 0, 5), 40, 24).slice(1), [
    " => [stage-0 1/3] RUN make         1.2s",
    " => => layer 0                  1.0 KiB",
    " => => layer 1                  1.0 KiB",
    " => … and 3 more transfers",
  ]);
  assert.deepEqual(shown(building(4, 3), 40, 2), ["[+] Building 1m 05s (3/9)"]);
});

test("changes are made within a build, too", () => {
  const content = { ...building(1, 0), status: "(1/2) Installing curl" };
  assert.equal(shown(content, 40, 10).at(-1), " => => (1/2) Installing curl");
});

test("low windows show less output", () => {
  const counts = [1, 5, 10, 16, 24, 80].map((rows) => tailLines({ columns: 80, rows }));
  assert.deepEqual(counts, [1, 1, 2, 4, 5, 5]);
});

test("the time of a finished step is not far from its title", () => {
  const title = "[1/2] COPY 日本語 /src";
  const line = (columns: number): string =>
    stripVTControlCharacters(layoutFinished(title, "done", 12, { columns, rows: 24 }));
  assert.equal(line(40), " => [1/2] COPY 日本語 /src         0.0s");
  assert.equal(line(28), " => [1/2] COPY 日本…   0.0s");
  assert.equal(line(16), " => [1/2] COPY…");
  assert.equal(displayWidth(line(300)), 120);
});

test("the block is never higher or wider than the window", () => {
  const text = fc.string({ unit: "grapheme" });
  const transfer = fc.record(
    { subject: text, received: fc.nat(), total: fc.nat() },
    { requiredKeys: ["subject", "received"] },
  );
  const step = fc.record({ title: text, milliseconds: fc.nat(), tail: fc.array(text) });
  const build = fc.record({
    milliseconds: fc.nat(),
    finished: fc.nat(),
    total: fc.nat(),
    running: fc.array(step),
  });
  const content = fc.record({
    build: fc.option(build, { nil: undefined }),
    transfers: fc.array(transfer),
    status: text,
  });
  fc.assert(
    fc.property(
      content,
      fc.integer({ min: 2, max: 90 }),
      fc.integer({ min: 2, max: 30 }),
      (...all) => {
        const [block, columns, rows] = all;
        const lines = layoutBlock(block, { columns, rows });
        assert.ok(lines.length < rows);
        for (const line of lines) assert.ok(displayWidth(line) < columns, line);
      },
    ),
  );
});
