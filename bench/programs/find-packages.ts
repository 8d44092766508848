/**
 * Loads an index, verifies its signature and prints the packages whose name has a word in it:
 * find-packages INDEX REPOSITORY-URL ARCH WORD
 */
import { readFileSync } from "node:fs";
import { builtInKeys, readIndexArchive, repositoryAt } from "../../src/apk/index.ts";
import { compareNames, defaultLimits } from "../../src/base/index.ts";

const [path = "", url = "", arch = "", word = ""] = process.argv.slice(2);
const { packages } = readIndexArchive(readFileSync(path), {
  subject: path,
  limits: defaultLimits,
  trust: { keyring: { keys: builtInKeys(arch) }, repository: repositoryAt(url) },
});
const found = packages
  .filter(({ name }) => name.includes(word))
  .map(({ name, version }) => `${name}-${version}`)
  .sort(compareNames);
process.stdout.write(`${found.join("\n")}\n`);
