/** bivy db import: a bundle, a folder that mirrors the feeds, or an artifact of a registry becomes the current database. */
import type { Command } from "commander";
import { databaseForms, databaseStore, openDatabaseArgument } from "../advisories.ts";
import { addImageFlags, type ImageFlags } from "../image-source.ts";
import { withSession, type Session } from "../session.ts";
import { countOf } from "../term/quantity.ts";
import { printable, printResult } from "../term/streams.ts";
import { verifyDatabase } from "./verify-database.ts";

export function configure(command: Command): void {
  addImageFlags(command.argument("<DATABASE>", databaseForms))
    .addHelpText(
      "before",
      `Examples:
  $ bivy db import advisories.tar
  $ bivy db import mirror/secdb
  $ bivy db import registry.example.com/advisories:latest
`,
    )
    .action((word: string, flags: ImageFlags) =>
      withSession(flags, (session) => importDatabase(word, flags, session)),
    );
}

async function importDatabase(word: string, flags: ImageFlags, session: Session): Promise<void> {
  const database = await openDatabaseArgument(word, flags, session);
  // All of it is read before it takes the place of one that is good.
  await verifyDatabase(database);
  const store = await databaseStore(session);
  await store.put(database.image);
  session.progress.end();
  printResult(
    `${database.digest}\n${countOf(database.feeds.length, "feed")} of ${printable(database.branches.join(", "))}`,
  );
}
