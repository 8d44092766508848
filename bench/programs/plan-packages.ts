/**
 * Loads an index, verifies its signature, solves, and prints the plan as apk does. The times of the
 * parts go to stderr, as JSON: plan-packages INDEX REPOSITORY-URL ARCH NAME...
 */
import { readFileSync } from "node:fs";
import {
  builtInKeys,
  parseAtom,
  readIndexArchive,
  repositoryAt,
  solve,
} from "../../src/apk/index.ts";
import { formatChanges } from "../../src/apk/plan.ts";
import { ProviderIndex } from "../../src/apk/solver/providers.ts";
import { defaultLimits } from "../../src/base/index.ts";

const loaded = performance.now();
const [path = "", url = "", arch = "", ...names] = process.argv.slice(2);
const { packages } = readIndexArchive(readFileSync(path), {
  subject: path,
  limits: defaultLimits,
  trust: { keyring: { keys: builtInKeys(arch) }, repository: repositoryAt(url) },
});
const read = performance.now();
const supply = new ProviderIndex({
  installed: [],
  repositories: [{ packages, url }],
  architectures: [arch],
});
const linked = performance.now();
const solution = solve({ world: names.map(parseAtom), supply });
const solved = performance.now();
if (solution.kind === "failure") throw new Error("the names cannot be installed together");
process.stdout.write(`${formatChanges(solution.changes, 2).join("\n")}\n`);
const printed = performance.now();
process.stderr.write(
  JSON.stringify({
    "start and modules": loaded,
    "index and signature": read - loaded,
    "names and providers": linked - read,
    solve: solved - linked,
    print: printed - solved,
  }),
);
