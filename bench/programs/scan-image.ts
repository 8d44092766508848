/**
 * Scans the images in files with the database in a layout, as `bivy scan` does, and says on standard
 * error how long each part took: scan-image DATABASE FILE…
 */
import { openDatabase } from "../../src/advisory/index.ts";
import { defaultLimits as limits } from "../../src/base/index.ts";
import { readInventory } from "../../src/inventory/index.ts";
import { locateImage, openLayout, openStore } from "../../src/oci/index.ts";
import { scanSubject, subjectOfInventory, writeReport } from "../../src/scan/index.ts";

const start = performance.now();
const [databasePath = "", ...paths] = process.argv.slice(2);
const parts = { start, read: 0, match: 0, print: 0 };
let last = performance.now();
const spend = (part: "read" | "match" | "print"): void => {
  const now = performance.now();
  parts[part] += now - last;
  last = now;
};
const database = await openDatabase(await (await openLayout(databasePath)).open(), limits);
const time = Math.floor(Date.now() / 1000);
let text = "";
for (const path of paths) {
  const located = await locateImage({ kind: "path", path }, { store: openStore(), limits });
  const subject = subjectOfInventory(await readInventory(located!, { inspects: true }));
  spend("read");
  const report = await scanSubject(subject, { database, time, version: "0", maxAge: Infinity });
  spend("match");
  text += await writeReport("json", [report], { version: "0" });
  spend("print");
}
process.stdout.write(text);
process.stderr.write(JSON.stringify(parts));
