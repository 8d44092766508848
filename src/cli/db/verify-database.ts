/** Reads every part of a database, so that one that is damaged is found before it is relied on. */
import type { AdvisoryDatabase } from "../../advisory/index.ts";

export async function verifyDatabase(database: AdvisoryDatabase): Promise<void> {
  for (const branch of database.branches) await database.branch(branch);
  for (const feed of database.feeds) if (feed.name !== "secdb") await database.read(feed);
  await database.releases();
  await database.rejections();
  await database.ranking();
  await database.history();
}
