/** Reads the inventory of the image in a layout, and prints how much there is and the memory it took: read-inventory LAYOUT */
import { readFileSync } from "node:fs";
import { readInventory } from "../../src/inventory/index.ts";
import { openLayout } from "../../src/oci/index.ts";
import { walkTree } from "../../src/tree/index.ts";

const [path = ""] = process.argv.slice(2);
const image = await (await openLayout(path)).open();
const { packages, tree } = await readInventory({ kind: "image", image }, { checksums: ["sha1"] });
let files = 0;
for (const { node } of walkTree(tree.top)) if (node.kind === "file") files += 1;
// Not getrusage's figure: that counts the process that started this one too.
const status = readFileSync("/proc/self/status", "utf8");
const memory = (Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024) / 1e6;
process.stdout.write(
  `${files} files, ${packages.length} packages, at most ${memory.toFixed(0)} MB of memory\n`,
);
