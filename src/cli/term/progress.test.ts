import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import type { BivyEvent } from "../../base/index.ts";
import { displayWidth } from "./display-width.ts";
import { LiveView } from "./live-view.ts";
import { startProgress, type ProgressMode } from "./progress.ts";
import type { Clock, Screen } from "./screen.ts";

/** A terminal that obeys the few sequences that the live view writes, and refuses any other. */
class FakeScreen implements Screen {
  /** Rows, those that scrolled away included; a wide character is followed by an empty cell. */
  #cells: string[][] = [[]];
  #columns: number;
  #rows: number;
  #row = 0;
  #column = 0;
  isCursorShown = true;
  /** What was written, one text per write. */
  readonly writes: string[] = [];

  constructor(columns = 80, rows = 24) {
    this.#columns = columns;
    this.#rows = rows;
  }

  columns(): number {
    return this.#columns;
  }

  rows(): number {
    return this.#rows;
  }

  write(text: string): void {
    this.writes.push(text);
    // oxlint-disable-next-line no-control-regex
    for (const [part] of text.matchAll(/\u001b\[\??\d*[A-Za-z]|[^]/gu)) this.#obey(part);
  }

  /** Makes the window another size; rows that are too wide now are wrapped. */
  resize(columns: number, rows: number): void {
    this.#columns = columns;
    this.#rows = rows;
    let cursor = this.#row;
    this.#cells = this.#cells.flatMap((cells, at) => {
      const pieces = [cells.slice(0, columns)];
      for (let from = columns; from < cells.length; from += columns)
        pieces.push(cells.slice(from, from + columns));
      if (at < this.#row) cursor += pieces.length - 1;
      return pieces;
    });
    this.#row = cursor;
    // A terminal gives up blank rows at its bottom first.
    while (this.#cells.length - 1 > cursor && this.#cells.at(-1)!.length === 0) this.#cells.pop();
  }

  /** All that can be seen by scrolling back, without blank rows at the end. */
  history(): readonly string[] {
    const lines = this.#cells.map((cells) => cells.join("").trimEnd());
    return lines.slice(0, lines.findLastIndex((line) => line !== "") + 1);
  }

  /** The rows of the window, without blank ones at the end. */
  visible(): readonly string[] {
    return this.history().slice(this.#top());
  }

  cursor(): { readonly row: number; readonly column: number } {
    return { row: this.#row, column: this.#column };
  }

  #top(): number {
    return Math.max(0, this.#cells.length - this.#rows);
  }

  #obey(part: string): void {
    switch (part) {
      case "\n":
        return this.#feed();
      case "\r":
        this.#column = 0;
        return;
      case "\u001b[K":
        this.#cells[this.#row]!.length = Math.min(this.#cells[this.#row]!.length, this.#column);
        return;
      case "\u001b[J":
        for (const cells of this.#cells.slice(this.#row + 1)) cells.length = 0;
        return this.#obey("\u001b[K");
      case "\u001b[?25l":
      case "\u001b[?25h":
        this.isCursorShown = part.endsWith("h");
        return;
    }
    // oxlint-disable-next-line no-control-regex
    const up = /^\u001b\[(\d+)A$/.exec(part);
    if (up !== null) this.#row = Math.max(this.#top(), this.#row - Number(up[1]));
    else if (stripVTControlCharacters(part) !== "") this.#put(part);
  }

  #feed(): void {
    this.#row += 1;
    this.#column = 0;
    if (this.#row === this.#cells.length) this.#cells.push([]);
  }

  #put(character: string): void {
    // oxlint-disable-next-line no-control-regex
    if (/[\0-\x1f\x7f-\x9f]/.test(character))
      throw new Error(`a terminal would obey ${JSON.stringify(character)}`);
    const width = displayWidth(character);
    if (this.#column + width > this.#columns) this.#feed();
    const cells = this.#cells[this.#row]!;
    while (cells.length < this.#column) cells.push(" ");
    cells.splice(this.#column, width, ...[character, ""].slice(0, width));
    this.#column += width;
  }
}

/** A clock that goes on only when it is told to. */
class FakeClock implements Clock {
  #now = 1000;
  #waiting: { readonly at: number; readonly work: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, work: () => void): () => void {
    const entry = { at: this.#now + milliseconds, work };
    this.#waiting.push(entry);
    return () => void (this.#waiting = this.#waiting.filter((each) => each !== entry));
  }

  /** Lets time go by, and does what waits for it. */
  pass(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (;;) {
      const next = this.#waiting.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#waiting = this.#waiting.filter((each) => each !== next);
      this.#now = next.at;
      next.work();
    }
    this.#now = end;
  }

  /** Lets time go by while the process is busy, so that nothing that waits is done. */
  block(milliseconds: number): void {
    this.#now += milliseconds;
  }

  isWaitedFor(): boolean {
    return this.#waiting.length > 0;
  }
}

type State = Extract<BivyEvent, { type: "step" }>["state"];

function step(id: string, state: State, milliseconds?: number): BivyEvent {
  const [stage, text] = {
    a: ["builder 1/2", "FROM alpine:3.20"],
    b: ["builder 2/2", "RUN apk add curl"],
    c: ["tools 1/1", "RUN set -e;\n  make"],
    d: ["tools 2/2", "COPY a b"],
  }[id]! as [string, string];
  const time = milliseconds === undefined ? {} : { milliseconds };
  return { type: "step", id, stage, text, state, ...time };
}

function output(id: string, text: string, stream: "stdout" | "stderr" = "stdout"): BivyEvent {
  return { type: "output", step: id, stream, text };
}

/** What a mode writes for events; a number lets so many milliseconds go by. */
function written(mode: ProgressMode, events: readonly (BivyEvent | number)[]): string[] {
  const [screen, clock] = [new FakeScreen(), new FakeClock()];
  const progress = startProgress(mode, screen, clock);
  for (const event of events)
    if (typeof event === "number") clock.pass(event);
    else progress.report(event);
  progress.end();
  return screen.writes.join("").split("\n").slice(0, -1);
}

test("plain: a build is a log whose lines begin with the number of their step", () => {
  const lines = written("plain", [
    step("a", "cached"),
    step("b", "started"),
    512,
    output("b", "(1/5) Inst"),
    step("c", "started"),
    output("b", "alling a\n(2/5) Installing b\n"),
    488,
    output("c", "10%\r20%\r100%\n"),
    output("c", "cannot make\u001b[2J", "stderr"),
    output("b", "\n"),
    step("c", "failed", 300),
    output("b", "OK"),
    step("b", "canceled", 1234),
    step("a", "canceled"),
    output("b", "too late\n"),
  ]);
  assert.deepEqual(lines, [
    "#1 [builder 1/2] FROM alpine:3.20",
    "#1 CACHED",
    "",
    "#2 [builder 2/2] RUN apk add curl",
    "",
    "#3 [tools 1/1] RUN set -e; make",
    "#2 0.512 (1/5) Installing a",
    "#2 0.512 (2/5) Installing b",
    "#3 0.488 100%",
    "#2 1.000",
    "#3 0.488 cannot make",
    "#3 ERROR after 0.3s",
    "#2 1.000 OK",
    "#2 CANCELED 1.2s",
  ]);
});

test("plain: a step says again which it is when the reader has forgotten", () => {
  const lines = written("plain", [
    step("b", "started"),
    step("c", "started"),
    output("c", "c\n".repeat(19)),
    output("b", "b\n"),
    output("c", "c\n"),
    output("b", "b\n"),
    step("c", "done"),
    2000,
    step("b", "done"),
  ]);
  const titles = lines.flatMap((line, at) => (line.includes("RUN") ? [`${at} ${line}`] : []));
  assert.deepEqual(titles, [
    "0 #1 [builder 2/2] RUN apk add curl",
    "2 #2 [tools 1/1] RUN set -e; make",
    "23 #1 [builder 2/2] RUN apk add curl",
    "26 #2 [tools 1/1] RUN set -e; make",
  ]);
  assert.deepEqual(lines.slice(22), [
    "",
    "#1 [builder 2/2] RUN apk add curl",
    "#1 0.000 b",
    "",
    "#2 [tools 1/1] RUN set -e; make",
    "#2 0.000 c",
    "#1 0.000 b",
    "#2 DONE 0.0s",
    "#1 DONE 2.0s",
  ]);
});

const others: readonly BivyEvent[] = [
  { type: "phase", text: "resolving" },
  { type: "transfer", subject: "curl", received: 10, total: 2048, done: false },
  { type: "transfer", subject: "curl", received: 2048, total: 2048, done: true },
  { type: "retry", subject: "curl", attempt: 2, reason: "HTTP 503", waitMilliseconds: 1000 },
  { type: "verified", link: "package", subject: "curl", detail: "sha256" },
  { type: "change", position: 1, total: 2, text: "Installing curl" },
  { type: "script", subject: "curl.post-install", outcome: "started" },
  { type: "script", subject: "curl.trigger", outcome: "skipped" },
  {
    type: "script",
    subject: "curl.post-install",
    outcome: "failed",
    detail: "exit code 1",
    output: "no\nway\n",
  },
  { type: "warning", text: "old\u0007", hint: "Update." },
];

test("plain: other events are a line each", () => {
  assert.deepEqual(written("plain", others), [
    "resolving",
    "transferred curl (2.0 KiB)",
    "retrying curl (attempt 2) after 1000 ms: HTTP 503",
    "verified package curl: sha256",
    "(1/2) Installing curl",
    "Executing curl.post-install",
    "warning: curl.post-install failed: exit code 1",
    "  | no",
    "  | way",
    "warning: old\ufffd",
    "  Update.",
  ]);
});

test("quiet: warnings, and what a failed step printed", () => {
  assert.deepEqual(written("quiet", others), ["warning: old\ufffd", "  Update."]);
  const lines = written("quiet", [
    step("a", "cached"),
    step("b", "started"),
    step("c", "started"),
    output("b", "fine\n"),
    output("c", "no rule"),
    step("b", "done"),
    step("c", "failed"),
    step("b", "started"),
    step("b", "failed"),
  ]);
  assert.deepEqual(lines, [
    "------",
    " > [tools 1/1] RUN set -e; make:",
    "no rule",
    "------",
    "ERROR [builder 2/2] RUN apk add curl",
  ]);
});

test("json: each event is a line", () => {
  const events = [...others, step("c", "started"), output("c", "a\n\u001b[2J")];
  assert.deepEqual(
    written("json", events).map((line) => JSON.parse(line)),
    events,
  );
});

function openView(columns = 60, rows = 12) {
  const [screen, clock] = [new FakeScreen(columns, rows), new FakeClock()];
  const view = new LiveView(screen, clock);
  return { screen, clock, view, report: view.report };
}

test("tty: running steps are a block below the finished ones", () => {
  const { screen, clock, view, report } = openView();
  report({ type: "phase", text: "building" });
  report(step("a", "cached"));
  report(step("b", "started"));
  clock.pass(512);
  report(output("b", "(1/5) Installing a\n(2/5) Inst"));
  report(step("c", "started"));
  report({ type: "transfer", subject: "alpine", received: 1024, total: 4096, done: false });
  clock.pass(1000);
  assert.deepEqual(screen.visible(), [
    "building",
    " => CACHED [builder 1/2] FROM alpine:3.20",
    "[+] Building 1.4s (1/3)",
    " => [builder 2/2] RUN apk add curl                     1.4s",
    " => => # (1/5) Installing a",
    " => => # (2/5) Inst",
    " => [tools 1/1] RUN set -e; make                       0.9s",
    " => => alpine                             1.0 KiB / 4.0 KiB",
  ]);
  assert.deepEqual(screen.cursor(), { row: 8, column: 0 });
  report({ type: "transfer", subject: "alpine", received: 4096, total: 4096, done: true });
  report(step("b", "done", 3249));
  clock.pass(80);
  assert.deepEqual(screen.visible(), [
    "building",
    " => CACHED [builder 1/2] FROM alpine:3.20",
    " => [builder 2/2] RUN apk add curl                     3.2s",
    "[+] Building 1.5s (2/3)",
    " => [tools 1/1] RUN set -e; make                       1.0s",
  ]);
  report(step("c", "canceled", 2000));
  report(step("d", "canceled"));
  view.end();
  assert.deepEqual(screen.history(), [
    "building",
    " => CACHED [builder 1/2] FROM alpine:3.20",
    " => [builder 2/2] RUN apk add curl                     3.2s",
    " => CANCELED [tools 1/1] RUN set -e; make              2.0s",
  ]);
  assert.deepEqual(screen.cursor(), { row: 4, column: 0 });
  assert.ok(screen.isCursorShown);
  assert.ok(!clock.isWaitedFor());
});

test("tty: a failed step shows all that it printed", () => {
  const { screen, clock, view, report } = openView(60, 8);
  report(step("c", "started"));
  for (let line = 1; line <= 20; line += 1) report(output("c", `line ${line}\n`));
  clock.pass(500);
  assert.equal(screen.visible().length, 4);
  report(output("c", `${"x".repeat(70)}\nmake: \u001b[31mError 2`, "stderr"));
  report(step("c", "failed", 700));
  view.end();
  assert.deepEqual(screen.history(), [
    " => ERROR [tools 1/1] RUN set -e; make                 0.7s",
    "------",
    " > [tools 1/1] RUN set -e; make:",
    ...Array.from({ length: 20 }, (_, line) => `line ${line + 1}`),
    "x".repeat(60),
    "x".repeat(10),
    "make: Error 2",
    "------",
  ]);
});

test("tty: an interrupted build leaves nothing of the block", () => {
  const { screen, clock, view, report } = openView();
  report(step("a", "cached", 100));
  report(step("b", "started"));
  report(output("b", "working\n"));
  clock.pass(1000);
  screen.write("^C");
  view.end();
  assert.deepEqual(screen.history(), [
    " => CACHED [builder 1/2] FROM alpine:3.20              0.1s",
  ]);
  report(step("b", "canceled"));
  report(step("c", "done"));
  report(output("b", "more\n"));
  clock.pass(1000);
  assert.equal(screen.history().length, 1);
  assert.deepEqual(screen.cursor(), { row: 1, column: 0 });
});

test("tty: a step may fail before it starts, and stages may have no positions", () => {
  const { screen, clock, view, report } = openView();
  report({ type: "step", id: "x", stage: "x", text: "COPY a b", state: "started" });
  report(step("d", "failed", 12));
  clock.pass(80);
  assert.deepEqual(screen.visible(), [
    " => ERROR [tools 2/2] COPY a b                         0.0s",
    "[+] Building 0.1s (2/3)",
    " => [x] COPY a b                                       0.1s",
  ]);
  view.end();
  assert.equal(screen.history().length, 1);
});

test("tty: many events are few drawings, and the last one counts", () => {
  const { screen, clock, report } = openView();
  report(step("b", "started"));
  for (let line = 0; line < 1000; line += 1) {
    report(output("b", `line ${line}\n`));
    clock.pass(1);
  }
  assert.ok(screen.writes.length <= 14, `${screen.writes.length} drawings in a second`);
  clock.pass(100);
  assert.match(screen.visible().at(-1)!, /line 999$/);
  assert.ok(screen.writes.every((text) => text.endsWith("\u001b[?25h")));
});

test("tty: work that never pauses is seen, too", () => {
  const { screen, clock, report } = openView();
  report(step("b", "started"));
  clock.block(500);
  report(output("b", "busy\n"));
  assert.deepEqual(screen.visible(), [
    "[+] Building 0.5s (1/2)",
    " => [builder 2/2] RUN apk add curl                     0.5s",
    " => => # busy",
  ]);
});

test("tty: the block stays in its place when the window changes its size", () => {
  const { screen, clock, view, report } = openView(60, 30);
  report(step("a", "cached"));
  report(step("b", "started"));
  report(step("c", "started"));
  report(output("b", `${"日本語".repeat(20)}\nshort\n`));
  clock.pass(200);
  for (const [columns, rows] of [
    [31, 30],
    [100, 40],
    [47, 12],
  ] as const) {
    screen.resize(columns, rows);
    clock.pass(200);
    const headers = screen.history().filter((line) => line.startsWith("[+]"));
    assert.equal(headers.length, 1, `${columns} columns`);
  }
  view.end();
  assert.equal(screen.history().join(""), " => CACHED [builder 1/2] FROM alpine:3.20");
});

test("tty: other work is one line that changes", () => {
  const { screen, clock, view, report } = openView(40, 10);
  report({ type: "phase", text: "resolving" });
  report({ type: "transfer", subject: "one", received: 512, total: 2048, done: false });
  assert.deepEqual(screen.visible(), ["resolving", "transferring one 25%"]);
  report({ type: "transfer", subject: "two\u001b[2J", received: 100, done: false });
  clock.pass(80);
  assert.deepEqual(screen.visible(), ["resolving", "transferring one 25%, two\ufffd[2J 100 B"]);
  report({ type: "transfer", subject: "one", received: 2048, total: 2048, done: true });
  report({ type: "transfer", subject: "two\u001b[2J", received: 200, done: true });
  report({ type: "verified", link: "index", subject: "main", detail: "by a key" });
  report({ type: "verified", link: "package", subject: "curl", detail: "sha256" });
  clock.pass(80);
  report({ type: "change", position: 1, total: 9, text: `Installing ${"long-".repeat(9)}` });
  assert.deepEqual(screen.visible(), [
    "resolving",
    "verified index main: by a key",
    "(1/9) Installing long-long-long-long-l…",
  ]);
  report({ type: "script", subject: "curl.post-install", outcome: "started" });
  report({ type: "warning", text: "odd", hint: "Look." });
  clock.pass(80);
  assert.deepEqual(screen.visible().slice(2), ["warning: odd", "  Look."]);
  view.end();
  assert.ok(!clock.isWaitedFor());
  assert.deepEqual(screen.cursor(), { row: 4, column: 0 });
});

test("tty: without a block, lines are written as they are", () => {
  const { screen, report } = openView();
  report({ type: "phase", text: "one" });
  report({ type: "phase", text: "two" });
  assert.deepEqual(screen.writes.map(stripVTControlCharacters), ["one\n", "two\n"]);
});
