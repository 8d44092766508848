/**
 * The examples of docs/commands: every console block of a page runs, in order, in one copy of a folder
 * of examples: hello, unless a comment `<!-- examples: NAME -->` of the page says another. A line `$ …`
 * is a command, what follows is what it prints, with `…` for anything; a line `# exit N` states the exit
 * code where it is not 0.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const project = fileURLToPath(new URL("..", import.meta.url));
const pages = join(project, "docs", "commands");

interface Example {
  readonly command: string;
  readonly expected: readonly string[];
  readonly exitCode: number;
}

function readExamples(page: string): Example[] {
  const examples: Example[] = [];
  for (const [, block] of page.matchAll(/^```console\n(.*?)^```$/gms)) {
    for (const part of block!.split(/^\$ /m).slice(1)) {
      const [command, ...lines] = part.trimEnd().split("\n");
      const exit = /^# exit (\d+)$/.exec(lines.at(-1) ?? "");
      const expected = exit === null ? lines : lines.slice(0, -1);
      examples.push({ command: command!, expected, exitCode: Number(exit?.[1] ?? 0) });
    }
  }
  return examples;
}

/** The folder of examples that a page's run in. */
function folderOf(page: string): string {
  return /^<!-- examples: ([a-z-]+) -->$/m.exec(page)?.[1] ?? "hello";
}

/** `…` stands for any text in a line, and for any lines where it stands alone. */
function toPattern(expected: readonly string[]): RegExp {
  const lines = expected.map((line) =>
    line === "…" ? "(?:.*\\n)*?" : `${line.split("…").map(escapePattern).join(".*")}\\n`,
  );
  return new RegExp(`^${lines.join("")}$`);
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

for (const name of readdirSync(pages)) {
  test(`docs/commands/${name}: the examples do what they say`, () => {
    const page = readFileSync(join(pages, name), "utf8");
    const examples = readExamples(page);
    assert.ok(examples.length > 0, "a page about a command has examples");
    const home = mkdtempSync(join(tmpdir(), "bivy-docs-"));
    try {
      const folder = join(home, folderOf(page));
      cpSync(join(project, "examples", folderOf(page)), folder, { recursive: true });
      const bin = join(home, "bin");
      mkdirSync(bin);
      writeFileSync(
        join(bin, "bivy"),
        `#!/bin/sh\nexec "${process.execPath}" "${join(project, "dist/cli/main.js")}" "$@"\n`,
      );
      chmodSync(join(bin, "bivy"), 0o755);
      const env = { PATH: `${bin}:${process.env["PATH"]}`, HOME: home, TMPDIR: home };
      for (const { command, expected, exitCode } of examples) {
        const { status, stdout, stderr } = spawnSync("sh", ["-c", `{ ${command}; } 2>&1`], {
          cwd: folder,
          env,
          encoding: "utf8",
        });
        assert.equal(status, exitCode, `${command}\n${stdout}${stderr}`);
        assert.match(stdout, toPattern(expected), command);
      }
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });
}
