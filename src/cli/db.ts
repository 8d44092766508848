/** bivy db: the advisory database: fetching, showing, moving and comparing it. */
import type { Command } from "commander";
import { addCommands, type LazyCommand } from "./lazy-command.ts";

const commands: readonly LazyCommand[] = [
  { name: "update", summary: "fetch the advisories", load: () => import("./db/update.ts") },
  {
    name: "status",
    summary: "show what the database holds, and how old it is",
    load: () => import("./db/status.ts"),
  },
  {
    name: "import",
    summary: "take a database from a bundle, a folder or a registry",
    load: () => import("./db/import.ts"),
  },
  {
    name: "export",
    summary: "write the database to a bundle or a registry",
    load: () => import("./db/export.ts"),
  },
  {
    name: "diff",
    summary: "compare two databases, and say which images to rebuild",
    load: () => import("./db/diff.ts"),
  },
];

const habits = {
  pull: "update",
  fetch: "update",
  list: "status",
  ls: "status",
  check: "status",
};

export async function configure(command: Command, words: readonly string[]): Promise<void> {
  command.addHelpText(
    "before",
    `Examples:
  $ bivy db update
  $ bivy db status
  $ bivy db export advisories.tar            for a machine without a network
  $ bivy db import advisories.tar
  $ bivy db diff previous current --images app:1 api:2
`,
  );
  await addCommands(command, commands, words, habits);
}
